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
  /** What runs for it in a sandbox, where the policy gives it a command. */
  readonly process?: AgentProcess
}

export interface AgentProcess {
  readonly state: 'starting' | 'running' | 'frozen' | 'waiting' | 'ended' | 'held' | 'elsewhere'
  readonly provider: string | null
  readonly pid: number | null
  readonly running_since: string | null
  readonly restarts: number
  readonly next_start_at: string | null
  readonly last_exit: {
    readonly at: string
    readonly cause: string
    readonly code: number | null
    readonly signal: string | null
    readonly detail: string
  } | null
  readonly usage: {
    readonly memory_bytes: number | null
    readonly memory_peak_bytes: number | null
    readonly cpu_ms: number | null
    readonly processes: number | null
    readonly wall_ms: number
    readonly forks_refused: number | null
    readonly throttled_ms: number | null
  } | null
  /** Null where the policy bounds nothing. */
  readonly quotas: Readonly<Record<Quota, number | null>>
}

export type Quota =
  | 'memory_bytes'
  | 'cpu_cores'
  | 'processes'
  | 'wall_ms'
  | 'disk_bytes'
  | 'open_files'
  | 'requests'
  | 'usd'

export interface Alarm {
  readonly id: string
  readonly kind: string
  readonly agent: string | null
  readonly session: string | null
  readonly action: string | null
  readonly urgent: boolean
  readonly title: string
  readonly facts: readonly string[]
  readonly act: string
  readonly count: number
  readonly raised_at: string
  readonly last_at: string
  readonly acknowledged_by: string | null
  readonly acknowledged_at: string | null
  /** Null while it is open, and where it was over by itself. */
  readonly resolved_by: string | null
  readonly resolved_at: string | null
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
  /** The agent is paused when this limit refuses an action. */
  readonly then?: 'pause'
  /** Of money in a window of the calendar; null while too little is known. */
  readonly forecast?: Forecast | null
}

/** What the window will have cost at its end: nine of ten ends lie between `low` and `high`. */
export interface Forecast {
  readonly usd: number
  readonly low: number
  readonly high: number
  readonly exhausted_at: string | null
  readonly method: 'hour_of_week' | 'recent_rate'
}

export interface AgentBudget {
  /** Null: all agents together. */
  readonly agent: string | null
  readonly lines: readonly BudgetLine[]
  /** To what model its calls go when a budget is nearly used up. */
  readonly downgrade?: {
    readonly at: number
    readonly model: string
    readonly provider: string | null
    readonly active: boolean
  }
}

export type StatsBy =
  | 'agent'
  | 'action'
  | 'model'
  | 'prompt'
  | 'release'
  | 'decision'
  | 'reason'
  | 'hour'
  | `tag:${string}`

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
