import type { Decision } from './decision.ts'
import type { Reason } from './finding.ts'
import type { InterceptionPoint } from './interception-point.ts'
import type { JsonObject, JsonValue } from './json.ts'
import type { NanoUsd } from './money.ts'

export type Mode = 'observe' | 'enforce'

/** What an action does to the world, worst case. */
export type Effect = 'read' | 'write' | 'irreversible'

/** What an agent asks for, as it came through a door: shaped and bounded, but not yet judged. */
export interface Proposal {
  readonly agent: string
  readonly action: string
  readonly input: JsonObject
  readonly session?: string
  /** The agent's own reason, in its words. */
  readonly reason?: string
  /** 0 … 1, as the agent claims it. */
  readonly confidence?: number
  /** The most that the action may cost. */
  readonly cost?: NanoUsd
  /**
   * The action makes do with less than `cost`, down to this: where the budgets do not afford all of it, what they
   * still have is reserved, and `Action.cost` says how much that is.
   */
  readonly costAtLeast?: NanoUsd
  readonly idempotencyKey?: string
  /** Where values of the input come from, by dotted path: for example `{"text": "untrusted:web"}`. */
  readonly provenance?: JsonObject
  /** Whose personal data the input holds: the handle by which it can be erased. */
  readonly subjects?: readonly string[]
  readonly release?: string
  readonly target?: string
  readonly toolSchemaVersion?: string
  readonly trace?: { readonly traceId: string; readonly spanId: string }
  /** The person who asked through the agent, where one did: may not approve it. */
  readonly proposedBy?: string
  /** Where in the agent's life it is judged; `pre_tool_call` unless said otherwise. */
  readonly interceptionPoint?: InterceptionPoint
  /** What the door knows beside the input (provider, prompt version …): part of the record, so never personal data. */
  readonly facts?: JsonObject
}

/** Where the effect happens: inside Belay's process, or in the agent, which takes the permission and reports. */
export type Venue = 'belay' | 'agent'

export const RISKS = ['low', 'medium', 'high'] as const

/** How much care a decision needs. Who approves what is of high risk says why. */
export type Risk = (typeof RISKS)[number]

export interface Vote {
  readonly by: string
  readonly outcome: 'approve' | 'reject'
  readonly at: number
  /** The member in whose place somebody else voted. */
  readonly for?: string
}

/** A member passed the vote in this step on to somebody else. */
export interface Delegation {
  readonly from: string
  readonly to: string
  readonly at: number
}

/** When the step has waited for `after` ms, these groups may decide it as well. */
export interface Escalation {
  readonly after: number
  readonly to: readonly string[]
  readonly members: readonly string[]
}

/** One step of an approval chain. It is passed when `quorum` people have approved, each in a place of their own. */
export interface ApprovalStep {
  readonly group: string
  readonly members: readonly string[]
  readonly quorum: number
  readonly votes: readonly Vote[]
  /** Beside the members: whom one of them may let vote in their place. */
  readonly delegates?: readonly string[]
  /** Whether those who edited the input may vote on it. */
  readonly editorsDecide?: true
  /** Those still to come, the next one first. */
  readonly escalations?: readonly Escalation[]
  /** Groups whose members have joined because the step waited too long. */
  readonly escalatedTo?: readonly string[]
  readonly delegations?: readonly Delegation[]
}

/** Who may release the action out of turn, and who has asked for that. Two different people do it together. */
export interface BreakGlass {
  readonly groups: readonly string[]
  readonly members: readonly string[]
  readonly votes: readonly { readonly by: string; readonly at: number }[]
}

export interface Approval {
  readonly id: string
  readonly steps: readonly ApprovalStep[]
  /** Index of the step that waits; equal to `steps.length` when all have passed. */
  readonly step: number
  readonly expiresAt: number
  /** The action digest that people decide on, and the policy they decide under. */
  readonly actionDigest: string
  readonly policyDigest: string
  readonly risk: Risk
  /** When the step that waits began to wait. */
  readonly since: number
  /** Who changed the input that is decided on. */
  readonly editedBy?: readonly string[]
  readonly breakGlass?: BreakGlass
  readonly grantedAt?: number
  /** What granted it in the place of votes: a standing approval's id, or two people out of turn. */
  readonly grantedBy?: { readonly standing: string } | 'break_glass'
}

export interface UndoProgress {
  readonly status: 'requested' | 'executing' | 'failed' | 'unknown' | 'undone'
  readonly by: string
  readonly at: number
  /** While requested or executing: when it becomes `unknown`. */
  readonly deadline?: number
  /** A person said that what has changed since may be overwritten. */
  readonly overwrite?: true
  readonly error?: string
}

