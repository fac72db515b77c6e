import type { JsonObject } from '../../action/json.ts'
import { textOf } from '../sdk/text-of.ts'
import { paramsOf, type Request } from './message.ts'

const MAX_SUBSCRIBED = 1_000

/** What a server was told of its client, and has to be told again when it is started again. */
export class Told {
  #logLevel: Request | null = null
  readonly #subscribed = new Map<string, Request>()

  /** A request that the server has answered with a result. */
  remember(request: Request): void {
    const uri = textOf(paramsOf(request)['uri'])
    if (request.method === 'logging/setLevel') this.#logLevel = request
    else if (request.method === 'resources/unsubscribe') this.#subscribed.delete(uri)
    else if (request.method === 'resources/subscribe' && this.#subscribed.size < MAX_SUBSCRIBED)
      this.#subscribed.set(uri, request)
  }

  again(): readonly JsonObject[] {
    return [...(this.#logLevel === null ? [] : [this.#logLevel]), ...this.#subscribed.values()]
  }
}
