import type { Detector } from '../../../policy/compile-anomaly.ts'
import { HOUR, STATS, type Behaviour } from './behaviour.ts'
import type { Anomaly } from './anomaly.ts'
import { meanOf, usualHighest, type MeterName } from './meters.ts'
import { usualMost } from './rate.ts'
import { upperShare, usualShare, type ShareName } from './shares.ts'

export type Told = Pick<Anomaly, 'message' | 'normal' | 'observed' | 'unit' | 'since'>

/** The detector that each statistic belongs to, and where its numbers lie. */
export const DETECTOR_OF: readonly {
  readonly detector: Detector
  readonly meter?: MeterName
  readonly share?: ShareName
}[] = ((): { detector: Detector; meter?: MeterName; share?: ShareName }[] => {
  const of: { detector: Detector; meter?: MeterName; share?: ShareName }[] = []
  for (const stat of STATS.rate) of[stat] = { detector: 'rate' }
  for (const stat of STATS.asked) of[stat] = { detector: 'cost', meter: 'asked' }
  for (const stat of STATS.cost) of[stat] = { detector: 'cost', meter: 'cost' }
  for (const stat of STATS.latency) of[stat] = { detector: 'latency', meter: 'latency' }
  for (const stat of STATS.failed) of[stat] = { detector: 'errors', share: 'failed' }
  for (const stat of STATS.unknown) of[stat] = { detector: 'errors', share: 'unknown' }
  for (const stat of STATS.held) of[stat] = { detector: 'held', share: 'held' }
  for (const stat of STATS.denied) of[stat] = { detector: 'denied', share: 'denied' }
  for (const stat of STATS.repeat) of[stat] = { detector: 'repeat' }
  for (const stat of STATS.similar) of[stat] = { detector: 'repeat' }
  return of
})()

/** What is normal and what happened, for a statistic that is above its threshold. `what`: whose behaviour it is. */
export function tell(b: Behaviour, stat: number, what: string, at: number): Told {
  const { detector, meter, share } = DETECTOR_OF[stat]!
  const since = b.since[stat]!
  const seen = b.seen[stat]!
  const took = span(Math.max(0, at - since))
  if (meter !== undefined) return tellMeter(b, meter, stat, what)
  if (share !== undefined) {
    const usual = usualShare(b, share)
    const observed = seen === 0 ? 0 : b.sum[stat]! / seen
    const became = { failed: 'failed', unknown: 'ended unknown', held: 'were held', denied: 'were denied' }[
      share
    ]
    return {
      message: `Of ${what}, ${percent(usual)} ${became} so far (99% sure: below ${percent(upperShare(b, share))}); of the last ${Math.round(seen)}, ${Math.round(b.sum[stat]!)} did.`,
      normal: usual,
      observed,
      unit: 'share',
      since,
    }
  }
  if (detector === 'repeat') return tellRun(Math.round(b.now[stat]!), 0, stat === STATS.similar[0], since)
  const normal = b.expected
  const most = usualMost(b.expected, b.events, b.spread)
  const pace = (seen * HOUR) / Math.max(60_000, at - since)
  return {
    message: `${what}: ${figure(normal)} an hour is normal at this time (99.9% of hours are below ${most}); ${Math.round(seen)} came in ${took}.`,
    normal,
    observed: pace,
    unit: 'per_hour',
    since,
  }
}

export function tellRun(run: number, usual: number, similar: boolean, since: number): Told {
  const kind = similar
    ? 'like one of the eight before, but for its numbers'
    : 'the same as one of the eight before'
  const normal = usual > 0 ? `at most ${Math.round(usual)} in a row is normal` : 'hardly any is normal'
  return {
    message: `A loop: a call that is ${kind} came ${run} times in a row; ${normal}.`,
    normal: usual,
    observed: run,
    unit: 'calls',
    since,
  }
}

function tellMeter(b: Behaviour, meter: MeterName, stat: number, what: string): Told {
  const normal = Math.exp(meanOf(b, meter))
  const seen = Math.max(1, b.seen[stat]!)
  const observed = Math.exp(b.sum[stat]! / seen)
  const high = usualHighest(b, meter)
  const since = b.since[stat]!
  const last = `the last ${Math.round(seen)} had`
  if (meter === 'latency')
    return {
      message: `${what}: ${span(normal)} is normal (99.9% are below ${span(high)}); ${last} ${span(observed)}.`,
      normal,
      observed,
      unit: 'ms',
      since,
    }
  const kind = meter === 'asked' ? ' set aside' : ''
  return {
    message: `${what}: ${usd(normal)}${kind} an action is normal (99.9% are below ${usd(high)}); ${last} ${usd(observed)}.`,
    normal: normal / 1e9,
    observed: observed / 1e9,
    unit: 'usd',
    since,
  }
}

export function figure(value: number): string {
  return value >= 10 ? String(Math.round(value)) : String(Number(value.toPrecision(2)))
}

export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))}%`
}

export function usd(nano: number): string {
  return `$${Number((nano / 1e9).toPrecision(3))}`
}

export function span(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Number((ms / 1000).toPrecision(3))} s`
  if (ms < 2 * HOUR) return `${Math.round(ms / 60_000)} min`
  return `${Math.round(ms / HOUR)} h`
}
