import type { FastifyReply } from 'fastify'
import type { Action } from '../../action/action.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { ApiContext } from './api-context.ts'

const waiting = new WeakMap<ApiContext, number>()

export function waitersOf(context: ApiContext): number {
  return waiting.get(context) ?? 0
}

/**
 * Waits at most `ms` for the action to be newer than `version`. Without one, waits only while something other than
 * the caller moves the action (a person, an effect, an undo), until its state has another name: a caller that comes
 * late is told at once. Throws `server:busy` when too many wait; a client that hangs up ends its wait.
 */
export async function waitForState(
  context: ApiContext,
  reply: FastifyReply,
  known: Action,
  version: number | undefined,
  ms: number,
): Promise<Action> {
  if (version === undefined ? !isMoving(known) : known.version !== version) return known
  const max = context.limits.waiters
  const count = waitersOf(context)
  if (count >= max) throw new BelayError('server:busy', { max: String(max) })

  const hungUp = new AbortController()
  const onClose = (): void => hungUp.abort()
  reply.raw.once('close', onClose)
  const signal = AbortSignal.any([hungUp.signal, context.closing])
  waiting.set(context, count + 1)
  try {
    const end = performance.now() + ms
    let latest = known
    while (latest.version === known.version || (version === undefined && stillTheSame(known, latest))) {
      const left = end - performance.now()
      if (left <= 0 || signal.aborted) return latest
      latest = await context.flow.waitForChange(known.id, latest.version, left, signal)
    }
    return latest
  } finally {
    waiting.set(context, waitersOf(context) - 1)
    reply.raw.off('close', onClose)
  }
}

function isMoving({ state }: Action): boolean {
  if (state.name === 'succeeded')
    return state.undo?.status === 'requested' || state.undo?.status === 'executing'
  return state.name === 'held' || state.name === 'executing'
}

function stillTheSame(known: Action, latest: Action): boolean {
  return latest.state.name === known.state.name && isMoving(latest)
}
