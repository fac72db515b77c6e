import type { Effect, Mode, Risk } from '../action/action.ts'
import type { BudgetWindow } from '../action/budget-window.ts'
import type { Decision } from '../action/decision.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import type { NanoUsd } from '../action/money.ts'
import type { PreparedCheck } from './check.ts'
import type { AnomalyRule, NoveltyRule } from './compile-anomaly.ts'
import type { LedgerRule } from './compile-ledger.ts'
import type { RunRule } from './compile-sandbox.ts'
import type { EgressRule, SecretRule } from './compile-egress.ts'
import type { ExportRule } from './compile-export.ts'
import type { BrowserRule } from './compile-browser.ts'
import type { PeopleRule } from './compile-people.ts'
import type { QualityRule } from './compile-quality.ts'
import type { RecordRule, ReplayRule } from './compile-record.ts'
import type { NotifyRule } from './notify.ts'

/** `belay.yaml`, validated and compiled. Immutable: a reload makes a new one. Times are milliseconds. */
export interface Policy {
  /** `sha256:…` over the canonical JSON of the file's content and of every file it names. */
  readonly digest: string
  readonly path: string | null
  readonly mode: Mode
  readonly defaultDecision: Decision
  /** Limits over all agents together. */
  readonly overall: Limits
  /** The entry for an agent: its exact name, else the glob with the longest literal part. */
  agent(name: string): AgentRule | undefined
  /** The entry for an action, chosen in the same way. */
  action(name: string): ActionRule | undefined
  readonly actionRules: readonly ActionRule[]
  readonly agentRules: readonly AgentRule[]
  readonly lists: Readonly<Record<string, readonly string[]>>
  readonly approvers: Readonly<Record<string, ApproverGroup>>
  /** Numeric input paths that some `history.sum` adds up, by action pattern; recorded with every matching action. */
  readonly measures: readonly { readonly action: string; readonly path: string }[]
  /** The longest window that any history function looks back on; 0 when none is used. */
  readonly historyWindow: number
  /** Model providers by name, as declared; the model gateway adds what it knows of vendors. */
  readonly providers: Readonly<Record<string, ProviderRule>>
  readonly people: PeopleRule
  readonly ledger: LedgerRule
  readonly mcp: McpRule
  /** Accounts that agents use in a browser, by name. */
  readonly browsers: Readonly<Record<string, BrowserRule>>
  readonly notify: NotifyRule
  /** What sandboxed agents use and never see. */
  readonly secrets: readonly SecretRule[]
  /** Absolute path of the folder with the prompts; `null`: none. */
  readonly prompts: string | null
  readonly exports: readonly ExportRule[]
  /** `null`: no model scores anything. */
  readonly quality: QualityRule | null
  readonly record: RecordRule
  readonly replay: ReplayRule
  /** The file as parsed, for the console and for explain. */
  readonly document: JsonObject
}

/** `mcp:`. */
export interface McpRule {
  readonly servers: Readonly<Record<string, McpServerRule>>
}

/** An entry of `mcp.servers`: either `command` or `url`. */
export interface McpServerRule {
  readonly command: readonly string[] | null
  /** As written: texts, or `$NAME` of an environment variable. Never shown, never recorded. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string | null
  readonly url: string | null
  /** As written, like `env`. */
  readonly headers: Readonly<Record<string, string>>
  readonly timeout: number
  /** Bytes of the largest result of a tool. */
  readonly maxResult: number
  /** The person at the client, whose answers there are votes; `null`: nobody is asked there. */
  readonly elicitApprover: string | null
}

/** An entry of `providers:`. What is `null` or absent is taken from the vendor of that name. */
export interface ProviderRule {
  readonly protocol: 'openai' | 'anthropic' | 'gemini' | null
  readonly baseUrl: string | null
  /** As written: the key itself, or `$NAME` of an environment variable. Never shown, never recorded. */
  readonly apiKey: string | null
  readonly headers: Readonly<Record<string, string>>
  readonly models: Readonly<Record<string, ModelDeclaration>>
  readonly timeouts: { readonly connect?: number; readonly firstByte?: number; readonly idle?: number }
  /** How long the rest of an abandoned answer is read, because the vendor bills it; `null`: as the vendor's row says. */
  readonly drain: number | null
}

