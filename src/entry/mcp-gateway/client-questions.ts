import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import type { ClientRequest, ClientSide } from './client-side.ts'
import {
  CODE,
  errorResponse,
  idKey,
  metaOf,
  notification,
  paramsOf,
  withMeta,
  withParams,
  type Request,
  type RequestId,
  type Response,
} from './message.ts'

interface Question {
  readonly respond: (response: Response) => void
  /** The id of the server's request; `null` for our own. */
  readonly serverId: RequestId | null
  /** The server's progress token. */
  readonly token: RequestId | null
}

const MAX_OPEN = 200

/** Requests to the client, the server's and our own, each under an id that is never used again. */
export class ClientQuestions {
  readonly #client: ClientSide
  readonly #open = new Map<string, Question>()
  #next = 1

  constructor(client: ClientSide) {
    this.#client = client
  }

  /** Whether somebody at the client is being asked. */
  get open(): boolean {
    return this.#open.size > 0
  }

  /** Passes a request of the server on. Whoever cannot be asked is an error to the server. */
  forward(
    message: Request,
    about: ClientRequest | null,
    certain: boolean,
    answer: (response: Response) => void,
  ): void {
    if (this.#open.size >= MAX_OPEN)
      return answer(errorResponse(message.id, CODE.internal, 'too many requests wait for the client'))
    const params = paramsOf(message)
    const { progressToken } = metaOf(params)
    const token =
      typeof progressToken === 'string' || typeof progressToken === 'number' ? progressToken : null
    const id = this.#add({
      serverId: message.id,
      token,
      respond: (response) => answer({ ...response, id: message.id }),
    })
    const sent = token === null ? message : withParams(message, withMeta(params, { progressToken: id }))
    if (this.#client.deliver({ ...sent, id }, about, certain)) return
    this.#open.delete(idKey(id))
    answer(errorResponse(message.id, CODE.internal, 'the client cannot be reached'))
  }

  /** Asks something of our own. `undefined` when the client cannot be reached, or the signal aborts first. */
  ask(
    about: ClientRequest,
    method: string,
    params: JsonObject,
    signal: AbortSignal,
  ): Promise<JsonObject | undefined> {
    return new Promise((resolve) => {
      const stop = (): void => {
        if (!this.#open.delete(idKey(id))) return
        this.#client.deliver(notification('notifications/cancelled', { requestId: id }), about, true)
        resolve(undefined)
      }
      const id = this.#add({
        serverId: null,
        token: null,
        respond: ({ result }) => {
          signal.removeEventListener('abort', stop)
          resolve(isJsonObject(result) ? result : undefined)
        },
      })
      signal.addEventListener('abort', stop, { once: true })
      if (!this.#client.deliver({ jsonrpc: '2.0', id, method, params }, about, true)) stop()
    })
  }

  /** The client's answer, once. */
  answered(message: Response): void {
    const question = this.#open.get(idKey(message.id))
    if (question === undefined) return
    this.#open.delete(idKey(message.id))
    question.respond(message)
  }

  /** The server's progress token, by ours. */
  tokenOf(progressToken: JsonValue | undefined): RequestId | null {
    return typeof progressToken === 'number' ? (this.#open.get(idKey(progressToken))?.token ?? null) : null
  }

  /** The server takes its request back. `false`: it has asked no such thing. */
  withdraw(serverId: RequestId, params: JsonObject): boolean {
    for (const [key, question] of this.#open) {
      if (question.serverId !== serverId) continue
      this.#open.delete(key)
      this.#tellWithdrawn(key, params)
      return true
    }
    return false
  }

  /** Nobody waits for the answers any more. */
  withdrawAll(): void {
    for (const key of this.#open.keys()) this.#tellWithdrawn(key, {})
    this.#open.clear()
  }

  #tellWithdrawn(key: string, params: JsonObject): void {
    const requestId = Number(key.slice(1))
    this.#client.deliver(notification('notifications/cancelled', { ...params, requestId }), null, false)
  }

  #add(question: Question): number {
    const id = this.#next++
    this.#open.set(idKey(id), question)
    return id
  }
}
