import type { Reason } from '../../action/finding.ts'
import type { StateName } from '../../action/action.ts'

export { OutcomeUnknown } from '../../flow/contain/execute.ts'

/** What every refusal of a guarded call says: which action, in which state, and why. */
export class ActionNotRun extends Error {
  readonly id: string
  readonly state: StateName
  readonly reasons: readonly Reason[]

  constructor(name: string, what: string, standing: Refused, options?: ErrorOptions) {
    const why = standing.reasons.map((reason) => `${reason.code}: ${reason.message}`).join(' ')
    super(why === '' ? `${what} (${standing.id})` : `${what} (${standing.id}). ${why}`, options)
    this.name = name
    this.id = standing.id
    this.state = standing.state
    this.reasons = standing.reasons
  }
}

export interface Refused {
  readonly id: string
  readonly state: StateName
  readonly reasons: readonly Reason[]
}

/** The policy, or a person, refused the action. It did not run. */
export class ActionDenied extends ActionNotRun {
  constructor(standing: Refused, options?: ErrorOptions) {
    super('ActionDenied', 'The action was denied', standing, options)
  }
}

/** Nobody decided in time, or the permission was not used in time. The action did not run. */
export class ActionExpired extends ActionNotRun {
  constructor(standing: Refused, options?: ErrorOptions) {
    super('ActionExpired', 'The action expired before it ran', standing, options)
  }
}

/** The action was withdrawn before it ran: by somebody else, or because the caller's signal aborted (`cause`). */
export class ActionCancelled extends ActionNotRun {
  constructor(standing: Refused, options?: ErrorOptions) {
    super('ActionCancelled', 'The action was cancelled before it ran', standing, options)
  }
}

/**
 * The action still waits for a person and the caller's `wait` is over. It has not run. A later call with the
 * same idempotency key goes on from here.
 */
export class ActionHeld extends ActionNotRun {
  readonly approval: string | null

  constructor(standing: Refused & { readonly approval: { readonly id: string } | null }) {
    super('ActionHeld', 'The action waits for a person', standing)
    this.approval = standing.approval?.id ?? null
  }
}

/** The time limit passed while the action ran: whether its effect happened is not known. Recorded as `unknown`. */
export class ActionTimedOut extends Error {
  readonly id: string

  constructor(id: string, limitMs: number) {
    super(`The action ${id} did not finish within ${limitMs} ms. Whether its effect happened is not known.`)
    this.name = 'ActionTimedOut'
    this.id = id
  }
}

/**
 * An earlier call with the same idempotency key ran, and did not succeed or has not been heard of. It was not
 * run again.
 */
export class ActionNotRepeated extends Error {
  readonly id: string
  readonly state: StateName

  constructor(id: string, state: StateName) {
    super(`The action ${id} ran before under this idempotency key and is ${state}; it was not run again.`)
    this.name = 'ActionNotRepeated'
    this.id = id
    this.state = state
  }
}

/** The effect happened, and its outcome could not be recorded. `result` is what `run` returned; `cause` says why. */
export class OutcomeUnrecorded<T = unknown> extends Error {
  readonly id: string
  readonly result: T

  constructor(id: string, result: T, options?: ErrorOptions) {
    super(`The action ${id} ran, and its outcome could not be recorded. It will show as unknown.`, options)
    this.name = 'OutcomeUnrecorded'
    this.id = id
    this.result = result
  }
}

/** A call of a browser was allowed and could not be done, for the reason given; recorded as `failed`. */
export class ActionFailed extends Error {
  readonly id: string

  constructor(id: string, why: string) {
    super(`The action ${id} was not done: ${why}`)
    this.name = 'ActionFailed'
    this.id = id
  }
}

/** The action ran and succeeded; the policy's `result:` checks do not let its result out. */
export class ResultWithheld extends Error {
  readonly id: string
  readonly reasons: readonly Reason[]

  constructor(id: string, reasons: readonly Reason[]) {
    const why = reasons.map((reason) => `${reason.code}: ${reason.message}`).join(' ')
    super(`The action ${id} ran; the policy withholds its result. ${why}`)
    this.name = 'ResultWithheld'
    this.id = id
    this.reasons = reasons
  }
}

/** The harness did not answer. What was asked of it may or may not have been recorded; nothing was run. */
export class HarnessUnreachable extends Error {
  constructor(url: string, options?: ErrorOptions) {
    super(`The harness at ${url} does not answer.`, options)
    this.name = 'HarnessUnreachable'
  }
}
