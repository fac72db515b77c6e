import { DAY, METER, METERS, STATS, type Behaviour } from './behaviour.ts'
import { DECAY_STEP, keptAfter } from './decayed.ts'
import { addEvidence } from './evidence.ts'

export type MeterName = keyof typeof METERS

/** Changes that are looked for, in standard deviations of the logarithm. */
const SHIFTS = [0.5, 1.5] as const
/** Values further out than this count as if they were this far: one of them proves nothing. */
const WINSORIZED = 4
/** Values needed before any is judged. */
const ENOUGH = 30
/** A spread below this would call a change of a tenth an anomaly. */
const LEAST_SPREAD = 0.2
/** How much of its weight an observation keeps that came while an alarm lasts. */
export const TEACHING_IN_ALARM = 0.1

/**
 * One value of what is above 0: a cost, a duration. Those of 0 say nothing. `teaching`: how much it counts as normal.
 * `whole`: the agent in all its actions, where the same evidence counts again, each action by its own normal: what makes
 * all of them dearer is found long before any of them has been seen often enough.
 */
export function measure(
  b: Behaviour,
  name: MeterName,
  value: number,
  at: number,
  teaching = 1,
  whole?: Behaviour,
): void {
  if (!(value > 0) || value === Number.POSITIVE_INFINITY) return
  const x = Math.log(value)
  const m = b.learned.meters
  const place = METERS[name] * METER.size
  decay(m, place, at)
  const weight = m[place + METER.weight] as number
  let taught = x
  let inAlarm = false
  if (weight > 0) {
    const mean = (m[place + METER.sum] as number) / weight
    const spread = spreadOf(b, name)
    const z = Math.max(-WINSORIZED, Math.min(WINSORIZED, (x - mean) / spread))
    if (weight >= ENOUGH) {
      const stats = STATS[name]
      for (let i = 0; i < SHIFTS.length; i++) {
        const shift = SHIFTS[i] as number
        const stat = stats[i] as number
        const evidence = shift * z - (shift * shift) / 2
        addEvidence(b, stat, evidence, at, 1, x)
        if (whole !== undefined) addEvidence(whole, stat, evidence, at, 1, x)
        inAlarm ||= b.alarmedAt[stat] !== 0 || (whole !== undefined && whole.alarmedAt[stat] !== 0)
      }
      taught = mean + Math.max(-3, Math.min(3, z)) * spread
    }
  }
  const share = inAlarm ? TEACHING_IN_ALARM : teaching
  teach(b, place, taught, share)
  if (whole === undefined) return
  decay(whole.learned.meters, place, at)
  teach(whole, place, taught, share)
}

function teach(b: Behaviour, place: number, x: number, share: number): void {
  const m = b.learned.meters
  m[place + METER.weight] = (m[place + METER.weight] as number) + share
  m[place + METER.sum] = (m[place + METER.sum] as number) + share * x
  m[place + METER.squares] = (m[place + METER.squares] as number) + share * x * x
  b.dirty = true
}

function decay(m: Float64Array, place: number, at: number): void {
  const last = m[place + METER.at] as number
  if (last === 0) m[place + METER.at] = at
  if (last === 0 || at - last < DECAY_STEP) return
  const kept = keptAfter(at - last)
  m[place + METER.weight] = (m[place + METER.weight] as number) * kept
  m[place + METER.sum] = (m[place + METER.sum] as number) * kept
  m[place + METER.squares] = (m[place + METER.squares] as number) * kept
  m[place + METER.at] = at
}

export function weightOf(b: Behaviour, name: MeterName): number {
  return b.learned.meters[METERS[name] * METER.size + METER.weight] as number
}

/** Mean of the logarithm. */
export function meanOf(b: Behaviour, name: MeterName): number {
  const weight = weightOf(b, name)
  return weight === 0 ? 0 : (b.learned.meters[METERS[name] * METER.size + METER.sum] as number) / weight
}

/** Standard deviation of the logarithm, a little above the estimate. */
export function spreadOf(b: Behaviour, name: MeterName): number {
  const weight = weightOf(b, name)
  const mean = meanOf(b, name)
  const squares = b.learned.meters[METERS[name] * METER.size + METER.squares] as number
  const variance = weight === 0 ? 0 : Math.max(0, squares / weight - mean * mean)
  // Few values know their spread badly.
  const unsure = 1 + 2 / Math.sqrt(Math.max(1, weight))
  return Math.max(LEAST_SPREAD, 1.1 * unsure * Math.sqrt(variance))
}

export function isKnown(b: Behaviour, name: MeterName): boolean {
  return weightOf(b, name) >= ENOUGH
}

/** What 99.9% stay below. */
export function usualHighest(b: Behaviour, name: MeterName): number {
  return Math.exp(meanOf(b, name) + 3.09 * spreadOf(b, name))
}

/** What was seen since the statistic left zero is what is normal from now on. */
export function acceptMeter(b: Behaviour, name: MeterName, stat: number): void {
  const seen = b.seen[stat] as number
  if (seen === 0) return
  const spread = spreadOf(b, name)
  const mean = (b.sum[stat] as number) / seen
  const m = b.learned.meters
  const place = METERS[name] * METER.size
  const weight = Math.max(ENOUGH, Math.min(seen, m[place + METER.weight] as number))
  m[place + METER.weight] = weight
  m[place + METER.sum] = weight * mean
  m[place + METER.squares] = weight * (mean * mean + spread * spread)
  b.dirty = true
}

/** Once the first week is over, what was normal in it is what growth is measured by. */
export function anchorCost(b: Behaviour, costAnchor: number, firstAt: number, at: number): number {
  if (!Number.isNaN(costAnchor) || !isKnown(b, 'cost') || at < firstAt + 7 * DAY) return costAnchor
  return meanOf(b, 'cost')
}
