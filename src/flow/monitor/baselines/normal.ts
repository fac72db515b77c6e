import { FIELD_HEAD, FIELDS, HEAD, METERS, SHARES, STATS, type Behaviour } from './behaviour.ts'
import type { AgentBehaviour } from './agent-behaviour.ts'
import { isAbove } from './evidence.ts'
import { meanOf, usualHighest, weightOf, type MeterName } from './meters.ts'
import { lastHour, usualMost } from './rate.ts'
import { trialsOf, upperShare, usualShare, type ShareName } from './shares.ts'

/** What is normal for an agent in one respect. */
export interface NormalLine {
  /** `null`: in all its actions together. */
  readonly action: string | null
  readonly measure: 'rate' | MeterName | ShareName | 'fields'
  readonly unit: 'per_hour' | 'usd' | 'ms' | 'share' | 'values'
  readonly normal: number
  /** What 99.9% stay below; for shares, what the true one is below with 99%. */
  readonly most: number
  /** Now, where that is known. */
  readonly now: number | null
  /** How many observations speak for it; older ones count less. */
  readonly seen: number
  /** It is above its threshold at this moment. */
  readonly unusual: boolean
}

export interface Normal {
  /** Since when the agent is watched, epoch ms; `null`: nothing was seen yet. */
  readonly since: number | null
  readonly lines: readonly NormalLine[]
  /** Actions expected in each hour of the week, Monday midnight (UTC) first; empty before anything is known. */
  readonly week: readonly number[]
}

export function normalOf(agent: AgentBehaviour, at: number): Normal {
  const { whole } = agent
  const since = whole.learned.head[HEAD.firstAt]!
  return {
    since: since === 0 ? null : since,
    lines: [...linesOf(whole, null, at), ...[...agent.actions].flatMap(([name, b]) => linesOf(b, name, at))],
    week: since === 0 ? [] : [...whole.week].map((expected) => expected * whole.level),
  }
}

function linesOf(b: Behaviour, action: string | null, at: number): NormalLine[] {
  const lines: NormalLine[] = []
  const above = (stats: readonly number[]): boolean => stats.some((stat) => isAbove(b, stat))
  if (b.expected > 0)
    lines.push({
      action,
      measure: 'rate',
      unit: 'per_hour',
      normal: b.expected,
      most: usualMost(b.expected, b.events, b.spread),
      now: lastHour(b, at),
      seen: b.learned.head[HEAD.total]!,
      unusual: above(STATS.rate),
    })
  for (const measure of Object.keys(METERS) as MeterName[]) {
    const seen = weightOf(b, measure)
    if (seen < 1) continue
    const scale = measure === 'latency' ? 1 : 1e9
    const unit = measure === 'latency' ? 'ms' : 'usd'
    const normal = Math.exp(meanOf(b, measure)) / scale
    lines.push({
      action,
      measure,
      unit,
      normal,
      most: usualHighest(b, measure) / scale,
      now: null,
      seen,
      unusual: above(STATS[measure]),
    })
  }
  for (const measure of Object.keys(SHARES) as ShareName[]) {
    const seen = trialsOf(b, measure)
    if (seen < 1) continue
    const unusual = above(STATS[measure])
    lines.push({
      action,
      measure,
      unit: 'share',
      normal: usualShare(b, measure),
      most: upperShare(b, measure),
      now: null,
      seen,
      unusual,
    })
  }
  let stable = 0
  let values = 0
  for (let field = 0; field < FIELDS; field++) {
    const head = field * FIELD_HEAD.size
    if (b.learned.fieldHeads[head + FIELD_HEAD.path] === 0) break
    if (b.learned.fieldHeads[head + FIELD_HEAD.overflown] === 1) continue
    stable++
    values += b.learned.fieldHeads[head + FIELD_HEAD.values]!
  }
  if (stable > 0)
    lines.push({
      action,
      measure: 'fields',
      unit: 'values',
      normal: values,
      most: values,
      now: null,
      seen: stable,
      unusual: false,
    })
  return lines
}
