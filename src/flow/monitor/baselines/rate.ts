import { CELLS, HEAD, HOUR, STATS, WEEK_HOURS, type Behaviour } from './behaviour.ts'
import { raise } from './evidence.ts'
import { readWeek, slotOf, type PacePrior } from './week.ts'

/**
 * How many times the reference rate each statistic looks for. The first two look for what lasts: they count
 * no minute for more than a third of the evidence that is needed, and one that is busier than any such pace, without the
 * one before it being so, not at all: a burst is no new pace. The others look for what comes in one go.
 */
export const FACTORS = [1.8, 3, 3, 8, 30] as const
export const LASTING = 2
const LOGS = FACTORS.map(Math.log)
const MINUTE = 60_000
/** Minutes that a pace must last, at the least, to be found by what looks for a lasting one. */
const LASTS_MINUTES = 3
/** Actions are judged this much out of order, at the most, ms. */
const BACKWARDS = 1000
/** Of the normal distribution: above it lies one hour in two thousand. */
const RARE = 3.29
/** No threshold of a rate is lower. */
const LEAST_THRESHOLD = 9
/** Hours that may be busy for the same cause. */
const TOGETHER = 2

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
  arrived(b, 1, expected, at)
}

/** Arrivals that other replicas counted since they were read last. */
export function countOthers(b: Behaviour, arrivals: number, at: number): void {
  if (b.reference === 0 || arrivals <= 0) return
  arrived(b, arrivals, 0, at)
}

function arrived(b: Behaviour, arrivals: number, expected: number, at: number): void {
  const minute = Math.floor(at / MINUTE)
  if (minute !== b.minute) endMinute(b, minute)
  const before = b.inMinute
  b.inMinute = before + arrivals
  const most = b.least / LASTS_MINUTES
  const plausible = b.wasBurst ? Number.POSITIVE_INFINITY : plausibleInMinute(b)
  for (let i = 0; i < FACTORS.length; i++) {
    const stat = STATS.rate[i] as number
    // The gap and the arrival at its end together: only so is the expectation of their likelihood ratio one.
    let evidence = (LOGS[i] as number) * arrivals - ((FACTORS[i] as number) - 1) * expected
    if (i < LASTING) {
      const gained = b.gained[i] as number
      b.gained[i] = gained + evidence
      const counted = before > plausible ? 0 : Math.min(gained, most)
      evidence = (b.inMinute > plausible ? 0 : Math.min(gained + evidence, most)) - counted
    }
    raise(b, stat, evidence, at, arrivals, 0)
    if (i < LASTING && b.now[stat] === 0) b.gained[i] = 0
  }
}

/** More than this in a minute is no pace of thrice the reference: it is a burst. */
function plausibleInMinute({ reference }: Behaviour): number {
  const mean = (3 * reference) / 60
  return mean + 3.1 * Math.sqrt(mean) + 1
}

/** The busiest minute is the measure of bursts, whatever the reference was. */
function endMinute(b: Behaviour, minute: number): void {
  const [stat] = STATS.burst
  b.wasBurst = minute === b.minute + 1 && b.inMinute > plausibleInMinute(b)
  // What raised an alarm teaches as if it had only just raised it.
  const most = b.usualMinute + b.thresholds[STATS.rate[LASTING]]! / (LOGS[LASTING] as number)
  const count = Math.min(most, b.inMinute)
  if (count > (b.ended[stat] as number)) b.ended[stat] = count
  b.minute = minute
  b.inMinute = 0
  b.gained.fill(0)
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
  b.reference = b.expected === 0 ? 0 : b.expected * margin(b)
}

/** With its neighbours: what chance took away in the few weeks that were seen, they have. */
function smoothed(week: Float32Array, slot: number): number {
  const before = week[(slot + WEEK_HOURS - 1) % WEEK_HOURS] as number
  const after = week[(slot + 1) % WEEK_HOURS] as number
  return ((week[slot] as number) * 2 + before + after) / 4
}

/**
 * How far above what is expected the reference lies. Hours are no Poisson process of one rate: theirs varies by `spread`
 * (standard deviation of its logarithm), and is known by `events` arrivals and so many weeks, each hour with half of what
 * its neighbours say. An hour that chance brings once in two thousand, and the one after it, shall not reach the threshold
 * of the statistic that looks for the least change, f times the reference: from N arrivals where R references are it gains
 * N·ln f − (f − 1)·R. Where few are expected little can be gained in an hour, and the reference lies lower; but never
 * within the deviation of what is expected.
 */
function margin({ expected, events, spread, weeks }: Behaviour): number {
  const deviation = Math.sqrt(1 / Math.max(4, events) + spread ** 2 * (1 + 1 / (2 * weeks)))
  const [least] = FACTORS
  const gained = Math.log(least) * Math.exp(Math.min(1.5, RARE * deviation))
  const allowed = LEAST_THRESHOLD / (TOGETHER * expected)
  return Math.max(Math.exp(deviation), (gained - allowed) / (least - 1))
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
