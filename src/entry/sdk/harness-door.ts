import type { OutcomeReport, StateName } from '../../action/action.ts'
import type { Decision } from '../../action/decision.ts'
import type { Reason } from '../../action/finding.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import type { CurrentReader, Reconciler, Undoer } from '../../flow/contain/undoers.ts'
import type { Tags } from '../../action/tags.ts'
import type { BrowserDoor } from './browser.ts'
import type { PromptAccess } from './prompt-access.ts'
import type { JudgedResult } from '../judged-report.ts'
import type { RunSnippet } from './snippet.ts'

/** What an agent proposes through the SDK. Bounds are those of `POST /v1/actions`. */
export interface ProposalOptions {
  readonly agent: string
  readonly session?: string
  /** The agent's own reason, in its words. */
  readonly reason?: string
  /** 0 … 1, as the agent claims it. */
  readonly confidence?: number
  /** The most that the action may cost, in US dollars. */
  readonly costUsd?: number
  /** The same key with the same content is the same action, however often it is proposed. */
  readonly idempotencyKey?: string
  /** Where values of the input come from, by dotted path: for example `{ text: 'untrusted:web' }`. */
  readonly provenance?: JsonObject
  /** The prompt that led to it, as `render` gives its `ref`: the record names the version. */
  readonly prompt?: string
  /** What it is for, such as `{ campaign: 'spring' }`: cost is summed up by it. At most 8; not secret, no personal data. */
  readonly tags?: Tags
}

/** An action as it stands: what was decided, and how far it has come. */
export interface Standing {
  readonly id: string
  readonly decision: Decision
  /** What was done about it; differs from `decision` only while the policy observes. */
  readonly effective: Decision
  readonly reasons: readonly Reason[]
  readonly state: StateName
  /** What may be executed: redacted if a check said so. */
  readonly input: JsonObject
  /** `expiresAt` is epoch milliseconds. */
  readonly approval: { readonly id: string; readonly expiresAt: number } | null
  /** While executing: how long the effect may take from now, in milliseconds. */
  readonly limitMs: number | null
}

export type { EffectContext, UndoContext } from '../../flow/contain/undoers.ts'

/** What the SDK needs of a harness, inside this process or elsewhere. */
export interface HarnessDoor {
  /** With `start`, an allowed action may already be executing when this answers. */
  propose(action: string, input: JsonObject, options: ProposalOptions, start: boolean): Promise<Standing>
  get(id: string): Promise<Standing>
  /** The action when it changes from what is known, or as it is after `ms`. */
  wait(known: Standing, ms: number, signal?: AbortSignal): Promise<Standing>
  /** Takes the one permission to execute. */
  start(id: string): Promise<Standing>
  /** The result goes through the `result:` checks of the action `name` first; `null` when there are none. */
  report(id: string, name: string, outcome: OutcomeReport): Promise<JudgedResult | null>
  cancel(id: string): Promise<void>
  result(id: string): Promise<JsonValue>
  undo(id: string): Promise<Standing>
  /** Who can undo actions of this name, tell what became of their results, and find out what became of one without an outcome. */
  register(
    action: string,
    functions: { readonly undo?: Undoer; readonly current?: CurrentReader; readonly reconcile?: Reconciler },
  ): void
  close(): Promise<void>
}

/** A harness as `Belay` holds it. */
export interface WholeDoor extends HarnessDoor {
  readonly prompts: PromptAccess
  /** Loaded with its first use. */
  browsers(): Promise<BrowserDoor>
  readonly snippet: RunSnippet
}
