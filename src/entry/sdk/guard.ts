import { recordable } from '../../flow/contain/execute.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { OutcomeReport } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import { ActionCancelled, ActionDenied, ActionExpired, ActionHeld, ActionNotRepeated } from './errors.ts'
import type { EffectContext, HarnessDoor, ProposalOptions, Standing, UndoContext } from './harness-door.ts'
import { perform, recordedResult, recordOutcome, released } from './perform.ts'
import type { RunContext } from './perform.ts'

/** How an action is performed, and how it is taken back. */
export interface GuardOptions<I extends object, R> {
  /** Performs the effect. `input` is what may be executed, which a check may have redacted. */
  readonly run: (input: I, context: RunContext) => R | Promise<R>
  /**
   * Takes the effect back. Throwing means that it could not; `OutcomeUnknown` that nobody knows. An object that it
   * gives tells what is there now.
   */
  readonly undo?: (input: I, result: R, context: UndoContext) => unknown
  /**
   * Tells what has become of the result: its fields as they are now. Asked before an undo, so that what somebody
   * changed since is not overwritten and the policy's condition sees what is so today.
   */
  readonly current?: (input: I, result: R, context: EffectContext) => object | Promise<object>
  /**
   * Finds out what became of an earlier call with the same idempotency key whose outcome is unknown. Answers
   * `undefined` when it cannot tell.
   */
  readonly reconcile?: (
    input: I,
    context: RunContext,
  ) => Promise<Reconciled<R> | undefined> | Reconciled<R> | undefined
  /** The most that `run` may take, in milliseconds; the policy's own limit applies as well. */
  readonly timeout?: number
}

export type Reconciled<R> =
  | { readonly outcome: 'succeeded'; readonly result: R }
  | { readonly outcome: 'failed' }

/** One call of a guarded function: who acts, why, and at what cost. */
export interface GuardCall extends ProposalOptions {
  /** Withdraws the action while it waits, and is handed on to `run`. */
  readonly signal?: AbortSignal
  /** The most to wait for a person, in seconds; until the approval expires unless told. */
  readonly wait?: number
}

export type Guarded<I extends object, R> = (input: I, call: GuardCall) => Promise<R>

const WAIT_SLICE_MS = 30_000

/**
 * Makes a function that runs only what the harness has allowed, once, and reports what came of it. `running` holds
 * the calls whose effect is under way.
 */
export function guardWith<I extends object, R>(
  door: HarnessDoor,
  running: Set<Promise<unknown>>,
  name: string,
  options: GuardOptions<I, R>,
): Guarded<I, R> {
  const { undo, current, reconcile: find } = options
  door.register(name, {
    ...(undo && { undo: (input, result, context) => undo(input as I, result as R, context) }),
    ...(current && {
      current: async (input, result, context) =>
        (await current(input as I, result as R, context)) as JsonObject,
    }),
    ...(find && { reconcile: async (input, context) => reportOf(await find(input as I, context)) }),
  })

  return async function guarded(input, call) {
    call.signal?.throwIfAborted()
    const { signal, wait, ...proposal } = call
    const waitUntil = wait === undefined ? Infinity : Date.now() + wait * 1000
    // With a key of the caller's, an action that executes may be another call's: only taking the permission
    // ourselves proves that it is ours.
    const own = call.idempotencyKey === undefined
    let standing = await door.propose(name, input as unknown as JsonObject, proposal, own)
    let taken = own && standing.state === 'executing'

    while (!taken) {
      if (signal?.aborted === true) return withdraw(door, standing, signal)
      switch (standing.state) {
        case 'denied':
          throw new ActionDenied(standing)
        case 'expired':
          throw new ActionExpired(standing)
        case 'cancelled':
          throw new ActionCancelled(standing)
        case 'held':
        case 'executing':
          standing = await waitForChange(door, standing, waitUntil, signal)
          break
        case 'ready': {
          const started = await take(door, name, standing.id, own)
          standing = started.standing
          taken = started.taken
          break
        }
        case 'succeeded':
          return recordedResult(standing.id, await door.result(standing.id)) as R
        case 'unknown':
          return reconcile(door, name, standing, options, call)
        case 'failed':
        case 'undone':
          throw new ActionNotRepeated(standing.id, standing.state)
      }
    }

    const effect = perform(
      door,
      name,
      standing,
      (enforced, context) => options.run(enforced as unknown as I, context),
      {
        timeout: options.timeout,
        signal,
      },
    )
    running.add(effect)
    return effect.finally(() => running.delete(effect))
  }
}

async function waitForChange(
  door: HarnessDoor,
  standing: Standing,
  until: number,
  signal: AbortSignal | undefined,
): Promise<Standing> {
  // Another call with the same key that runs is bounded by the action's own deadline: `until` is for people.
  if (standing.state !== 'held') return door.wait(standing, WAIT_SLICE_MS, signal)
  const left = until - Date.now()
  if (left <= 0) throw new ActionHeld(standing)
  return door.wait(standing, Math.min(left, WAIT_SLICE_MS), signal)
}

async function withdraw(door: HarnessDoor, standing: Standing, signal: AbortSignal): Promise<never> {
  if (standing.state !== 'held' && standing.state !== 'ready') throw signal.reason
  await door.cancel(standing.id)
  throw new ActionCancelled({ id: standing.id, state: 'cancelled', reasons: [] }, { cause: signal.reason })
}

async function take(
  door: HarnessDoor,
  name: string,
  id: string,
  own: boolean,
): Promise<{ standing: Standing; taken: boolean }> {
  try {
    return { standing: await door.start(id), taken: true }
  } catch (error) {
    if (error instanceof BelayError) {
      const moved = [
        'action:held',
        'action:refused_at_start',
        'action:wrong_state',
        'action:conflict',
      ].includes(error.code)
      if (moved) {
        const standing = await door.get(id)
        // Refused, yet still ready: nothing that waiting would change.
        if (standing.state === 'ready' && error.code === 'action:refused_at_start') throw error
        return { standing, taken: false }
      }
    } else if (own) {
      // The answer was lost, so the permission may have been taken. Nobody else knows of this action, and it
      // will not run: say so, that it does not end as unknown.
      await recordOutcome(door, name, id, {
        outcome: 'failed',
        error: 'The permission was lost on its way; nothing ran.',
      }).catch(() => undefined)
    }
    throw error
  }
}

async function reconcile<I extends object, R>(
  door: HarnessDoor,
  name: string,
  standing: Standing,
  options: GuardOptions<I, R>,
  call: GuardCall,
): Promise<R> {
  const context: RunContext = {
    id: standing.id,
    idempotencyKey: standing.id,
    signal: call.signal ?? new AbortController().signal,
  }
  const found = await options.reconcile?.(standing.input as unknown as I, context)
  if (found === undefined) throw new ActionNotRepeated(standing.id, standing.state)
  const judged = await recordOutcome(door, name, standing.id, reportOf(found))
  if (found.outcome === 'failed') throw new ActionNotRepeated(standing.id, 'failed')
  return released(standing.id, found.result, judged)
}

function reportOf(found: Reconciled<unknown> | undefined): OutcomeReport {
  if (found === undefined) return { outcome: 'unknown' }
  if (found.outcome === 'failed')
    return { outcome: 'failed', error: 'Found out later: the effect did not happen.' }
  return { outcome: 'succeeded', result: recordable(found.result) }
}
