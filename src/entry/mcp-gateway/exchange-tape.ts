import { isJsonObject, type JsonObject } from '../../action/json.ts'
import type { McpExchange } from '../recording/recording-of-exchange.ts'
import { metaOf, type Request, type Response } from './message.ts'
import type { ServerContext } from './server-context.ts'

/** What waits for an action that it can be kept beside. */
const MOST_WAITING = 100
const MOST_BYTES = 4 * 1024 * 1024

/**
 * What a client asked and was answered, on its way into the ledger. A recording lies beside an action: what came before the
 * first call of a tool (the handshake, the lists) waits for it, what comes after lies beside the last one.
 */
export class ExchangeTape {
  readonly #context: Pick<ServerContext, 'name' | 'door' | 'onFault'>
  readonly #keeping = new Set<Promise<void>>()
  #waiting: McpExchange[] = []
  #bytes = 0
  #action: string | null = null

  constructor(context: Pick<ServerContext, 'name' | 'door' | 'onFault'>) {
    this.#context = context
  }

  /** `startedAt`: when it was asked, epoch ms. */
  add(request: Request, answer: Response, startedAt: number): void {
    // How often a client asks whether the other end lives depends on the clock.
    if (request.method === 'ping' || !this.#context.door.keeps()) return
    const exchange = { server: this.#context.name, request, answer, startedAt }
    this.#action = actionOf(exchange.answer) ?? this.#action
    if (this.#action !== null) {
      for (const earlier of this.#waiting.splice(0)) this.#keep(this.#action, earlier)
      return this.#keep(this.#action, exchange)
    }
    this.#bytes += JSON.stringify(exchange.answer).length
    if (this.#waiting.length < MOST_WAITING && this.#bytes <= MOST_BYTES) this.#waiting.push(exchange)
  }

  /** Resolves when all that can be kept is. */
  async settled(): Promise<void> {
    await Promise.all(this.#keeping)
  }

  #keep(action: string, exchange: McpExchange): void {
    const { door, onFault } = this.#context
    const keeping = door
      .keep(action, exchange)
      .catch(onFault)
      .finally(() => this.#keeping.delete(keeping))
    this.#keeping.add(keeping)
  }
}

/** The action that an answer names, as the gateway has labelled it. */
function actionOf({ result }: JsonObject): string | undefined {
  const id = isJsonObject(result) ? metaOf(result)['belay/action'] : undefined
  return typeof id === 'string' ? id : undefined
}
