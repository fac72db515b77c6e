import type { InState, OutcomeReport } from '../../action/action.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { canonicalJson } from '../../action/digest.ts'
import type { EffectContext } from './undoers.ts'

/** Thrown by an effect that cannot tell whether it happened: the outcome is recorded as `unknown`. */
export class OutcomeUnknown extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'OutcomeUnknown'
  }
}

export type Executed<R> =
  | { readonly report: OutcomeReport & { readonly outcome: 'succeeded' }; readonly value: R }
  | { readonly report: OutcomeReport & { readonly outcome: 'failed' | 'unknown' }; readonly error: unknown }

/**
 * Runs the effect of an action that has taken its permission, within its deadline. An effect that is still
 * running when the time is up, or that was aborted, may have happened: `unknown`. Never rejects.
 */
export async function execute<R>(
  executing: Pick<InState<'executing'>, 'id' | 'state'>,
  input: JsonObject,
  run: (input: JsonObject, context: EffectContext) => Promise<R> | R,
  now: number,
  abort?: AbortSignal,
): Promise<Executed<R>> {
  const timeout = Math.max(0, executing.state.deadline - now)
  const stopping = new AbortController()
  const { signal } = stopping
  const timer = setTimeout(
    () => stopping.abort(new OutcomeUnknown(`no answer within ${timeout} ms`)),
    timeout,
  )
  // `AbortSignal.any` costs some 30 µs a call.
  const stop = (): void => stopping.abort(abort?.reason)
  if (abort?.aborted === true) stop()
  else abort?.addEventListener('abort', stop, { once: true })
  const aborted = new Promise<never>((_, reject) => {
    const fail = (): void =>
      reject(new OutcomeUnknown('the effect was interrupted', { cause: signal.reason }))
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
  aborted.catch(() => undefined)
  try {
    const work = (async () => run(input, { id: executing.id, idempotencyKey: executing.id, signal }))()
    const value = await Promise.race([work, aborted])
    return { report: { outcome: 'succeeded', result: recordable(value) }, value }
  } catch (error) {
    const outcome = isUnknown(error) ? 'unknown' : 'failed'
    return { report: { outcome, error: error instanceof Error ? error.message : String(error) }, error }
  } finally {
    clearTimeout(timer)
    abort?.removeEventListener('abort', stop)
  }
}

function isUnknown(error: unknown): boolean {
  return error instanceof Error && ['OutcomeUnknown', 'AbortError', 'TimeoutError'].includes(error.name)
}

const MAX_RESULT = 256 * 1024

/** What of a result goes into the record: JSON of bounded size; anything else is described, not guessed. */
export function recordable(value: unknown): JsonValue {
  try {
    const text = JSON.stringify(value)
    if (text === undefined) return null
    if (text.length > MAX_RESULT) return { belay_omitted: `a result of ${text.length} characters` }
    const plain = JSON.parse(text) as JsonValue
    canonicalJson(plain)
    return plain
  } catch {
    return { belay_omitted: 'a result that is not JSON' }
  }
}
