import { canonicalJson } from '../../action/digest.ts'
import type { JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { Standing } from '../mcp-gateway/action-door.ts'
import { HeldCalls } from '../mcp-gateway/held-calls.ts'
import type { EgressOptions } from './egress.ts'
import { entryFor, refusalOf, type Refusal } from './refusal.ts'

export type Judged =
  | { readonly status: 'admitted'; readonly standing: Standing }
  | { readonly status: 'refused'; readonly refusal: Refusal; readonly action: string | null }

type Options = Pick<EgressOptions, 'agent' | 'session' | 'door' | 'onFault' | 'onQuota'>

/** Puts requests of one agent before the pipeline. Whatever cannot be decided is refused. */
export class RequestJudge {
  readonly #options: Options
  /** Requests that were answered "held": the same request again goes on with its approval. */
  readonly #held = new HeldCalls()
  #anyHeld = false

  constructor(options: Options) {
    this.#options = options
  }

  async judge(method: string, input: JsonObject, left: AbortSignal): Promise<Judged> {
    try {
      return await this.#judge(method, input, left)
    } catch (error) {
      this.#options.onFault?.(error)
      const detail =
        error instanceof BelayError ? error.message : 'The request cannot be recorded, so it is not sent.'
      const status = error instanceof BelayError && error.status === 400 ? 400 : 503
      const code = error instanceof BelayError ? error.code : 'store:unavailable'
      return { status: 'refused', refusal: { status, code, detail }, action: null }
    }
  }

  async #judge(method: string, input: JsonObject, left: AbortSignal): Promise<Judged> {
    const { agent, session, door } = this.#options
    const action = `http.${method}`
    const earlier = this.#anyHeld ? this.#held.take(this.#keyOf(method, input)) : undefined
    const standing =
      earlier === undefined
        ? await door.propose({ agent, action, input, ...(session !== undefined && { session }) }, true)
        : await door.get(earlier.action)
    // Whoever else has started what was held, carries it out: it is not carried out twice.
    if (standing.state === 'executing' && earlier === undefined) return { status: 'admitted', standing }
    if (standing.state === 'held' || standing.state === 'ready')
      return this.#await(standing, method, input, left)
    // What was held has been carried out, was withdrawn or has expired: this is a new request.
    if (earlier !== undefined && standing.state !== 'denied') return this.#judge(method, input, left)
    return this.#refused(standing, method, input)
  }

  async #await(held: Standing, method: string, input: JsonObject, left: AbortSignal): Promise<Judged> {
    const { door } = this.#options
    let standing = held
    const until = performance.now() + held.approvalWait
    while (standing.state === 'held' && !left.aborted) {
      const ms = until - performance.now()
      if (ms <= 0) break
      standing = await door.wait(standing, Math.min(ms, 30_000), left)
    }
    if (standing.state === 'ready' && !left.aborted) {
      const started = await door.start(standing.id)
      return { status: 'admitted', standing: { ...started, input: held.input } }
    }
    if (standing.state === 'held' || standing.state === 'ready') {
      const approval = held.approval?.id ?? ''
      this.#anyHeld = true
      this.#held.put(this.#keyOf(method, input), { action: standing.id, approval, carried: {} })
      const detail =
        `The request needs the approval of a person (${approval}; \`belay approvals approve ${approval}\`). ` +
        'Send the same request again when it is given.'
      const more = { action: standing.id, approval }
      return {
        status: 'refused',
        refusal: { status: 403, code: 'egress:held', detail, more },
        action: standing.id,
      }
    }
    if (standing.state === 'denied') return this.#refused(standing, method, input)
    const detail = `The request was not approved: it is ${standing.state}.`
    return {
      status: 'refused',
      refusal: { status: 403, code: 'approval:not_granted', detail, more: { action: standing.id } },
      action: standing.id,
    }
  }

  #keyOf(method: string, input: JsonObject): string {
    return this.#held.key(this.#options.agent, method, canonicalJson(input))
  }

  #refused(standing: Standing, method: string, input: JsonObject): Judged {
    const { agent, onQuota } = this.#options
    const { reasons, id } = standing
    if (reasons.some(({ code }) => code.startsWith('budget:'))) onQuota?.('budget')
    const { host, path } = input
    const unlisted = reasons.some(({ code }) => code === 'egress:no_entry')
    const add =
      unlisted && typeof host === 'string' && typeof path === 'string'
        ? { entry: entryFor(agent, method, host, path) }
        : {}
    return { status: 'refused', refusal: refusalOf(reasons, { action: id, ...add }), action: id }
  }
}
