// oxlint-disable unicorn/no-thenable -- `then` is a word of belay.yaml; nothing here is awaited
import type { NanoUsd } from '../action/money.ts'
import { nanoFromUsd } from '../action/money.ts'
import type { Report } from './compilation.ts'
import type { DocumentPath } from './yaml-document.ts'

/** What a finding about an agent's behaviour leads to, from the mildest to the strictest. */
export const ANOMALY_RESPONSES = ['alert', 'require_approval', 'pause', 'stop'] as const

export type AnomalyResponse = (typeof ANOMALY_RESPONSES)[number]

/** What is watched; the reason's code is `anomaly:` and this word. */
export const DETECTORS = [
  'rate',
  'cost',
  'latency',
  'errors',
  'held',
  'denied',
  'novel',
  'shape',
  'sequence',
  'repeat',
  'limit',
] as const

export type Detector = (typeof DETECTORS)[number]

/** `anomaly:` of an agent. Times are milliseconds. */
export interface AnomalyRule {
  /** What a finding of each detector leads to; `null`: it is switched off. */
  readonly responses: Readonly<Record<Detector, AnomalyResponse | null>>
  /** What the policy expects of the agent, in actions an hour, until it has shown what is normal; `null`: nothing is said. */
  readonly expect: number | null
  readonly limits: AnomalyLimits
}

/** What holds whatever the agent has made look normal; `null`: no such limit. */
export interface AnomalyLimits {
  /** Actions an hour. */
  readonly rate: number | null
  /** Dollars an hour. */
  readonly cost: NanoUsd | null
  /** How many times what was expected, or was normal in its first week, the normal rate and cost may become. */
  readonly growth: number | null
  /** The same call in a row. */
  readonly repeat: number | null
}

/** `novelty:` of an agent. */
export interface NoveltyRule {
  /** Similarity to what the agent did before, 0 … 1, below which an action is novel. */
  readonly below: number
  readonly then: AnomalyResponse
  /** How many actions are learned from before any is judged. */
  readonly after: number
}

export interface AnomalyEntry {
  readonly then: AnomalyResponse
  readonly expect?: string
  readonly detectors?: Readonly<Partial<Record<Detector, AnomalyResponse | 'off'>>>
  readonly limits?: {
    readonly rate?: string
    readonly cost_usd?: number
    readonly growth?: number
    readonly repeat?: number
  }
}

export interface NoveltyEntry {
  readonly below?: number
  readonly then?: AnomalyResponse
  readonly after?: number
}

/** What `expect` and `limits.rate` look like. */
export const PACE_PATTERN = '^[0-9]{1,9} per (minute|hour|day)$'

const AN_HOUR: Readonly<Record<string, number>> = { minute: 60, hour: 1, day: 1 / 24 }

/**
 * The most that a finding leads to where only `then` is given. What runs away stops the agent if the policy says so; a
 * new value concerns one action, which a person can look at; the rest is a hint.
 */
const AT_MOST: Readonly<Record<Detector, AnomalyResponse>> = {
  rate: 'stop',
  cost: 'stop',
  errors: 'stop',
  repeat: 'stop',
  limit: 'stop',
  novel: 'require_approval',
  latency: 'alert',
  held: 'alert',
  denied: 'alert',
  shape: 'alert',
  sequence: 'alert',
}

export function compileAnomaly(entry: AnomalyEntry, path: DocumentPath, report: Report): AnomalyRule {
  const { limits = {} } = entry
  const expect = paceOf(entry.expect)
  const rate = paceOf(limits.rate)
  if (expect !== null && rate !== null && rate < expect)
    report([...path, 'limits', 'rate'], 'policy:anomaly', 'at least what is expected', String(limits.rate))
  const responses = Object.fromEntries(
    DETECTORS.map((detector) => {
      const said = entry.detectors?.[detector]
      return [detector, said === 'off' ? null : (said ?? milder(entry.then, AT_MOST[detector]))]
    }),
  ) as Record<Detector, AnomalyResponse | null>
  return Object.freeze({
    responses: Object.freeze(responses),
    expect,
    limits: Object.freeze({
      rate,
      cost: limits.cost_usd === undefined ? null : nanoFromUsd(limits.cost_usd, 'cost_usd'),
      growth: limits.growth ?? null,
      repeat: limits.repeat ?? null,
    }),
  })
}

export function compileNovelty({ below, then, after }: NoveltyEntry): NoveltyRule {
  return Object.freeze({ below: below ?? 0.2, then: then ?? 'require_approval', after: after ?? 100 })
}

function milder(a: AnomalyResponse, b: AnomalyResponse): AnomalyResponse {
  return ANOMALY_RESPONSES.indexOf(a) < ANOMALY_RESPONSES.indexOf(b) ? a : b
}

function paceOf(text: string | undefined): number | null {
  if (text === undefined) return null
  const [count = '', , unit = ''] = text.split(' ')
  return Number(count) * (AN_HOUR[unit] ?? 1)
}