/** The states of an action; each carries its own data alone. Times are epoch milliseconds. */
export type ActionState =
  | { readonly name: 'denied' }
  | { readonly name: 'held'; readonly approval: Approval }
  | { readonly name: 'ready'; readonly expiresAt: number; readonly approval?: Approval }
  | {
      readonly name: 'executing'
      readonly startedAt: number
      readonly deadline: number
      readonly approvedBy?: readonly string[]
      readonly grantedBy?: Approval['grantedBy']
    }
  | {
      readonly name: 'succeeded'
      readonly at: number
      readonly judged?: ResultJudgement
      readonly undo?: UndoProgress
    }
  | { readonly name: 'failed'; readonly at: number; readonly judged?: ResultJudgement }
  | {
      readonly name: 'unknown'
      readonly at: number
      readonly cause: string
      readonly judged?: ResultJudgement
    }
  | { readonly name: 'undone'; readonly at: number; readonly by: string }
  | { readonly name: 'expired'; readonly at: number; readonly was: 'held' | 'ready' }
  | { readonly name: 'cancelled'; readonly at: number; readonly by: string }

export type StateName = ActionState['name']

export const STATES = [
  'denied',
  'held',
  'ready',
  'executing',
  'succeeded',
  'failed',
  'unknown',
  'undone',
  'expired',
  'cancelled',
] as const satisfies readonly StateName[]

/** What was set aside in one budget account when the action was admitted. */
export interface Reservation {
  readonly account: string
  readonly unit: 'nano_usd' | 'actions'
  readonly amount: number
}

/**
 * The noun: one action from proposal to proof, as the store keeps it. Immutable; every transition makes a
 * new value with `version + 1`, and the store takes it only if the version it replaces is still there.
 * The input, the agent's words and the result lie apart as payloads, so that they can be erased.
 */
export interface Action {
  readonly id: string
  readonly version: number
  readonly interceptionPoint: InterceptionPoint
  readonly agent: string
  readonly proposedBy: string | null
  readonly name: string
  readonly session: string | null
  readonly effect: Effect
  readonly mode: Mode
  /** What the policy decided; `effective` is what was done, which differs only under `observe`. */
  readonly decision: Decision
  readonly effective: Decision
  readonly reasons: readonly Reason[]
  readonly policyDigest: string
  /** Digest of the input as proposed, and of the input that may be executed. */
  readonly inputIdentity: string
  readonly enforcedIdentity: string
  /** What approvals are bound to. */
  readonly actionDigest: string
  readonly confidence: number | null
  readonly release: string | null
  readonly target: string | null
  readonly toolSchemaVersion: string | null
  readonly trace: { readonly traceId: string; readonly spanId: string } | null
  readonly venue: Venue
  readonly replica: string
  /** Digest of agent and idempotency key, and of the proposal that the key stands for. */
  readonly idempotency: { readonly key: string; readonly proposal: string } | null
  readonly proposedAt: number
  readonly updatedAt: number
  /** When the store's clock must move the action on; `null` when nothing is due. */
  readonly dueAt: number | null
  /** Reserved worst case while in flight; what it cost when finished. */
  readonly cost: NanoUsd
  readonly reservations: readonly Reservation[]
  /** Numbers of the input that `history.sum` adds up, by dotted path. */
  readonly measures: Readonly<Record<string, number>>
  readonly subjects: readonly string[]
  readonly state: ActionState
}

export type InState<N extends StateName> = Action & { readonly state: Extract<ActionState, { name: N }> }

/** The payload of a proposal: everything in it may be personal and can be erased. */
export interface ProposalPayload {
  readonly input: JsonObject
  /** The input that may be executed, when a check changed it. */
  readonly enforced?: JsonObject
  readonly reason?: string
  readonly provenance?: JsonObject
  /** Evidence of findings, by reason code. */
  readonly evidence?: readonly { readonly code: string; readonly value: JsonValue }[]
}

export interface OutcomeReport {
  readonly outcome: 'succeeded' | 'failed' | 'unknown'
  readonly result?: JsonValue
  readonly error?: string
  readonly cost?: NanoUsd
}

/** An outcome as a door of ours reports it. */
export interface DoorReport extends OutcomeReport {
  /** How the result was judged, where it was. */
  readonly judged?: ResultVerdict
  /** What the door knows of the outcome (model, usage, attempts …): part of the record, so never personal data. */
  readonly facts?: JsonObject
}

/** What the policy's checks made of a result. `deny`: the agent does not get it. */
export interface ResultJudgement {
  readonly decision: Decision
  /** What was done, which differs only under `observe`. */
  readonly effective: Decision
  readonly reasons: readonly Reason[]
}

export interface ResultVerdict extends ResultJudgement {
  /** The result that the agent may read: redacted if a check said so. */
  readonly result: JsonObject
}
