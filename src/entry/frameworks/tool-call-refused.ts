import { BelayError } from '../../errors/catalogue.ts'
import type { Reason } from '../../action/finding.ts'
import {
  ActionCancelled,
  ActionDenied,
  ActionExpired,
  ActionHeld,
  ActionNotRepeated,
  ActionTimedOut,
  HarnessUnreachable,
  OutcomeUnrecorded,
  ResultWithheld,
} from '../sdk/errors.ts'

/** With what a framework's run is interrupted while a tool call waits for a person. */
export interface HeldToolCall {
  readonly type: 'belay.held'
  /** The action: `belay.cancel(action)` withdraws it. */
  readonly action: string
  readonly approval: string | null
  readonly tool: string
  readonly message: string
  readonly reasons: readonly Reason[]
}

/** Why a tool call has no result, in words that a model can act on. `cause` is the SDK's error. */
export class ToolCallRefused extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ToolCallRefused'
  }
}

/** An error of the SDK in words for a model; `undefined` for one that is the tool's own. */
export function refusalOf(error: unknown): ToolCallRefused | undefined {
  const words = wordsFor(error)
  return words === undefined ? undefined : new ToolCallRefused(words, { cause: error })
}

/** Why an action was denied, in words for a model. */
export function denialWords(reasons: readonly Reason[]): string {
  return `Denied, nothing was done. ${sentences(reasons)} Do not make the same call again: change it, or say that it is not allowed.`
}

/** What holds an action up, in words for whoever looks at the framework's own request for approval. */
export function heldWords(approval: string | null, reasons: readonly Reason[]): string {
  return `Waits for a person${approval === null ? '' : ` (approval ${approval})`}. ${sentences(reasons)}`.trim()
}

export function heldToolCall(tool: string, { id, approval, reasons }: ActionHeld): HeldToolCall {
  return { type: 'belay.held', action: id, approval, tool, message: heldWords(approval, reasons), reasons }
}

function wordsFor(error: unknown): string | undefined {
  if (error instanceof ActionDenied) return denialWords(error.reasons)
  if (error instanceof ActionHeld)
    return `Nothing was done yet: it waits for the approval of a person${error.approval === null ? '' : ` (${error.approval})`}. Go on with something else, or say that it waits.`
  if (error instanceof ActionExpired)
    return 'Nothing was done: it was not approved, or not taken up, in time. Make a new call if it is still wanted.'
  if (error instanceof ActionCancelled) return 'Nothing was done: the action was withdrawn.'
  if (error instanceof ActionNotRepeated)
    return error.state === 'failed'
      ? 'This call was made before and failed; it was not made again.'
      : `This call was made before and is ${error.state}; it was not made again. Find out what became of it before anything like it is tried.`
  if (error instanceof ActionTimedOut)
    return 'It did not end in time. Whether it was done is not known: find out before anything like it is tried.'
  if (error instanceof OutcomeUnrecorded)
    return 'It was done, and its result could not be recorded. Do not do it again.'
  if (error instanceof ResultWithheld)
    return `It was done; its result is withheld. ${sentences(error.reasons)} Do not do it again to see the result.`
  if (error instanceof HarnessUnreachable)
    return 'Nothing was done: the harness that must allow it does not answer.'
  if (error instanceof BelayError) return `Nothing was done: ${error.message}`
  return undefined
}

function sentences(reasons: readonly Reason[]): string {
  return reasons.map(({ message }) => message).join(' ')
}
