import { DAY, HEAD, HOUR, STAT_COUNT, STATS, type Behaviour } from './behaviour.ts'
import { abovePeaks, daysSeen, highestPeak } from './evidence.ts'
import { FACTORS, LASTING, meanRate } from './rate.ts'

/** Hours of a month. */
const MONTH = 730
/**
 * On top of the logarithm of a month's steps: how much rarer than once a month one statistic of one pair may raise a
 * false alarm, because an agent has many of both.
 */
const FAMILY = 3
/** Calls in a loop before it is one. */
export const LOOP = 14
/** Loops of calls that only resemble each other: many agents work through lists in honest ways. */
const SIMILAR_AFTER_CALLS = 200

/** What the statistics are held against until the next hour. */
export function refreshThresholds(b: Behaviour, at: number): void {
  const days = daysSeen(b)
  const monthly = Math.max(1000, meanRate(b) * MONTH)
  const least = Math.log(monthly) + FAMILY
  b.least = least
  for (let stat = 0; stat < STAT_COUNT; stat++)
    b.thresholds[stat] = Math.max(least, abovePeaks(highestPeak(b, stat, at), days))
  // What comes in one go may be such a burst as there was in a quiet or a busy hour: those are counted, not weighed.
  const [burstStat] = STATS.burst
  const burst = abovePeaks(Math.max(0, highestPeak(b, burstStat, at) - b.usualMinute), days)
  for (let i = 0; i < FACTORS.length; i++) {
    const stat = STATS.rate[i]!
    const log = Math.log(FACTORS[i]!)
    if (i >= LASTING) b.thresholds[stat] = Math.max(b.thresholds[stat]!, least + burst * log)
    b.thresholds[stat] = b.thresholds[stat]! + b.allowance * log
  }
  b.thresholds[burstStat] = Number.POSITIVE_INFINITY
  const [exact] = STATS.repeat
  const [similar] = STATS.similar
  b.thresholds[exact] = Math.max(LOOP, 1.5 * highestPeak(b, exact, at))
  const { head } = b.learned
  const young = head[HEAD.firstAt] === 0 || at - head[HEAD.firstAt]! < HOUR
  b.thresholds[similar] =
    young || head[HEAD.total]! < SIMILAR_AFTER_CALLS
      ? Number.POSITIVE_INFINITY
      : Math.max(LOOP, abovePeaks(highestPeak(b, similar, at), days))
}

/** Before so much was seen, a call that comes again at leisure may be how the agent waits for something. */
export function isYoung(b: Behaviour, at: number): boolean {
  const firstAt = b.learned.head[HEAD.firstAt]!
  return firstAt === 0 || at - firstAt < 3 * DAY
}
