import type { Decision } from '../action/decision.ts'
import type { StateName } from '../action/action.ts'
import type { AgentState } from './store.ts'

/** The tables as both dialects have them. Times are epoch milliseconds; JSON is text; there are no booleans. */
export interface Tables {
  readonly actions: ActionsTable
  readonly records: RecordsTable
  readonly payloads: PayloadsTable
  readonly payload_subjects: PayloadSubjectsTable
  readonly agents: AgentsTable
  readonly agent_keys: AgentKeysTable
  readonly logins: LoginsTable
  readonly standing_approvals: StandingApprovalsTable
  readonly absences: AbsencesTable
  readonly prompt_versions: PromptVersionsTable
  readonly prompt_labels: PromptLabelsTable
  readonly trees: TreesTable
  readonly tree_tiles: TreeTilesTable
  readonly tree_checkpoints: TreeCheckpointsTable
  readonly budget_accounts: BudgetAccountsTable
  readonly budget_leases: BudgetLeasesTable
  readonly replicas: ReplicasTable
  readonly chains: ChainsTable
  readonly baselines: BaselinesTable
  readonly alarms: AlarmsTable
  readonly quality_scores: ScoresTable
}

export interface ScoresTable {
  readonly id: string
  readonly action: string
  readonly agent: string
  /** Of the action. */
  readonly name: string
  readonly at: number
  readonly timing: 'before' | 'after'
  readonly rubric: string
  readonly rubric_digest: string
  readonly judge: string
  readonly judge_digest: string
  readonly content: string
  readonly verdict: 'accepted' | 'rejected' | 'unscored'
  readonly score: number | null
  readonly threshold: number
  readonly label: string | null
  readonly error: string | null
  readonly cached: number
  readonly judge_action: string | null
  readonly person: 'approve' | 'reject' | 'edit' | null
}

export interface AlarmsTable {
  readonly id: string
  readonly version: number
  readonly key: string
  readonly kind: string
  readonly agent: string | null
  readonly urgent: number
  readonly title: string
  /** JSON: an array of texts. */
  readonly facts: string
  readonly act: string
  readonly session: string | null
  readonly action: string | null
  readonly raised_at: number
  readonly last_at: number
  readonly count: number
  readonly told_at: number
  readonly acknowledged_by: string | null
  readonly acknowledged_at: number | null
  readonly resolved_at: number | null
  readonly resolved_by: string | null
}

export interface ActionsTable {
  readonly id: string
  readonly version: number
  readonly agent: string
  readonly name: string
  readonly session: string | null
  readonly state: StateName
  readonly decision: Decision
  readonly approval_id: string | null
  readonly idempotency_key: string | null
  readonly due_at: number | null
  readonly replica: string
  readonly proposed_at: number
  readonly measures: string
  /** JSON of what never changes: written once, with the proposal. */
  readonly fixed: string
  /** JSON of what later steps change. */
  readonly progress: string
}

export interface RecordsTable {
  readonly chain: string
  readonly seq: number
  readonly hash: string
  readonly at: number
  readonly kind: string
  readonly action: string | null
  readonly agent: string | null
  /** Kind of the payload that belongs to the record; one of each kind an action. */
  readonly payload: string | null
  readonly text: string
}

/** Lies at the place of its record, so that both grow at their end. */
export interface PayloadsTable {
  readonly chain: string
  readonly seq: number
  readonly digest: string
  readonly salt: string | null
  readonly text: string | null
  readonly erased_at: number | null
}

export interface PayloadSubjectsTable {
  readonly subject: string
  readonly action: string
  readonly kind: string
}

export interface AgentsTable {
  readonly name: string
  readonly version: number
  readonly state: AgentState
  readonly reason: string | null
  readonly changed_by: string | null
  readonly changed_at: number
}

export interface AgentKeysTable {
  readonly id: string
  readonly hash: string
  readonly agent: string
  readonly created_at: number
  readonly revoked_at: number | null
}

export interface LoginsTable {
  readonly id: string
  readonly version: number
  readonly kind: string
  readonly hash: string
  readonly person: string
  readonly via: string
  /** JSON, as are claims. */
  readonly roles: string
  readonly claims: string
  readonly created_at: number
  readonly seen_at: number
  readonly expires_at: number
  readonly ended_at: number | null
}

export interface PromptVersionsTable {
  readonly name: string
  readonly version: number
  readonly digest: string
  /** JSON, as is config. */
  readonly content: string
  readonly config: string
  readonly note: string | null
  readonly created_at: number
  readonly created_by: string
}

export interface PromptLabelsTable {
  readonly name: string
  readonly label: string
  readonly version: number
  readonly moved_at: number
  readonly moved_by: string
}

export interface StandingApprovalsTable {
  readonly id: string
  readonly version: number
  readonly agent: string
  readonly action: string
  /** JSON, as are bounds and grants. */
  readonly targets: string
  readonly bounds: string
  readonly max_count: number
  readonly sum_path: string | null
  readonly max_sum: number | null
  readonly reason: string
  readonly grants: string
  readonly created_by: string
  readonly created_at: number
  readonly expires_at: number
  readonly revoked_at: number | null
  readonly revoked_by: string | null
  readonly used: number
  readonly used_sum: number
}

export interface AbsencesTable {
  readonly id: string
  readonly version: number
  readonly person: string
  readonly substitute: string
  readonly from_at: number
  readonly until_at: number
  readonly reason: string | null
  readonly created_by: string
  readonly created_at: number
  readonly ended_at: number | null
}

/** The Merkle tree over a chain's records. */
export interface TreesTable {
  readonly chain: string
  readonly size: number
}

export interface TreeTilesTable {
  readonly chain: string
  readonly level: number
  readonly number: number
  readonly hashes: Uint8Array
}

export interface TreeCheckpointsTable {
  readonly chain: string
  readonly name: string
  readonly size: number
  readonly at: number
  readonly note: string
}

export interface BudgetAccountsTable {
  readonly key: string
  readonly agent: string | null
  readonly unit: string
  readonly window: string
  readonly starts_at: number
  readonly ends_at: number
  /** The limit when a share was last taken. */
  readonly max_amount: number
  /** The sum of all leases' `granted`. */
  readonly granted: number
  readonly starved_at: number | null
  readonly starved_by: string | null
}

/** One replica's share of an account: `granted >= reserved + spent` always. */
export interface BudgetLeasesTable {
  readonly account: string
  readonly replica: string
  readonly granted: number
  readonly reserved: number
  readonly spent: number
}

export interface ReplicasTable {
  readonly id: string
  readonly expires_at: number
  readonly fenced_at: number | null
}

export interface ChainsTable {
  readonly chain: string
  readonly replica: string
  readonly seq: number
  readonly hash: string
  /** High-water mark of the store's clock. */
  readonly clock: number
}

export interface BaselinesTable {
  readonly agent: string
  readonly action: string
  readonly kind: string
  readonly version: number
  readonly updated_at: number
  /** Base64. */
  readonly data: string
}
