import type { JsonObject } from '../../action/json.ts'
import { textOf } from '../sdk/text-of.ts'
import { META, metaOf, notification, paramsOf, withMeta, withParams, type Response } from './message.ts'
import type { RequestId } from './message.ts'
import type { SendHints, ServerLink } from './server-link.ts'

/** How a request to the server ended. */
export type Ended =
  | { readonly kind: 'response'; readonly message: Response }
  /** No answer will come. `reached`: the server may have begun with it. */
  | { readonly kind: 'lost'; readonly cause: string; readonly reached: boolean }
  | { readonly kind: 'timeout'; readonly ms: number }
  /** The client took it back. */
  | { readonly kind: 'cancelled' }

export interface UpstreamCall {
  /** Our id, which the server knows it by. */
  readonly id: number
  readonly method: string
  /** The client's progress token, where it gave one. */
  readonly token: RequestId | null
  /** What the client request was; `null` for our own. */
  readonly owner: unknown
  readonly end: (ended: Ended) => void
  readonly ms: number
  readonly since: number
  timer: NodeJS.Timeout | null
}

/** Where a request came from, which is where messages about it go. */
export interface CallOptions {
  readonly owner: unknown
  /** `Infinity`: it lives as long as the client wants it. */
  readonly timeout: number
  readonly hints?: SendHints
  readonly end: (ended: Ended) => void
}

/** A person or a model at the client may be asked meanwhile; even so nothing waits longer than this. */
const MAX_TIMEOUT = 3_600_000
const MAX_CALLS = 1_000

/**
 * Requests to one server that wait for their answer. Each gets an id of ours that is never used again, and its
 * progress token becomes that id, so that ids of different clients, late answers and repeated ones cannot be mixed up.
 */
export class UpstreamCalls {
  readonly #calls = new Map<number, UpstreamCall>()
  #next = 1

  get size(): number {
    return this.#calls.size
  }

  /** Sends a request. `false` when too many wait already. */
  send(
    link: ServerLink,
    message: JsonObject,
    options: CallOptions,
    isPaused: () => boolean,
  ): UpstreamCall | null {
    if (this.#calls.size >= MAX_CALLS) return null
    const id = this.#next++
    const params = paramsOf(message)
    const { progressToken } = metaOf(params)
    const token =
      typeof progressToken === 'string' || typeof progressToken === 'number' ? progressToken : null
    const call: UpstreamCall = {
      id,
      method: textOf(message['method']),
      token,
      owner: options.owner,
      end: options.end,
      ms: options.timeout,
      since: performance.now(),
      timer: null,
    }
    this.#calls.set(id, call)
    if (options.timeout !== Infinity) this.#arm(link, call, isPaused)
    const sent = token === null ? message : withParams(message, withMeta(params, { progressToken: id }))
    link.send({ ...sent, jsonrpc: '2.0', id }, options.hints)
    return call
  }

  get(id: RequestId | undefined): UpstreamCall | undefined {
    return typeof id === 'number' ? this.#calls.get(id) : undefined
  }

  /** The answer, once: a second one, or one to an id that was never given, belongs to nobody. */
  settle(id: RequestId, ended: Ended): boolean {
    const call = this.get(id)
    if (call === undefined) return false
    this.#forget(call)
    call.end(ended)
    return true
  }

  /** Nobody wants the answer any more. */
  cancel(link: ServerLink, call: UpstreamCall, reason: string): void {
    if (!this.#calls.has(call.id)) return
    this.#forget(call)
    tellCancelled(link, call, reason)
    call.end({ kind: 'cancelled' })
  }

  loseAll(cause: string): void {
    for (const call of this.#calls.values()) this.settle(call.id, { kind: 'lost', cause, reached: true })
  }

  /** The newest request that a client waits for. */
  newest(): UpstreamCall | undefined {
    return [...this.#calls.values()].findLast(({ owner, ms }) => owner !== null && ms !== Infinity)
  }

  #arm(link: ServerLink, call: UpstreamCall, isPaused: () => boolean): void {
    call.timer = setTimeout(() => {
      if (isPaused() && performance.now() - call.since < MAX_TIMEOUT) return this.#arm(link, call, isPaused)
      this.#forget(call)
      tellCancelled(link, call, `no answer within ${call.ms} ms`)
      call.end({ kind: 'timeout', ms: call.ms })
    }, call.ms)
  }

  #forget(call: UpstreamCall): void {
    if (call.timer !== null) clearTimeout(call.timer)
    this.#calls.delete(call.id)
  }
}

function tellCancelled(link: ServerLink, { id, method }: UpstreamCall, reason: string): void {
  // `initialize` must not be cancelled (MCP 2025-11-25, Cancellation).
  if (method !== 'initialize') link.send(notification('notifications/cancelled', { requestId: id, reason }))
  link.abandon(id)
}

/** A notification of a subscription names the request that opened it, by the id that the server knows (MCP 2026-07-28). */
export function subscriptionOf(params: JsonObject): RequestId | undefined {
  const id = metaOf(params)[META.subscription]
  return typeof id === 'number' || typeof id === 'string' ? id : undefined
}

export function lostSentence(
  server: string,
  ended: Extract<Ended, { readonly kind: 'lost' | 'timeout' }>,
): string {
  return ended.kind === 'timeout'
    ? `The server ${server} did not answer within ${ended.ms} ms.`
    : `The server ${server} gave no answer: ${ended.cause}.`
}
