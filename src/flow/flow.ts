import type { Action, DoorReport, Proposal, ResultVerdict, Venue } from '../action/action.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import type { Recording } from '../action/recording.ts'
import type { Erasure } from './audit/erase.ts'
import type { AgentRow, AgentState } from '../storage/store.ts'
import type { Absences } from './absences.ts'
import type { Behaviours } from './agent-behaviour.ts'
import type { StandingApprovals } from './standing-approvals.ts'

/**
 * Everything that can happen to an action, as the doors call it. Refusals of an action are values in
 * `Action.decision` and `Action.reasons`; what is thrown is a `BelayError` from the catalogue.
 */
export interface Flow {
  /** Verifies, meters, decides and records. With `start`, an allowed action is `executing` when this answers. */
  propose(proposal: Proposal, how: HowToPropose): Promise<Admitted>
  /**
   * Takes the one permission to execute, after checking everything again. Throws `action:wrong_state` for a
   * second take, `action:refused_at_start` when the action is refused now, `action:held` when it is held (again).
   */
  start(id: string, how?: Pick<HowToPropose, 'unscored'>): Promise<Admitted>
  /** The outcome of an executing action, or a late one of an unknown action. */
  report(id: string, report: DoorReport, how?: HowToReport): Promise<Action>
  /**
   * Runs the `result:` checks of the action's entry on what came back, whole or the part of a stream that is about to be
   * released. Records nothing: the verdict goes into the report. A check that fails denies.
   */
  judgeResult(action: Action, result: JsonObject): ResultVerdict | Promise<ResultVerdict>
  /** Share of the scarcest budget of the agent that is neither spent nor reserved, 0 … 1; 1 without a budget. */
  budgetLeft(agent: string, session: string | undefined): Promise<number>
  /** One person's vote on a pending approval. `owner`: the vote of whoever owns the installation counts in any group. */
  vote(
    approvalId: string,
    vote: {
      readonly by: string
      readonly owner?: boolean
      readonly outcome: 'approve' | 'reject'
      /** Needed to approve what is of high risk in a form: with any `via` but `api`. */
      readonly reason?: string
      /** The action digest that was looked at; another one is `approval:stale`. */
      readonly digest?: string
      /** The way it came, such as `slack`: stands in the record. */
      readonly via?: string
    },
  ): Promise<Action>
  /** A member of the waiting step passes the vote on to somebody whom the policy permits; to oneself: takes it back. */
  delegate(
    approvalId: string,
    delegation: { readonly by: string; readonly to: string; readonly reason?: string },
  ): Promise<Action>
  /** One of the two people who together release the action out of turn, where the policy says `break_glass`. */
  breakGlass(
    approvalId: string,
    ask: {
      readonly by: string
      readonly owner?: boolean
      readonly reason: string
      readonly digest?: string
    },
  ): Promise<Action>
  /** Another input in the place of the one that waits: judged anew, the approvals given so far void. */
  edit(
    approvalId: string,
    edit: {
      readonly by: string
      readonly owner?: boolean
      readonly input: JsonObject
      readonly reason?: string
      readonly digest?: string
    },
  ): Promise<Action>
  readonly standing: StandingApprovals
  readonly absences: Absences
  readonly behaviours: Behaviours
  /** Withdraws an action that has not started. */
  cancel(id: string, by: string): Promise<Action>
  /**
   * Undoes a succeeded action, or asks whoever can: see `UndoProgress`. Throws `undo:…` with the reason why not;
   * `overwrite`: a person has seen what changed since and says that it may be overwritten.
   */
  undo(id: string, by: string, how?: { readonly overwrite?: boolean }): Promise<Action>
  /** What the agent that was asked to undo says is there now; the undo ends as failed when that has changed since. */
  checkUndo(id: string, current: JsonObject): Promise<Action>
  /** What the agent reports of an undo that was requested of it. */
  reportUndo(
    id: string,
    report: { readonly outcome: 'succeeded' | 'failed' | 'unknown'; readonly error?: string },
    by: string,
  ): Promise<Action>
  /** Newest first; names what could not be undone and why. Of a session, stops there. */
  undoAll(what: WhatToUndo, by: string, how?: HowToUndoMany): Promise<UndoSummary>
  /** What `undoAll` would do now; does nothing of it. */
  previewUndo(what: WhatToUndo, how?: HowToUndoMany): Promise<UndoPreview>
  setAgentState(name: string, state: AgentState, reason: string, by: string): Promise<AgentRow>
  /**
   * Tells doors that an agent's state has changed: at once here, on the next tick where another replica changed it.
   * A door stops what it is executing for an agent that is stopped. The watcher must not throw. Answers how to end it.
   */
  watchAgents(watcher: (agent: AgentRow) => void): () => void
  /** The action when it changes from `version`, or as it is when `ms` have passed or the signal aborts. */
  waitForChange(id: string, version: number, ms: number, signal?: AbortSignal): Promise<Action>
  /** The input that may be executed; `null` when it was erased. */
  input(action: Action): Promise<JsonObject | null>
  /** The result as it was reported; `null` when there is none. */
  result(action: Action): Promise<JsonValue>
  /** Keeps beside an action what went to and fro about it. It changes no state. Throws `action:not_found`. */
  keepRecording(id: string, recording: Recording): Promise<void>
  /** Keeps beside an action how a page looked (JPEG). It changes no state. Throws `action:not_found`. */
  keepPicture(id: string, when: 'before' | 'after', jpeg: Buffer): Promise<void>
  /** Keeps the file that an action is about to change, if Belay is who undoes it; `null`: nobody knows where it lies. */
  keepFile(id: string, path: string | null): Promise<void>
  /** Keeps what the action has left of the file that was kept. */
  keepLeftFile(id: string): Promise<void>
  /** Erases stored payloads of a person or an action; the chain still verifies. */
  erase(what: { readonly subject: string } | { readonly action: string }, by: string): Promise<Erasure>
  close(): Promise<void>
}

