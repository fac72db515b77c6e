import { infiniteQueryOptions } from '@tanstack/react-query'
import { get } from '../../api/call.ts'
import type { ActionState, Decision, PageOf } from '../../api/answers.ts'

export interface Tokens {
  readonly input: number
  readonly output: number
}

export interface Session {
  readonly id: string
  readonly agent: string
  readonly started_at: string
  readonly ended_at: string
  readonly actions: number
  readonly model_calls: number
  readonly denied: number
  readonly held: number
  readonly failed: number
  readonly cost_usd: number
  readonly tokens: Tokens
  readonly models: readonly string[]
  readonly prompts: readonly string[]
  readonly releases: readonly string[]
}

export type SpanKind = 'session' | 'model' | 'tool' | 'approval' | 'undo'

export interface Span {
  readonly id: string
  readonly parent: string | null
  readonly kind: SpanKind
  readonly name: string
  readonly agent: string
  readonly state: ActionState | (string & {}) | null
  readonly decision: Decision | null
  readonly effective?: Decision
  readonly reason?: string | null
  readonly started_at: string
  readonly ended_at: string | null
  readonly cost_usd: number
  readonly tokens: Tokens
  readonly trace_id?: string | null
  readonly model?: {
    readonly requested: string | null
    readonly responded: string | null
    readonly system_fingerprint: string | null
  }
  readonly prompt?: {
    readonly name: string | null
    readonly version: number | null
    readonly digest: string | null
  }
  readonly release?: string
}

export interface SessionPage {
  readonly session: Session
  readonly spans: readonly Span[]
  readonly next: string | null
}

export interface SessionFilter {
  readonly agent: string
  readonly model: string
  readonly prompt: string
  readonly release: string
  readonly decision: string
  readonly reason: string
  readonly min_cost_usd: string
  /** ISO 8601, or empty. */
  readonly from: string
}

export const sessionsQuery = (filter: SessionFilter) =>
  infiniteQueryOptions({
    queryKey: ['sessions', 'list', filter],
    queryFn: ({ pageParam, signal }) =>
      get<PageOf<Session>>('/v1/sessions', { ...filter, before: pageParam, limit: 50 }, signal),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
  })

// Not under `sessions`: thousands of spans are not asked for again with every record.
export const spansQuery = (agent: string, id: string) =>
  infiniteQueryOptions({
    queryKey: ['spans', agent, id],
    queryFn: ({ pageParam, signal }) =>
      get<SessionPage>(`/v1/sessions/${encodeURIComponent(id)}`, { agent, after: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    staleTime: 10_000,
  })

/** The action that a span belongs to; none for the session itself. */
export function actionOf({ id, kind }: Span): string | null {
  if (kind === 'session') return null
  return id.split('/', 1)[0] ?? null
}