/** What a model costs and can do, where the price table does not know it or is not to be used. Dollars per million tokens. */
export interface ModelDeclaration {
  readonly input: number | null
  readonly output: number | null
  /** Default: the input price. */
  readonly cacheRead: number | null
  readonly cacheWrite: number | null
  readonly contextWindow: number | null
  readonly maxOutput: number | null
}

/** How the model gateway heals failures of a provider and answers that a check rejected. */
export interface HealRule {
  /** Further attempts with the same model after a rate limit, an overload or a failed connection. */
  readonly retries: number
  /** Longest wait before an attempt; a longer `Retry-After` goes to the next model instead. */
  readonly maxWait: number
  /** What to call next, in order. `provider: null`: the one that was called. */
  readonly fallback: readonly ModelChoice[]
  /** How often an answer that a check rejected is asked for again, with the reason added to the prompt. */
  readonly rejected: number
  /** Calls marked as low priority go to this model when less than `below` (0 … 1) of some budget is left. */
  readonly lowBudget: { readonly below: number; readonly use: ModelChoice } | null
}

export interface ModelChoice {
  readonly provider: string | null
  readonly model: string
}

/** Checks of what comes back. */
export interface ResultRule {
  readonly checks: readonly CheckRule[]
  /** Characters of a stream that are held back so that a check sees them before the agent; `Infinity`: the whole answer. */
  readonly hold: number
}

/** How many calls of an agent run at the same time, how many wait, and for how long (ms). */
export interface ConcurrencyRule {
  readonly limit: number
  readonly queue: number
  readonly wait: number
}

export interface Limits {
  readonly budgets: readonly BudgetRule[]
  readonly rates: readonly RateRule[]
}

export interface BudgetRule {
  readonly limit: NanoUsd
  readonly per: 'action' | BudgetWindow
  /** The agent is paused when this limit refuses an action of its. */
  readonly then?: 'pause'
}

/** All model calls of an agent go to this model once `at` (0 … 1) of some budget of its is spent or reserved. */
export interface DowngradeRule {
  readonly at: number
  readonly use: ModelChoice
}

export interface RateRule {
  readonly limit: number
  readonly per: BudgetWindow
}

export interface AgentRule extends Limits {
  readonly pattern: string
  readonly breaker: BreakerRule | null
  /** `null`: nothing is learned of it and nothing told. */
  readonly anomaly: AnomalyRule | null
  readonly novelty: NoveltyRule | null
  /** `null`: the gateway's default. */
  readonly concurrency: ConcurrencyRule | null
  readonly downgrade?: DowngradeRule
  /** What may leave its sandbox; `null`: nothing is said, so nothing may, and its requests elsewhere are actions like others. */
  readonly egress: readonly EgressRule[] | null
  /** What Belay runs for it, and in what sandbox. */
  readonly run: RunRule
}

/**
 * Opens when more than `errorRate` of the last `over` finished actions failed, or when the agent spends
 * faster than `spend`; then pauses the agent. With `cooldown` it goes half-open by itself and lets
 * `probes` actions through before it closes.
 */
export interface BreakerRule {
  readonly errorRate: number | null
  readonly over: number
  readonly spend: { readonly limit: NanoUsd; readonly within: number } | null
  readonly then: 'pause' | 'stop'
  readonly cooldown: number | null
  readonly probes: number
}

