/** What the HTTP API answers, as far as the pages use it. Times are ISO 8601, money is US dollars. */

export type Decision = 'allow' | 'transform' | 'require_approval' | 'deny'

export type ActionState =
  | 'denied'
  | 'held'
  | 'ready'
  | 'executing'
  | 'succeeded'
  | 'failed'
  | 'unknown'
  | 'undone'
  | 'expired'
  | 'cancelled'

export type Permission = 'self' | 'read' | 'operate' | 'approve' | 'audit' | 'erase' | 'keys' | 'people'

export interface Me {
  readonly kind: 'person' | 'admin' | 'agent'
  /** As records name who is logged in. */
  readonly by: string
  readonly roles: readonly string[]
  readonly permissions: readonly Permission[]
  readonly csrf?: string
}

export interface PageOf<T> {
  readonly items: readonly T[]
  /** Goes as `before` for the next page; null on the last one. */
  readonly next: string | null
}

export interface Reason {
  readonly code: string
  readonly message: string
  readonly check?: string
  readonly tags?: readonly string[]
}

export interface Action {
  readonly id: string
  readonly agent: string
  readonly action: string
  readonly session: string | null
  readonly decision: Decision
  readonly effective: Decision
  readonly mode: 'enforce' | 'observe'
  readonly reasons: readonly Reason[]
  readonly state: ActionState
  readonly version: number
  /** Null after an erasure. */
  readonly input: Readonly<Record<string, unknown>> | null
  readonly result?: unknown
  readonly cost_usd: number
  readonly confidence: number | null
  readonly proposed_at: string
  readonly updated_at: string
  readonly policy_version: string
  readonly target?: string
  readonly approval?: ApprovalBrief
  readonly undo?: {
    readonly status: string
    readonly by: string
    readonly at: string
    readonly error?: string
  }
}

export interface ApprovalBrief {
  readonly id: string
  readonly expires_at: string
  /** Index of the step that waits now. */
  readonly step: number
  readonly steps: readonly { readonly group: string; readonly quorum: number; readonly approved: number }[]
}

export interface Approval extends ApprovalBrief {
  readonly state: 'pending' | 'closed'
  readonly action: Action
}

export interface Agent {
  readonly name: string
  readonly state: 'active' | 'paused' | 'stopped'
  readonly reason: string | null
  readonly changed_by: string | null
  readonly changed_at: string | null
  readonly version: number
}

/** One limit of an agent in the window that now is. */
export interface BudgetLine {
  readonly window: 'session' | 'minute' | 'hour' | 'day' | 'week' | 'month'
  readonly unit: 'usd' | 'actions'
  readonly limit_usd?: number
  readonly reserved_usd?: number
  readonly spent_usd?: number
  readonly limit?: number
  readonly reserved?: number
  readonly spent?: number
  readonly session?: string
  /** Null for sessions, which have no calendar bounds. */
  readonly starts_at: string | null
  readonly ends_at: string | null
}

export interface AgentBudget {
  /** Null: all agents together. */
  readonly agent: string | null
  readonly lines: readonly BudgetLine[]
}

export type StatsBy = 'agent' | 'action' | 'model' | 'prompt' | 'release' | 'decision' | 'reason' | 'hour'

export interface StatsRow {
  /** An array when several `by` were asked for. */
  readonly key: string | readonly string[]
  /** Of hours: their beginning. */
  readonly at?: string
  readonly actions: number
  readonly decisions: Readonly<Record<Decision, number>>
  readonly outcomes: { readonly succeeded: number; readonly failed: number; readonly unknown: number }
  readonly cost_usd: number
  readonly tokens: { readonly input: number; readonly output: number }
  /** Null where nothing finished. */
  readonly latency_ms: {
    readonly p50: number | null
    readonly p95: number | null
    readonly mean: number | null
  }
}

export interface Stats {
  readonly from: string
  readonly to: string
  readonly by: string
  readonly rows: readonly StatsRow[]
}

/** A record of the ledger as `/v1/events` sends it: these fields and those of its kind. */
export interface LedgerRecord {
  readonly v: number
  readonly chain: string
  readonly seq: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly kind: string
  readonly action: string | null
  readonly agent: string | null
  readonly state?: string
  readonly name?: string
  /** Of actions that wait for people, or may start because people said so. */
  readonly approval?: unknown
}
