import type { Action, StateName } from '../action/action.ts'
import type { BudgetWindow } from '../action/budget-window.ts'
import type { Decision } from '../action/decision.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import type { Rollups } from './rollups.ts'

export * from './rollups.ts'
import type { Tiles } from './tiles.ts'
import type { Alarms } from './alarms.ts'
import type { Baselines } from './baselines.ts'
import type { AbsenceRow, Approvals, StandingRow, StandingUse } from './approvals.ts'
import type { FollowerPositions } from './followers.ts'
import type { PromptChange, Prompts } from './prompts.ts'
import type { Scores } from './scores.ts'

export type { AlarmFilter, AlarmRow, Alarms } from './alarms.ts'
export type { BaselineHead, BaselineKey, BaselineRow, Baselines, BaselineWrite } from './baselines.ts'
export type { FollowerPositions } from './followers.ts'
export type {
  PromptChange,
  PromptContent,
  PromptLabel,
  Prompts,
  PromptSummary,
  PromptVersion,
} from './prompts.ts'
export type {
  AgreementCount,
  PersonOutcome,
  PersonSaid,
  ScoreFilter,
  ScoreRow,
  Scores,
  ScoreVerdict,
} from './scores.ts'
export type { AbsenceRow, Approvals, Bound, Grant, StandingRow, StandingUse } from './approvals.ts'

/**
 * The store keeps actions, the ledger, budgets, agents, keys and logins of people. Every change goes through `commit`, which
 * joins concurrent transitions into one durable transaction and answers each when it is on disk.
 * Two implementations, one contract suite (`contract.ts`).
 */
export interface Store {
  readonly dialect: 'sqlite' | 'postgres'
  /** This process's identity in the store; also the name of its hash chain on PostgreSQL. */
  readonly replica: string
  readonly prompts: Prompts
  readonly tiles: Tiles
  /** Epoch milliseconds by the database's clock; never goes backwards, also across restarts. */
  now(): number

  /**
   * Applies the whole transition or nothing of it, durably, together with its records.
   * Rejects with `store:unavailable` or `store:fenced` when nothing of it was applied.
   */
  commit(transition: Transition): Promise<CommitResult>

  /**
   * Takes a slice of a budget account for this replica: at least `need` if the account still has it, else
   * whatever is left. Answers what was added to this replica's share (0: exhausted). Durable before it answers.
   */
  lease(account: BudgetAccount, need: number): Promise<number>
  /** Gives unused share back. The caller no longer spends it. */
  giveBack(account: string, amount: number): Promise<void>
  /** Accounts that other replicas asked for and did not get since the last call; idle share should go back. */
  starvedAccounts(): Promise<readonly string[]>
  /**
   * Forgets accounts that ended before `before` and in which nothing is reserved. What is settled in them later, by a
   * late report, is recorded with its action and charged to nobody.
   */
  dropBudgets(before: number): Promise<void>
  /** This process's own leases after opening; for a fresh replica, none. */
  budgets(filter: BudgetFilter): Promise<readonly BudgetReport[]>

  /** Replicas whose lease ran out, fenced by this call: their unused share is back in the accounts. */
  takeOverDeadReplicas(): Promise<readonly string[]>
  /** Renews this replica's lease; rejects with `store:fenced` when another has taken it over. */
  heartbeat(): Promise<void>

  /**
   * Runs `work` while no other replica runs one for the same key: exact decisions over shared history.
   * On SQLite, where one process writes, it only runs `work`.
   */
  exclusively<T>(key: string, work: () => Promise<T>): Promise<T>

  readonly approvals: Approvals

  action(id: string): Promise<Action | undefined>
  /** The action that the approval was about last, whatever became of it. */
  actionByApproval(approvalId: string): Promise<Action | undefined>
  actionByIdempotency(key: string): Promise<Action | undefined>
  actions(filter: ActionFilter): Promise<readonly Action[]>
  /** Non-terminal actions that are due at `at`, oldest first. On PostgreSQL rows that another replica is moving are skipped. */
  dueActions(at: number, limit: number): Promise<readonly Action[]>
  /** Actions in `executing` whose effect runs inside one of these replicas. */
  executingIn(replicas: readonly string[]): Promise<readonly Action[]>
  /** What history functions and rates count: actions that ran or may still run, newest last. */
  history(filter: HistoryFilter): Promise<readonly HistoryEntry[]>
  /** The newest finished actions of an agent, proposed since then, newest first: `true` for failed or unknown. */
  recentFailures(agent: string, limit: number, since?: number): Promise<readonly boolean[]>

  /** What is derived from the records: spans, sessions, sums by the hour. */
  readonly rollups: Rollups
  readonly followers: FollowerPositions
  readonly baselines: Baselines
  readonly alarms: Alarms
  readonly scores: Scores

