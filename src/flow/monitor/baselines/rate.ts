import { CELLS, DAY, HEAD, HOUR, STATS, WEEK_HOURS, WEEKS, type Behaviour } from './behaviour.ts'
import { raise } from './evidence.ts'

/** How many times the reference rate each statistic looks for. */
export const FACTORS = [1.8, 3, 8, 30] as const
const LOGS = FACTORS.map(Math.log)
const MINUTE = 60_000
/** Actions are judged this much out of order, at the most, ms. */
const BACKWARDS = 1000
/** An hour that was counted for fewer minutes teaches nothing. */
const ENOUGH = 45
/** How long the allowance for bursts takes to go, in days that were seen. */
const COLD_DAYS = 3
/** The most that one hour can teach, in multiples of what was expected: whoever wants to shift the normal needs days. */
const TEACHES_AT_MOST = 2

/** What a policy says of an agent's pace, in actions an hour. */
export interface PacePrior {
  readonly expect: number | null
}

/** An arrival at this time: must be called for every one, in order of time. Answers nothing; see `isAbove`. */
export function countArrival(b: Behaviour, at: number): void {
  const { head, counts } = b.learned
  const hour = Math.floor(at / HOUR)
  openHour(b, hour)
  // Of an hour that is no longer kept, nothing is.
  if (hour > (head[HEAD.newestHour] as number) - CELLS) {
    const cell = hour % CELLS
    counts[cell] = (counts[cell] as number) + 1
  }
  head[HEAD.total] = (head[HEAD.total] as number) + 1
  if (head[HEAD.firstAt] === 0) head[HEAD.firstAt] = at
  // A clock that was set back is a new one: until it has caught up, time would stand still and arrivals would not.
  if (at < b.lastArrival - BACKWARDS) b.lastArrival = at
  const gap = b.lastArrival === 0 ? 0 : at - b.lastArrival
  if (at > b.lastArrival) b.lastArrival = at
  head[HEAD.lastAt] = Math.max(head[HEAD.lastAt] as number, at)
  b.dirty = true
  const expected = gap <= 0 ? 0 : (b.reference * gap) / HOUR
  if (b.reference === 0) return
  for (let i = 0; i < FACTORS.length; i++) {
    const stat = STATS.rate[i] as number
    // The gap and the arrival at its end together: only so is the expectation of their likelihood ratio one.
    raise(b, stat, (LOGS[i] as number) - ((FACTORS[i] as number) - 1) * expected, at, 1, 0)
  }
}

/** Arrivals that other replicas counted since they were read last. */
export function countOthers(b: Behaviour, arrivals: number, at: number): void {
  if (b.reference === 0 || arrivals <= 0) return
  for (let i = 0; i < FACTORS.length; i++)
    raise(b, STATS.rate[i] as number, (LOGS[i] as number) * arrivals, at, arrivals, 0)
}

/** Gives the hour its cell, and empties those of the hours in between. */
export function openHour(b: Behaviour, hour: number): void {
  const { head, counts, covered } = b.learned
  const newest = head[HEAD.newestHour] as number
  if (hour <= newest) return
  const first = Math.max(newest + 1, hour - CELLS + 1)
  for (let h = first; h <= hour; h++) {
    const cell = h % CELLS
    counts[cell] = 0
    covered[cell] = 0
    b.known.counts[cell] = 0
  }
  head[HEAD.newestHour] = hour
}

/** The harness was there for this minute. */
export function cover(b: Behaviour, at: number, minutes: number): void {
  const hour = Math.floor(at / HOUR)
  openHour(b, hour)
  const cell = hour % CELLS
  b.learned.covered[cell] = Math.min(60, (b.learned.covered[cell] as number) + minutes)
}

/** Works out what is expected this minute. Cheap within an hour; at its turn the week is read anew. */
export function refreshRate(b: Behaviour, prior: PacePrior, at: number): void {
  if (at >= b.weekUntil || b.weekUntil - at > HOUR) {
    readWeek(b, prior, at)
    b.weekUntil = Math.floor(at / HOUR) * HOUR + HOUR
  }
  b.freshUntil = at + MINUTE
  const hours = at / HOUR
  const slot = slotOf(Math.floor(hours))
  const into = hours - Math.floor(hours)
  // Between the middles of two hours lies a line; but work may also begin on the hour.
  const next = (slot + (into < 0.5 ? WEEK_HOURS - 1 : 1)) % WEEK_HOURS
  const share = Math.abs(into - 0.5)
  const line = smoothed(b.week, slot) * (1 - share) + smoothed(b.week, next) * share
  b.expected = Math.max(line, b.week[slot] as number) * b.level
  const { head } = b.learned
  if (at < (head[HEAD.acceptedUntil] as number))
    b.expected = Math.max(b.expected, head[HEAD.accepted] as number)
  if (b.expected === 0) {
    b.reference = 0
    return
  }
  // The more there is to count, the less chance explains, and the more what makes one hour differ from another.
  const strictness = Math.max(1.5, Math.min(2.5, 1.5 + 0.5 * Math.log2(b.expected / 600)))
  b.reference = upperRate(b.expected, b.events) * Math.exp(Math.min(0.7, strictness * b.spread))
}

/** With its neighbours: what chance took away in the few weeks that were seen, they have. */
function smoothed(week: Float32Array, slot: number): number {
  const before = week[(slot + WEEK_HOURS - 1) % WEEK_HOURS] as number
  const after = week[(slot + 1) % WEEK_HOURS] as number
  return ((week[slot] as number) * 2 + before + after) / 4
}

