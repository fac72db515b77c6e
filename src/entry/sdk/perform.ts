import { BelayError } from '../../errors/catalogue.ts'
import type { OutcomeReport } from '../../action/action.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { execute, recordable } from '../../flow/contain/execute.ts'
import type { EffectContext } from '../../flow/contain/undoers.ts'
import { withheldReasons } from '../judged-report.ts'
import type { JudgedResult } from '../judged-report.ts'
import { ActionTimedOut, OutcomeUnrecorded, ResultWithheld } from './errors.ts'
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
  name: string,
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
    let judged: JudgedResult | null
    try {
      judged = await recordOutcome(door, name, id, done.report)
    } catch (error) {
      throw new OutcomeUnrecorded(id, done.value, { cause: error })
    }
    return released(id, done.value, judged)
  }
  // The error is the caller's in any case; an outcome that cannot be recorded becomes unknown by itself.
  await recordOutcome(door, name, id, done.report).catch(() => undefined)
  if (ended) throw done.error
  if (running !== undefined) reportLate(door, name, id, running)
  throw bounds.signal?.aborted === true ? bounds.signal.reason : new ActionTimedOut(id, limit)
}

/** What of a value the caller gets after the policy's `result:` checks. Throws `ResultWithheld`. */
export function released<R>(id: string, value: R, judged: JudgedResult | null): R {
  if (judged?.effective === 'deny') throw new ResultWithheld(id, judged.reasons)
  return judged?.effective === 'transform' ? (judged.result as R) : value
}

/** The recorded result of an earlier call. Throws `ResultWithheld` when that call did not get it either. */
export function recordedResult(id: string, result: JsonValue): JsonValue {
  const reasons = withheldReasons(result)
  if (reasons !== undefined) throw new ResultWithheld(id, reasons)
  return result
}

/** Reports an outcome; a result that the harness does not take is left out rather than losing the outcome. */
export async function recordOutcome(
  door: HarnessDoor,
  name: string,
  id: string,
  report: OutcomeReport,
): Promise<JudgedResult | null> {
  const { error, ...rest } = report
  const bounded =
    error === undefined ? rest : { ...rest, error: error.slice(0, MAX_ERROR_LENGTH).toWellFormed() }
  try {
    return await door.report(id, name, bounded)
  } catch (fault) {
    if (!('result' in bounded) || !(fault instanceof BelayError) || !fault.code.startsWith('input:'))
      throw fault
    return door.report(id, name, {
      ...bounded,
      result: { belay_omitted: 'a result that cannot be recorded' },
    })
  }
}

/** An effect that overstayed its limit and ends well after all turns `unknown` into what is true. */
function reportLate(door: HarnessDoor, name: string, id: string, running: Promise<unknown>): void {
  running
    .then((result) => recordOutcome(door, name, id, { outcome: 'succeeded', result: recordable(result) }))
    .catch(() => undefined)
}