  payloads(actionId: string): Promise<readonly StoredPayload[]>
  /** The payloads of many actions at once, in no particular order. */
  payloadsOf(actionIds: readonly string[]): Promise<readonly StoredPayload[]>
  /** As they are stored, and as the digests in the records cover them: those of persons sealed. */
  sealedPayloadsOf(actionIds: readonly string[]): Promise<readonly StoredPayload[]>
  agents(): Promise<readonly AgentRow[]>
  agent(name: string): Promise<AgentRow | undefined>
  keys(): Promise<readonly KeyRow[]>
  keyByHash(hash: string): Promise<KeyRow | undefined>
  /** Logins and log-in links that have not ended and expire after `at`, oldest first. */
  logins(at: number): Promise<readonly LoginRow[]>
  login(id: string): Promise<LoginRow | undefined>
  loginByHash(hash: string): Promise<LoginRow | undefined>
  /** Forgets logins and links that ended or expired before `before`; the ledger keeps what became of them. */
  dropLogins(before: number): Promise<void>

  /** The ledger: hash chains of records, in order. */
  chains(): Promise<readonly ChainHead[]>
  records(chain: string, afterSeq: number, limit: number): Promise<readonly StoredRecord[]>
  recordsOf(actionId: string): Promise<readonly StoredRecord[]>
  /** Calls back after each commit that this process made, and on PostgreSQL soon after those of others. */
  onCommit(listener: () => void): () => void

  /** Payloads that hold data of the subject or belong to the action. */
  payloadsToErase(
    what: { readonly subject: string } | { readonly action: string },
  ): Promise<readonly PayloadRef[]>
  /**
   * Destroys the keys to what is stored of a person: copies of it, also in backups of the database, are unreadable from
   * here on. Answers how many there were.
   */
  destroySubjectKeys(subject: string): Promise<number>
  /**
   * Puts what is left of records in the place of their texts, and drops the actions with all that is derived of them. Can
   * be done again. The record that says so must be durable before.
   */
  purge(records: readonly PurgedRecord[], actions: readonly string[]): Promise<void>
  /** Overwrites free pages and truncates logs where the database allows it, after an erasure was committed. */
  scrub(): Promise<void>

  close(): Promise<void>
}

/** One step of one thing, with all that must become durable together. */
export interface Transition {
  /**
   * The new value; `replaces` is the version that must still be there, `null` for an insert. An update leaves alone
   * what a proposal fixes (digests, measures, subjects …) unless it `rewrites`.
   */
  readonly action?: { readonly value: Action; readonly replaces: number | null; readonly rewrites?: true }
  readonly agent?: { readonly value: AgentRow; readonly replaces: number | null }
  /** The agent row must still have this version, or the commit conflicts: pausing reaches actions in flight. */
  readonly agentUnchanged?: { readonly name: string; readonly version: number }
  readonly key?: { readonly value: KeyRow; readonly replaces: 'absent' | 'present' }
  readonly login?: { readonly value: LoginRow; readonly replaces: number | null }
  readonly prompt?: PromptChange
  readonly standing?: { readonly value: StandingRow; readonly replaces: number | null }
  readonly standingUse?: StandingUse
  readonly absence?: { readonly value: AbsenceRow; readonly replaces: number | null }
  readonly charges?: readonly Charge[]
  readonly records: readonly NewRecord[]
  /** Payloads to drop. A tombstone with the digest stays. */
  readonly erase?: readonly PayloadRef[]
}

export type CommitResult =
  | { readonly status: 'committed'; readonly records: readonly RecordRef[] }
  /** Nothing was applied. */
  | {
      readonly status: 'conflict'
      readonly on: 'action' | 'agent' | 'idempotency' | 'key' | 'login' | 'standing' | 'absence' | 'prompt'
    }

export interface RecordRef {
  readonly chain: string
  readonly seq: number
  readonly hash: string
}

export type RecordKind =
  | 'genesis'
  | 'decision'
  | 'vote'
  | 'start'
  | 'outcome'
  | 'undo'
  | 'expiry'
  | 'cancellation'
  | 'agent'
  | 'policy'
  | 'key'
  | 'login'
  | 'channel'
  | 'prompt'
  | 'erasure'
  | 'purge'
  | 'recording'
  | 'anchor'
  | 'witness'
  | 'delegation'
  | 'escalation'
  | 'break_glass'
  | 'edit'
  | 'standing'
  | 'absence'
  | 'process'
  | 'alarm'
  | 'quality'

