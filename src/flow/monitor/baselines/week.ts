import { CELLS, DAY, HEAD, HOUR, WEEK_HOURS, WEEKS, type Behaviour } from './behaviour.ts'

/** What a policy says of an agent's pace, in actions an hour. */
export interface PacePrior {
  readonly expect: number | null
}

/** An hour that was counted for fewer minutes teaches nothing. */
const ENOUGH = 45
/** How long the allowance for bursts takes to go, in days that were seen. */
const COLD_DAYS = 3
/** The most that one hour can teach, in multiples of what was expected: whoever wants to shift the normal needs days. */
const TEACHES_AT_MOST = 2
/** The share of the hours that working days are, at the least. */
const MOSTLY = 0.7
/** The fastest growth that is followed, as logarithm a week; the absolute limits hold all the same. */
const MOST_GROWTH = Math.log(2)
/** Pairs of hours a week apart that growth is read from, at least. */
const GROWTH_PAIRS = 48

/** 1970-01-01 was a Thursday; slot 0 is the hour after midnight (UTC) on Monday. */
export function slotOf(hour: number): number {
  return (hour + 72) % WEEK_HOURS
}

const scratch = new Float64Array(32)

/** Reads the hours that are kept: what is expected in each of the week, how it grows, and how far hours lie from it. */
export function readWeek(b: Behaviour, prior: PacePrior, at: number): void {
  const { head } = b.learned
  const current = Math.floor(at / HOUR)
  const newest = Math.max(current, head[HEAD.newestHour] as number)
  const firstAt = head[HEAD.firstAt] === 0 ? at : (head[HEAD.firstAt] as number)
  const oldest = Math.max(newest - CELLS + 1, Math.min(current, Math.floor(firstAt / HOUR)))
  b.busiest = busiestHour(b, prior, oldest, current)
  b.growth = growthOf(b, oldest, current)
  let mean = 0
  for (let slot = 0; slot < WEEK_HOURS; slot++) {
    const own = gather(b, slot, WEEK_HOURS, oldest, current)
    const usual = usualOf(own)
    let expected = usual
    if (own < 2) {
      const days = gather(b, slot % 24, 24, oldest, current)
      const ofDay = days > 0 ? scratchMax(days) : b.busiest
      // A whole week was not seen yet: a quiet Sunday says nothing of Monday.
      expected =
        own === 1 ? Math.max(usual, medianOfHours(b, slot, oldest, current)) : Math.max(ofDay, b.busiest)
    }
    b.week[slot] = expected
    mean += expected / WEEK_HOURS
  }
  // One call in a quiet night is no wonder.
  const floor = mean / 4
  for (let slot = 0; slot < WEEK_HOURS; slot++) if ((b.week[slot] as number) < floor) b.week[slot] = floor
  readLevel(b, oldest, current)
  b.usualMinute = usualMinute(b)
  anchor(b, mean, at)
  const weeks = Math.max(1, Math.min(WEEKS, (current - oldest) / WEEK_HOURS))
  b.weeks = weeks
  b.events = Math.max(prior.expect === null ? 0 : 16, mean * weeks * 3)
  const seenDays = Math.max(0, (current - oldest) / 24)
  b.allowance = Math.max(seenDays < COLD_DAYS ? 20 : 0, b.busiest * Math.max(0, 1 - seenDays / COLD_DAYS))
}

/** The busiest hour so far; one hour makes it at most twice as busy. 0 while nothing is known. */
function busiestHour(b: Behaviour, { expect }: PacePrior, oldest: number, current: number): number {
  let busiest = expect ?? 0
  for (let hour = oldest; hour < current; hour++) {
    const count = countOf(b, hour)
    if (count < 0) continue
    if (busiest === 0) busiest = count
    else if (count > busiest) busiest = Math.min(count, TEACHES_AT_MOST * busiest)
  }
  return busiest
}

/** Arrivals of an hour that was counted long enough, else -1. */
function countOf({ learned }: Behaviour, hour: number): number {
  const minutes = learned.covered[hour % CELLS] as number
  return minutes < ENOUGH ? -1 : ((learned.counts[hour % CELLS] as number) * 60) / minutes
}

/**
 * Puts the counts of every hour with this place in the period into `scratch`, each grown to what it would be now. Answers
 * how many.
 */
function gather(b: Behaviour, place: number, period: number, oldest: number, current: number): number {
  const last = current - 1
  let hour = last - ((((slotOf(last) - place) % period) + period) % period)
  let found = 0
  for (; hour >= oldest && found < scratch.length; hour -= period) {
    const count = countOf(b, hour)
    if (count >= 0) scratch[found++] = count * Math.exp((b.growth * (current - hour)) / WEEK_HOURS)
  }
  return found
}

