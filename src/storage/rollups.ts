import type { StateName } from '../action/action.ts'
import type { Decision } from '../action/decision.ts'

/**
 * What is derived from the records so that nobody has to read them again: one span an action, one row a session, and
 * sums by the hour. A follower of the ledger writes them, each chain's by itself, together with its position: what is
 * here can be made anew from the records.
 */
export interface Rollups {
  /** The number of the last record of the chain that is counted here; 0 before the first. */
  position(chain: string): Promise<number>
  spans(ids: readonly string[]): Promise<readonly Span[]>
  /** Under which tags actions of the hour are counted in the chain; at most `limit`. */
  tagsIn(chain: string, hour: number, limit: number): Promise<readonly Tag[]>
  sums(chain: string, keys: readonly SumKey[]): Promise<readonly HourlySum[]>
  sessionParts(chain: string, keys: readonly SessionKey[]): Promise<readonly SessionPart[]>
  /**
   * Writes the whole step durably, or nothing of it: `false` when the position or a span is no longer what it was
   * when the step was worked out.
   */
  apply(step: RollupStep): Promise<boolean>

  /** Sums over all chains, in the order of their groups. */
  stats(query: StatsQuery): Promise<readonly StatsGroup[]>
  /** What the actions of each agent cost, by the hour in which they were proposed. Hours without any are left out. */
  costs(query: CostQuery): Promise<readonly CostOfHour[]>
  /** Names of the tags under which actions of these hours are counted, the dearest first; at most `limit`. */
  tagNames(query: CostQuery, limit: number): Promise<readonly string[]>
  /** Sessions by their last sign of life, newest first. */
  sessions(query: SessionQuery): Promise<readonly SessionSummary[]>
  session(key: SessionKey): Promise<SessionSummary | undefined>
  /** The spans of a session by the time of their proposal; pages go on after the last one's id. */
  spansOf(key: SessionKey, after: string | null, limit: number): Promise<readonly Span[]>
}

/** What an action is counted under. `null`: it has none. */
export interface Dimensions {
  readonly agent: string
  readonly action: string
  /** As it was asked for: of the call itself, or of the model whose answer proposed the action. */
  readonly model: string | null
  readonly promptName: string | null
  readonly promptVersion: string | null
  readonly promptDigest: string | null
  readonly release: string | null
  readonly decision: Decision
  readonly effective: Decision
  /** The code of the weightiest reason. */
  readonly reason: string | null
}

export const DIMENSIONS = [
  'agent',
  'action',
  'model',
  'promptName',
  'promptVersion',
  'promptDigest',
  'release',
  'decision',
  'effective',
  'reason',
] as const satisfies readonly (keyof Dimensions)[]

/** What a caller says that an action is for: `campaign` of `spring`. */
export interface Tag {
  readonly name: string
  readonly value: string
}

/** One action, as its records tell of it. Times are epoch ms; money is nano-USD. */
export interface Span extends Dimensions {
  readonly id: string
  /** Version of the action in the last record that is counted. */
  readonly version: number
  readonly session: string | null
  /** The action that led to this one: the model call whose answer proposed it, or the call that it stands in for. */
  readonly parent: string | null
  readonly trace: string | null
  readonly state: StateName
  readonly proposedAt: number
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly outcome: 'succeeded' | 'failed' | 'unknown' | null
  readonly cost: number
  readonly inputTokens: number
  readonly outputTokens: number
  /** The model that answered, as it names itself, and its fingerprint. */
  readonly responded: string | null
  readonly fingerprint: string | null
  readonly approval: SpanPart | null
  readonly undo: SpanPart | null
  /** The tags it is counted under, by name: a value that was one too many of its hour is `other`. */
  readonly tags: Readonly<Record<string, string>> | null
}

/** Something that a span waited for, or that happened to it afterwards. */
export interface SpanPart {
  readonly startedAt: number
  readonly endedAt: number | null
  readonly state: string
  /** Who or which groups. */
  readonly name: string
}

