import { queryOptions } from '@tanstack/react-query'
import { get } from '../../api/call.ts'
import type { Alarm, PageOf } from '../../api/answers.ts'

export type Measure =
  | 'rate'
  | 'asked'
  | 'cost'
  | 'latency'
  | 'failed'
  | 'unknown'
  | 'held'
  | 'denied'
  | 'fields'

/** What is normal in one respect. */
export interface NormalLine {
  /** Null: all its actions together. */
  readonly action: string | null
  readonly measure: Measure
  readonly unit: 'per_hour' | 'usd' | 'ms' | 'share' | 'values'
  readonly normal: number
  /** What 99.9% stay below. */
  readonly most: number
  readonly now: number | null
  readonly seen: number
  readonly unusual: boolean
}

export interface Baseline {
  readonly watched: boolean
  readonly since: string | null
  readonly lines: readonly NormalLine[]
  /** Actions expected in each hour of the week, from Monday midnight (UTC). */
  readonly week: readonly number[]
}

export const baselineQuery = (agent: string) =>
  queryOptions({
    queryKey: ['baselines', agent],
    queryFn: async ({ signal }) =>
      get<Baseline>(`/v1/agents/${encodeURIComponent(agent)}/baseline`, {}, signal),
  })

const FINDINGS = 20

/** What was found of its behaviour lately. */
export const findingsQuery = (agent: string) =>
  queryOptions({
    queryKey: ['alarms', 'findings', agent],
    queryFn: async ({ signal }) =>
      (await get<PageOf<Alarm>>('/v1/alarms', { agent, kind: 'anomaly', limit: FINDINGS }, signal)).items,
  })

export interface LogLine {
  readonly at: string
  readonly stream: 'stdout' | 'stderr' | 'belay'
  readonly text: string
}

export const logQuery = (agent: string) =>
  queryOptions({
    queryKey: ['logs', agent],
    queryFn: async ({ signal }) =>
      (await get<PageOf<LogLine>>(`/v1/agents/${encodeURIComponent(agent)}/logs`, {}, signal)).items,
    // Nothing tells of new lines; who has it open wants to see them.
    refetchInterval: 3_000,
  })

export interface Score {
  readonly id: string
  readonly at: string
  readonly rubric: string
  readonly verdict: 'accepted' | 'rejected' | 'unscored'
  /** 0 to 100; null: the judge gave none. */
  readonly score: number | null
}

export interface Agreement {
  readonly rubric: string
  readonly rubric_digest: string
  readonly judge: string
  readonly count: number
  readonly same: number
  readonly kappa: number | null
  readonly kappa_low: number | null
  readonly kappa_high: number | null
}

/** The most that one call answers. */
export const SCORES = 200

export const scoresQuery = (agent: string) =>
  queryOptions({
    queryKey: ['quality', 'scores', agent],
    queryFn: async ({ signal }) =>
      (await get<PageOf<Score>>('/v1/quality/scores', { agent, limit: SCORES }, signal)).items,
  })

export const agreementQuery = queryOptions({
  queryKey: ['quality', 'agreement'],
  queryFn: async ({ signal }) => (await get<PageOf<Agreement>>('/v1/quality/agreement', {}, signal)).items,
})