export interface HowToPropose {
  readonly venue: Venue
  readonly start: boolean
  /** It is a judge's own question: nobody is asked to score it. Said by Belay alone, never by an agent. */
  readonly unscored?: true
}

export interface Admitted {
  readonly action: Action
  /** What may be executed: redacted if a check said so. */
  readonly input: JsonObject
  /** The proposal came again under its idempotency key: this is the action as it is now, and its permission is another's. */
  readonly repeated?: true
}

export interface HowToReport {
  /** Nobody waits for the answer: the outcome may be recorded a few milliseconds later, together with another commit. */
  readonly unhurried?: boolean
}

/** What an agent did since a time (epoch ms), in a session, or exactly these actions. */
export type WhatToUndo =
  | { readonly agent: string; readonly action?: string; readonly since: number }
  | { readonly agent: string; readonly session: string }
  | { readonly ids: readonly string[] }

export interface HowToUndoMany {
  /** Actions of which a person has seen what changed since, and says that it may be overwritten. */
  readonly overwrite?: readonly string[]
  /** Go on past what cannot be undone. Default: not in a session, else yes. */
  readonly past?: boolean
}

export interface UndoPreview {
  /** `agent`: it will be asked of the agent. `until`: when it will be too late, epoch ms. */
  readonly undoable: readonly {
    readonly id: string
    readonly name: string
    readonly how: 'belay' | 'agent'
    readonly until: number
    /** What is there now was compared with what the action left. */
    readonly compared: boolean
  }[]
  readonly refused: UndoSummary['refused']
  /** There are more than could be named. */
  readonly more: boolean
  /** Where it would stop; `null`: it would not. */
  readonly stopsAt: string | null
}

export interface UndoSummary {
  readonly undone: readonly string[]
  /** Asked of the agent, which has not answered yet. */
  readonly requested: readonly string[]
  readonly refused: readonly {
    readonly id: string
    readonly name: string
    readonly code: string
    readonly message: string
    /** What changed since, of a conflict. */
    readonly changed?: readonly { readonly path: string; readonly was: JsonValue; readonly is: JsonValue }[]
  }[]
  /** Not tried, because it stopped before; at most 1,000. */
  readonly left: readonly string[]
  readonly stoppedAt: string | null
}
