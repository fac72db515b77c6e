import { DAY, PEAK_DAYS, STAT_COUNT, type Behaviour } from './behaviour.ts'

/**
 * Adds evidence to a statistic: the logarithm of how much likelier the observation is under a change than under what is
 * normal. The statistic is the largest sum of evidence over any stretch up to now (CUSUM), so that a change is found
 * whenever it began. Under the null each step's expected likelihood ratio is at most 1, which makes it an e-detector:
 * the expected number of steps to a false alarm is at least e^threshold, however often one looks (Shin, Ramdas and
 * Rinaldo, "E-detectors").
 */
export function addEvidence(
  b: Behaviour,
  stat: number,
  evidence: number,
  at: number,
  count: number,
  value: number,
): void {
  b.learned.evidence[stat] = (b.learned.evidence[stat] as number) + evidence
  raise(b, stat, evidence, at, count, value)
}

/** The same for evidence that another replica has counted already. */
export function raise(
  b: Behaviour,
  stat: number,
  evidence: number,
  at: number,
  count: number,
  value: number,
): void {
  const before = b.now[stat] as number
  const after = before + evidence
  if (after <= 0) {
    if ((b.highest[stat] as number) > (b.ended[stat] as number)) b.ended[stat] = b.highest[stat] as number
    b.highest[stat] = 0
    b.now[stat] = 0
    b.seen[stat] = 0
    b.sum[stat] = 0
    b.alarmedAt[stat] = 0
    return
  }
  if (before === 0) b.since[stat] = at
  b.seen[stat] = (b.seen[stat] as number) + count
  b.sum[stat] = (b.sum[stat] as number) + value
  // Bounded, so that what lasted long is over soon after it ends.
  const threshold = b.thresholds[stat] as number
  const top = threshold * 1.5 + 10
  b.now[stat] = after < top ? after : top
  // What raised an alarm teaches as if it had only just raised it.
  if ((b.alarmedAt[stat] as number) > 0 || threshold === Number.POSITIVE_INFINITY) return
  const high = after < threshold ? after : threshold
  if (high > (b.highest[stat] as number)) b.highest[stat] = high
}

export function isAbove(b: Behaviour, stat: number): boolean {
  return (b.now[stat] as number) > (b.thresholds[stat] as number)
}

/** A person has looked at it: what was counted up to now no longer speaks. */
export function clear(b: Behaviour): void {
  b.now.fill(0)
  b.seen.fill(0)
  b.sum.fill(0)
  b.highest.fill(0)
  b.alarmedAt.fill(0)
  b.gained.fill(0)
}

/** What is going on raised an alarm that nobody shall get used to. */
export function forget(b: Behaviour, stat: number): void {
  b.highest[stat] = 0
  b.inMinute = 0
}

/** Keeps the highest values of today. */
export function keepPeaks(b: Behaviour, at: number): void {
  const day = Math.floor(at / DAY)
  const place = day % PEAK_DAYS
  const { peaks, peakDays } = b.learned
  if (peakDays[place] !== day) {
    // A clock that went back finds a newer day here, and leaves it.
    if ((peakDays[place] as number) > day) return
    peakDays[place] = day
    for (let stat = 0; stat < STAT_COUNT; stat++) peaks[stat * PEAK_DAYS + place] = 0
  }
  for (let stat = 0; stat < STAT_COUNT; stat++) {
    const high = b.ended[stat] as number
    b.ended[stat] = 0
    const cell = stat * PEAK_DAYS + place
    if (high > (peaks[cell] as number)) peaks[cell] = high
  }
}

export function highestPeak(b: Behaviour, stat: number, at: number): number {
  const oldest = Math.floor(at / DAY) - PEAK_DAYS
  let highest = 0
  for (let place = 0; place < PEAK_DAYS; place++) {
    if ((b.learned.peakDays[place] as number) <= oldest) continue
    highest = Math.max(highest, b.learned.peaks[stat * PEAK_DAYS + place] as number)
  }
  return highest
}

/** Days on which something was seen. */
export function daysSeen(b: Behaviour): number {
  let days = 0
  for (const day of b.learned.peakDays) if (day !== 0) days++
  return days
}

/**
 * Traffic that comes in bursts is no Poisson process, and costs have heavy tails: a statistic must also be well above
 * the highest that this agent has shown without anybody minding. The fewer days were seen, the more.
 */
export function abovePeaks(peak: number, days: number): number {
  return peak * (1.2 + 1.8 / Math.sqrt(Math.max(1, days)))
}