/** 1970-01-01 was a Thursday; slot 0 is the hour after midnight (UTC) on Monday. */
export function slotOf(hour: number): number {
  return (hour + 72) % WEEK_HOURS
}

/**
 * The rate that the true one lies below with 99%, when `events` arrivals speak for the estimate: the quantile of the
 * Gamma posterior of a Poisson rate (Wilson and Hilferty's approximation).
 */
export function upperRate(rate: number, events: number): number {
  const shape = Math.max(4, events)
  return rate * (1 - 1 / (9 * shape) + 2.326 / (3 * Math.sqrt(shape))) ** 3
}

/**
 * What 99.9% of hours stay below: the quantile of the negative binomial, which is a Poisson count whose rate is known by
 * `events` arrivals and varies by `spread` (standard deviation of its logarithm).
 */
export function usualMost(rate: number, events: number, spread: number): number {
  const variance = rate + rate ** 2 * (1 / Math.max(4, events) + spread ** 2)
  const deviation = Math.sqrt(variance)
  // Cornish and Fisher's correction for the skew.
  const skew = variance === 0 ? 0 : (2 * variance - rate) / (rate * deviation || 1)
  const z = 3.09
  return Math.ceil(rate + deviation * (z + (skew / 6) * (z * z - 1)))
}

const scratch = new Float64Array(32)

function readWeek(b: Behaviour, prior: PacePrior, at: number): void {
  const { head } = b.learned
  const current = Math.floor(at / HOUR)
  const newest = Math.max(current, head[HEAD.newestHour] as number)
  const firstAt = head[HEAD.firstAt] === 0 ? at : (head[HEAD.firstAt] as number)
  const oldest = Math.max(newest - CELLS + 1, Math.min(current, Math.floor(firstAt / HOUR)))
  b.busiest = busiestHour(b, prior, oldest, current)
  let mean = 0
  for (let slot = 0; slot < WEEK_HOURS; slot++) {
    const own = gather(b, slot, WEEK_HOURS, oldest, current)
    // The upper median: of four weeks two may have had a holiday, of three one; of two, one.
    const ownMedian = own > 2 ? upperMedian(own) : scratchMax(own)
    let expected = ownMedian
    if (own < 2) {
      const days = gather(b, slot % 24, 24, oldest, current)
      const ofDay = days > 0 ? scratchMax(days) : b.busiest
      // A whole week was not seen yet: a quiet Sunday says nothing of Monday.
      expected =
        own === 1 ? Math.max(ownMedian, medianOfHours(b, slot, oldest, current)) : Math.max(ofDay, b.busiest)
    }
    b.week[slot] = expected
    mean += expected / WEEK_HOURS
  }
  // One call in a quiet night is no wonder.
  const floor = mean / 4
  for (let slot = 0; slot < WEEK_HOURS; slot++) if ((b.week[slot] as number) < floor) b.week[slot] = floor
  readLevel(b, oldest, current)
  anchor(b, mean, at)
  const weeks = Math.max(1, Math.min(4, (current - oldest) / WEEK_HOURS))
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

/** Puts the counts of every hour with this place in the period into `scratch`. Answers how many. */
function gather(b: Behaviour, place: number, period: number, oldest: number, current: number): number {
  const last = current - 1
  let hour = last - ((((slotOf(last) - place) % period) + period) % period)
  let found = 0
  for (; hour >= oldest && found < scratch.length; hour -= period) {
    const count = countOf(b, hour)
    if (count >= 0) scratch[found++] = count
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

function upperMedian(length: number): number {
  return scratch.subarray(0, length).sort()[length >> 1] as number
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

const ratios = new Float64Array(2 * WEEK_HOURS)
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
    const usual = b.week[slotOf(hour)] as number
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
  // Median of the absolute deviations, from 0: what lies below is as far from it as what lies above.
  for (let i = 0; i < found; i++) ratios[i] = Math.abs(ratios[i] as number)
  const median = ratios.subarray(0, found).sort()[found >> 1] as number
  const measured = Math.sqrt(Math.max(0, (1.4826 * median) ** 2 - chance / found))
  b.spread = Math.max(measured, weeks < WEEKS - 0.5 ? 0.2 : 0.1)
}

/** Once the first week is over, what was normal in it is what growth is measured by. */
function anchor(b: Behaviour, mean: number, at: number): void {
  const { head } = b.learned
  if (head[HEAD.anchor] !== 0 || mean === 0 || at < (head[HEAD.firstAt] as number) + 7 * DAY) return
  head[HEAD.anchor] = mean
  b.dirty = true
}

/** The mean of the week that is expected now, an hour. */
export function meanRate(b: Behaviour): number {
  let sum = 0
  for (const expected of b.week) sum += expected
  return (sum / WEEK_HOURS) * b.level
}

/** Arrivals in the last hour, by the share of the hour before that still belongs to it. */
export function lastHour(b: Behaviour, at: number): number {
  const hour = Math.floor(at / HOUR)
  if ((b.learned.head[HEAD.newestHour] as number) < hour - 1) return 0
  const into = at / HOUR - hour
  const own =
    (b.learned.head[HEAD.newestHour] as number) >= hour ? (b.learned.counts[hour % CELLS] as number) : 0
  return own + (b.learned.counts[(hour - 1) % CELLS] as number) * (1 - into)
}
