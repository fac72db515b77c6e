import { BelayError } from '../../errors/catalogue.ts'
import type { OutcomeReport } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import { execute, recordable } from '../../flow/contain/execute.ts'
import type { EffectContext } from '../../flow/contain/undoers.ts'
import { ActionTimedOut, OutcomeUnrecorded } from './errors.ts'
import type { HarnessDoor, Standing } from './harness-door.ts'

/** What `run` is told: the action's `id`, the `idempotencyKey` to hand on, and a `signal` that aborts at the time limit or when the caller gives up. */
export type RunContext = EffectContext

interface Bounds {
  readonly timeout: number | undefined
  readonly signal: AbortSignal | undefined
}

const DEFAULT_LIMIT_MS = 60_000
const MAX_ERROR_LENGTH = 2000

/** Runs an action whose permission is ours, within its time limit, and reports the outcome. */
export async function perform<R>(
  door: HarnessDoor,
  standing: Standing,
  run: (input: JsonObject, context: RunContext) => R | Promise<R>,
  bounds: Bounds,
): Promise<R> {
  const { id } = standing
  const limit = Math.min(standing.limitMs ?? DEFAULT_LIMIT_MS, bounds.timeout ?? Infinity)
  let running: Promise<R> | undefined
  let ended = false
  const done = await execute(
    { id, state: { name: 'executing', startedAt: 0, deadline: limit } },
    standing.input,
    (input, context) => {
      running = (async () => run(input, context))()
      running.then(
        () => (ended = true),
        () => (ended = true),
      )
      return running
    },
    0,
    bounds.signal,
  )

  if ('value' in done) {
    try {
      await recordOutcome(door, id, done.report)
    } catch (error) {
      throw new OutcomeUnrecorded(id, done.value, { cause: error })
    }
    return done.value
  }
  // The error is the caller's in any case; an outcome that cannot be recorded becomes unknown by itself.
  await recordOutcome(door, id, done.report).catch(() => undefined)
  if (ended) throw done.error
  if (running !== undefined) reportLate(door, id, running)
  throw bounds.signal?.aborted === true ? bounds.signal.reason : new ActionTimedOut(id, limit)
}

/** Reports an outcome; a result that the harness does not take is left out rather than losing the outcome. */
export async function recordOutcome(door: HarnessDoor, id: string, report: OutcomeReport): Promise<void> {
  const { error, ...rest } = report
  const bounded =
    error === undefined ? rest : { ...rest, error: error.slice(0, MAX_ERROR_LENGTH).toWellFormed() }
  try {
    await door.report(id, bounded)
  } catch (fault) {
    if (!('result' in bounded) || !(fault instanceof BelayError) || !fault.code.startsWith('input:'))
      throw fault
    const { result: _, ...withoutResult } = bounded
    await door.report(id, withoutResult)
  }
}

/** An effect that overstayed its limit and ends well after all turns `unknown` into what is true. */
function reportLate(door: HarnessDoor, id: string, running: Promise<unknown>): void {
  running
    .then((result) => recordOutcome(door, id, { outcome: 'succeeded', result: recordable(result) }))
    .catch(() => undefined)
}