function medianOf(length: number): number {
  const sorted = scratch.subarray(0, length).sort()
  const middle = length >> 1
  return length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

/**
 * The mean of what lies within a factor of two of the upper median: of four weeks two may have had a holiday, of three
 * one, of two one, and a campaign or an outage in one of them says nothing of the others.
 */
function usualOf(length: number): number {
  if (length === 0) return 0
  const sorted = scratch.subarray(0, length).sort()
  const median = sorted[length >> 1] as number
  let sum = 0
  let kept = 0
  for (let i = 0; i < length; i++) {
    const count = sorted[i] as number
    if (count < median / 2 || count > median * 2) continue
    sum += count
    kept++
  }
  return sum / kept
}

function medianOfHours(b: Behaviour, slot: number, oldest: number, current: number): number {
  const found = gather(b, slot % 24, 24, oldest, current)
  return found > 0 ? medianOf(found) : b.busiest
}

function scratchMax(length: number): number {
  let highest = 0
  for (let i = 0; i < length; i++) highest = Math.max(highest, scratch[i] as number)
  return highest
}

const ratios = new Float64Array(CELLS)

/**
 * How much an hour grows in a week, as logarithm: the median over all hours whose hour a week before was counted too, so
 * that neither holidays nor campaigns speak. An agent that does less is held to what it did.
 */
function growthOf(b: Behaviour, oldest: number, current: number): number {
  let found = 0
  for (let hour = oldest + WEEK_HOURS; hour < current; hour++) {
    const before = countOf(b, hour - WEEK_HOURS)
    const count = countOf(b, hour)
    // Where little is counted, chance decides; half of what is counted counts as much as none.
    if (count < 0 || before < 0 || count + before < Math.max(10, b.busiest / 2)) continue
    ratios[found++] = Math.log((count + 0.5) / (before + 0.5))
  }
  if (found < GROWTH_PAIRS) return 0
  const median = ratios.subarray(0, found).sort()[found >> 1] as number
  return Math.max(0, Math.min(MOST_GROWTH, median))
}

/** How many days growth is read from: after a holiday it is seen on the day before. */
const LEVEL_DAYS = 3
const counted = new Float64Array(LEVEL_DAYS)
const usually = new Float64Array(LEVEL_DAYS)

/**
 * How busy the busiest of the last days was against what was expected of it, never below 1; and how far hours lie from
 * what is expected.
 */
function readLevel(b: Behaviour, oldest: number, current: number): void {
  let found = 0
  let chance = 0
  counted.fill(0)
  usually.fill(0)
  for (let hour = Math.max(oldest, current - 2 * WEEK_HOURS); hour < current; hour++) {
    const count = countOf(b, hour)
    const usual = (b.week[slotOf(hour)] as number) * Math.exp((-b.growth * (current - hour)) / WEEK_HOURS)
    if (count < 0 || usual <= 0) continue
    const day = Math.floor((current - 1 - hour) / 24)
    if (day < LEVEL_DAYS) {
      counted[day] = (counted[day] as number) + Math.min(count, TEACHES_AT_MOST * usual)
      usually[day] = (usually[day] as number) + usual
    }
    // Counting alone makes few differ from few.
    if (usual < 5 || usual < b.busiest / 4) continue
    ratios[found++] = Math.log((count + 0.5) / (usual + 0.5))
    chance += 1.3 / usual
  }
  b.level = 1
  for (let day = 0; day < LEVEL_DAYS; day++)
    if ((usually[day] as number) >= 1)
      b.level = Math.max(b.level, (counted[day] as number) / (usually[day] as number))
  // In the first weeks what is expected is a guess from above, and says little of how far hours lie from it.
  const weeks = (current - oldest) / WEEK_HOURS
  if (found < 48 || weeks < 2) {
    b.spread = 0.2
    return
  }
  // Median of the absolute deviations, from 0: what lies below is as far from it as what lies above. Days off lie far
  // below: as long as they are few, what is not within a factor of two says nothing of a working day.
  for (let i = 0; i < found; i++) ratios[i] = Math.abs(ratios[i] as number)
  const sorted = ratios.subarray(0, found).sort()
  let within = found
  while (within > 0 && (sorted[within - 1] as number) > Math.LN2) within--
  const kept = within >= MOSTLY * found ? within : found
  const median = sorted[kept >> 1] as number
  // Each hour is part of the mean that it is measured by.
  const own = 1 - 1 / Math.min(WEEKS, weeks)
  const measured = Math.sqrt(Math.max(0, (1.4826 * median) ** 2 / own - chance / found))
  b.spread = Math.max(measured, weeks < WEEKS - 0.5 ? 0.2 : 0.1)
}

/** Once the first week is over, what was normal in it is what growth is measured by. */
function anchor(b: Behaviour, mean: number, at: number): void {
  const { head } = b.learned
  if (head[HEAD.anchor] !== 0 || mean === 0 || at < (head[HEAD.firstAt] as number) + 7 * DAY) return
  head[HEAD.anchor] = mean
  b.dirty = true
}

/** What comes in a minute of the busiest hour of the week without being a burst. */
function usualMinute({ week, level }: Behaviour): number {
  let busiest = 0
  for (const expected of week) if (expected > busiest) busiest = expected
  return 1 + (2 * busiest * level) / 60
}