/**
 * A record before it has its place in the chain. The store writes
 * `{v, chain, seq, at, kind, action, agent, payload, ...body}` as canonical JSON and hashes those exact bytes:
 * `hash = SHA-256(previous hash ‖ SHA-256(text))`, both as raw bytes; the first record follows 32 zero bytes.
 */
export interface NewRecord {
  readonly kind: RecordKind
  readonly at: number
  readonly action: string | null
  readonly agent: string | null
  readonly body: JsonObject
  /** Lies apart; the record holds its digest. */
  readonly payload?: NewPayload
}

export interface NewPayload {
  /** One of each kind an action; the kinds are `proposal`, `outcome`, `vote:N`, `undo`, `recording:…`. */
  readonly kind: string
  readonly body: JsonValue
  /** Subjects under which the payload can be erased. */
  readonly subjects: readonly string[]
}

export interface PayloadRef {
  readonly action: string
  readonly kind: string
}

export interface StoredPayload extends PayloadRef {
  /** SHA-256 over salt and text, as the record has it. */
  readonly digest: string
  readonly salt: string | null
  readonly text: string | null
  readonly erasedAt: number | null
}

/** What stays of a record. */
export interface PurgedRecord {
  readonly chain: string
  readonly seq: number
  readonly text: string
}

export interface StoredRecord extends RecordRef {
  readonly at: number
  readonly kind: RecordKind
  readonly action: string | null
  readonly agent: string | null
  /** The exact bytes that are hashed. */
  readonly text: string
}

export interface ChainHead extends RecordRef {
  /** `false` for a chain whose replica is gone. */
  readonly live: boolean
}

/** Reserve with `reserved > 0`, settle with `reserved < 0` and `spent ≥ 0`, in the account's unit. */
export interface Charge {
  readonly account: string
  readonly reserved: number
  readonly spent: number
}

/** One budget or rate of one scope in one window. The sum of all shares given out never exceeds `limit`. */
export interface BudgetAccount {
  /** `{scope}/{unit}/{window}/{start}`, for example `agent:commenter/usd/day/2026-11-23`. */
  readonly key: string
  readonly agent: string | null
  readonly unit: 'nano_usd' | 'actions'
  readonly window: BudgetWindow
  readonly startsAt: number
  /** Epoch ms; for a session, the far future. */
  readonly endsAt: number
  readonly limit: number
}

/** Accounts whose window holds the time `at` (epoch ms). Those of sessions never end, and there is one for each that ever was. */
export interface BudgetFilter {
  readonly at: number
  readonly agent?: string
  /** Only these accounts. */
  readonly keys?: readonly string[]
  /** Only windows that end by then, epoch ms: leaves those of sessions unread. */
  readonly endsBy?: number
}

export interface BudgetReport extends BudgetAccount {
  readonly reserved: number
  readonly spent: number
}

export interface ActionFilter {
  readonly agent?: string
  readonly action?: string
  readonly session?: string
  readonly state?: StateName
  readonly decision?: Decision
  /** Proposed at or after, epoch ms. */
  readonly since?: number
  /** Ids are ordered by time: only those before this one. */
  readonly before?: string
  readonly limit: number
}

export interface HistoryFilter {
  /** One agent's, or everybody's. */
  readonly agent?: string
  readonly since: number
  /** Leave this action out. */
  readonly except?: string
}

export interface HistoryEntry {
  readonly id: string
  readonly agent: string
  readonly name: string
  readonly at: number
  readonly measures: Readonly<Record<string, number>>
}

export type AgentState = 'active' | 'paused' | 'stopped'

export interface AgentRow {
  readonly name: string
  readonly version: number
  readonly state: AgentState
  readonly reason: string | null
  readonly changedBy: string | null
  readonly changedAt: number
}

export interface KeyRow {
  readonly id: string
  /** SHA-256 of the whole key. */
  readonly hash: string
  readonly agent: string
  readonly createdAt: number
  readonly revokedAt: number | null
}

/**
 * A person who is logged in, or a link with which one may log in: using a link replaces its row by the login's, so
 * that it can be used once. Times are epoch ms.
 */
export interface LoginRow {
  readonly id: string
  /** The first is 1. */
  readonly version: number
  readonly kind: 'link' | 'login'
  /** SHA-256 of the secret in the link or the cookie. */
  readonly hash: string
  /** As the record names the person. */
  readonly by: string
  readonly via: 'link' | 'oidc'
  /** What a link grants; empty where the policy says it of `claims`. */
  readonly roles: readonly string[]
  /** What the identity provider said of the person's roles. */
  readonly claims: readonly string[]
  readonly createdAt: number
  /** Last use, kept only so often. */
  readonly seenAt: number
  readonly expiresAt: number
  readonly endedAt: number | null
}