export interface ActionRule {
  readonly pattern: string
  readonly effect: Effect
  /** Answers `undefined` when the input fits, else what is wrong and where. */
  readonly input: ((input: JsonObject) => SchemaFault | undefined) | null
  readonly checks: readonly CheckRule[]
  readonly approvals: readonly ApprovalRule[]
  readonly undo: UndoRule | null
  /** Worst-case cost when the agent declares none or less. */
  readonly cost: NanoUsd
  /** How long the effect may take, or the agent's report may be outstanding. */
  readonly timeout: number
  /** How long a permission to execute stays valid. */
  readonly startWithin: number
  /** Subjects of the personal data in the input. */
  readonly subjects: Expression<readonly string[]> | null
  /** Whether any condition of the entry looks at history. */
  readonly usesHistory: boolean
  readonly result: ResultRule | null
  /** `null`: nothing is tried again. */
  readonly heal: HealRule | null
  /** How long a door that cannot answer "held" (the model gateway) waits for the approval. */
  readonly approvalWait: number
  /** In the place of what `effect` says of it; `null`: that holds. The cost may raise it. */
  readonly risk: Risk | null
  /** Whether a standing approval counts although the risk is high. */
  readonly standing: boolean
  /** Groups of which two people together may release a held action out of turn; empty: nobody. */
  readonly breakGlass: readonly string[]
}

export interface SchemaFault {
  readonly where: string
  readonly message: string
}

/** One line of `verify:`. */
export interface CheckRule {
  /** Name of the check; `rule` for a CEL rule. */
  readonly name: string
  readonly run: PreparedCheck | RulePredicate
  /** What a finding demands: `deny` unless said otherwise; `warn` only remarks; `redact` applies the edits. */
  readonly then: Then | null
  readonly code: string | null
  readonly message: string | null
  readonly tags: readonly string[]
  /** The check's options as written, for explain. */
  readonly source: JsonValue
}

export type Then = Decision | 'redact' | 'warn'

/** A CEL rule is run by the verify stage with the whole scope. */
export interface RulePredicate {
  readonly kind: 'rule'
  readonly when: Expression<boolean>
}

export interface ApprovalRule {
  /** `null`: always. */
  readonly when: Expression<boolean> | null
  readonly by: readonly string[]
  readonly expires: number
  readonly code: string
  readonly message: string
  /** Who may decide as well when a step waits too long, ms from when it began to wait, ascending. */
  readonly escalations: readonly { readonly after: number; readonly to: readonly string[] }[]
}

export interface UndoRule {
  readonly within: number
  readonly when: Expression<boolean> | null
  /** Belay calls it to undo; without one, the agent or the SDK's `undo` does it. */
  readonly webhook: string | null
  /** Belay asks it what is there now; without one, the SDK's `current` says so, or nobody. */
  readonly current: string | null
  /** Paths of the result that must still hold; `null`: those of version, revision, etag and digest that it has. */
  readonly unchanged: readonly string[] | null
  /** Names what the action changed, so that undos of the same thing know of each other. */
  readonly about: Expression<readonly string[]> | null
}

export interface ApproverGroup {
  readonly members: readonly string[]
  readonly quorum: number
  /** People outside the group who may vote in a member's place, when that member says so. */
  readonly mayDelegateTo: readonly string[]
  /** Whether who edits an action's input may vote on it. */
  readonly editorsDecide: boolean
}

/** A compiled CEL expression. Throws when it cannot be evaluated or gives another type; the caller refuses. */
export interface Expression<T> {
  readonly source: string
  evaluate(scope: Scope): T
}

/** The names in scope of a condition. */
export interface Scope {
  readonly action: {
    readonly name: string
    readonly agent: string
    readonly session: string
    readonly reason: string
    readonly confidence: number
    readonly cost_usd: number
    readonly effect: Effect
  }
  readonly input: JsonObject
  readonly result: JsonValue
  readonly agent: { readonly name: string; readonly state: string }
  readonly history: HistoryView
  readonly now: number
}

/**
 * Counts what ran or may still run, actions in flight included, the judged action excluded.
 * `history` in CEL is the acting agent's; `history_all` is everybody's.
 */
export interface HistoryView {
  count(scope: 'agent' | 'all', name: string, windowMs: number): number
  sum(scope: 'agent' | 'all', name: string, path: string, windowMs: number): number
}

/** Where a fault lies in the file, what was expected there and what was found. Lines and columns count from 1. */
export interface PolicyFault {
  readonly severity: 'error' | 'warning'
  readonly code: string
  readonly file: string
  readonly line: number
  readonly column: number
  readonly expected: string
  readonly found: string
}