export interface SumKey {
  /** Epoch ms of the hour in which the actions were proposed. */
  readonly hour: number
  /** The dimensions as one text. */
  readonly key: string
}

/** How many buckets of durations there are: see `latency.ts`. */
export const LATENCY_BUCKETS = 42

export const COUNTS = [
  'actions',
  'held',
  'approved',
  'rejected',
  'succeeded',
  'failed',
  'unknown',
  'undone',
  'cost',
  'inputTokens',
  'outputTokens',
  'timed',
  'milliseconds',
] as const

/** Whole numbers that add up. `timed` actions took `milliseconds` together. */
export type Counts = Readonly<Record<(typeof COUNTS)[number], number>> & {
  /** How many took how long, by bucket. */
  readonly latency: readonly number[]
}

export interface HourlySum extends SumKey, Counts {
  readonly dimensions: Dimensions
  /** Counts only the actions with this tag, which the sum with `null` counts as well. */
  readonly tag: Tag | null
}

export interface SessionKey {
  readonly agent: string
  readonly session: string
}

/** What one chain knows of a session. The lists hold no name twice and are bounded. */
export interface SessionPart extends SessionKey {
  readonly startedAt: number
  /** The time of its newest record. */
  readonly seenAt: number
  readonly actions: number
  readonly modelCalls: number
  readonly denied: number
  readonly held: number
  readonly failed: number
  readonly cost: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly models: readonly string[]
  readonly prompts: readonly string[]
  readonly releases: readonly string[]
  readonly decisions: readonly string[]
  readonly reasons: readonly string[]
}

export type SessionSummary = SessionPart

export interface RollupStep {
  readonly chain: string
  /** The position must still be this, and becomes `to`. */
  readonly from: number
  readonly to: number
  /** `replaces` is the version that the span must still have; `null` for a new one. */
  readonly spans: readonly { readonly value: Span; readonly replaces: number | null }[]
  /** As they are from now on. */
  readonly sums: readonly HourlySum[]
  readonly sessions: readonly SessionPart[]
}

export const GROUPINGS = [
  'hour',
  'agent',
  'action',
  'model',
  'prompt',
  'release',
  'decision',
  'effective',
  'reason',
] as const
export type Grouping = (typeof GROUPINGS)[number]

/** By the value of a tag, beside `GROUPINGS`. Only the actions with the tag are counted then. */
export type TagGrouping = `tag:${string}`

export interface StatsFilter {
  readonly agent?: string
  readonly action?: string
  readonly model?: string
  /** A prompt's name. */
  readonly prompt?: string
  readonly promptVersion?: string
  readonly release?: string
  readonly decision?: string
  readonly reason?: string
}

export interface StatsQuery extends StatsFilter {
  /** Whole hours, epoch ms: from the first up to, and without, the second. */
  readonly from: number
  readonly to: number
  /** At most one of them is a tag. */
  readonly by: readonly (Grouping | TagGrouping)[]
  /** Only actions with this tag. Where it is grouped by a tag, of that name. */
  readonly tag?: Tag
  /** The groups with the most actions are answered. */
  readonly limit: number
}

export interface CostQuery {
  /** Whole hours, epoch ms: from the first up to, and without, the second. */
  readonly from: number
  readonly to: number
  readonly agent?: string
}

export interface CostOfHour {
  readonly hour: number
  readonly agent: string
  /** Nano-USD. */
  readonly cost: number
}

export interface StatsGroup extends Counts {
  /** One a grouping, in the order in which they were asked for. */
  readonly keys: readonly (string | number | null)[]
  /** Actions by decision. */
  readonly decisions: Readonly<Record<Decision, number>>
}

export interface SessionQuery {
  readonly agent?: string
  /** Last sign of life, epoch ms: from the first up to, and without, the second. */
  readonly from?: number
  readonly to?: number
  readonly model?: string
  readonly prompt?: string
  readonly release?: string
  readonly decision?: string
  readonly reason?: string
  /** Nano-USD; at least this. */
  readonly minCost?: number
  /** Where the page before ended. */
  readonly before?: { readonly seenAt: number } & SessionKey
  readonly limit: number
}
