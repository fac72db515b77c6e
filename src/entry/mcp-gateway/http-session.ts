import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { JsonObject } from '../../action/json.ts'
import { EventStream } from './event-stream.ts'
import { Exchange } from './exchange.ts'
import { paramsOf, type Message } from './message.ts'
import type { ServerContext } from './server-context.ts'
import type { ClientRequest } from './client-side.ts'
import { Session } from './session.ts'

const MAX_STREAMS = 64
const MAX_BACKLOG = 100
/** Older clients take an event without data for a broken message. */
const PRIMED_SINCE = '2025-11-25'

/** A client of streamable HTTP with a handshake (MCP 2025-03-26 to 2025-11-25). */
export class HttpSession {
  /** What the client has to show; never recorded. */
  readonly id = randomBytes(24).toString('base64url')
  readonly session: Session
  readonly agent: string
  readonly #streams = new Map<string, EventStream>()
  readonly #listening: EventStream
  readonly #backlog: JsonObject[] = []
  #nextStream = 1
  #prime = false

  constructor(context: ServerContext, agent: string) {
    this.agent = agent
    this.#listening = new EventStream('0', { kept: true })
    this.#streams.set('0', this.#listening)
    this.session = new Session(context, agent, {
      deliver: (message, about, certain) => this.#deliver(message, about, certain),
    })
  }

  /** `by`: what the client calls its session and what for, for the record. */
  post(
    message: Message,
    response: ServerResponse,
    streams: boolean,
    by: Pick<ClientRequest, 'session' | 'tags'>,
  ): void {
    const headers = { 'mcp-session-id': this.id }
    if (message.kind !== 'request') {
      this.session.receive(message, { scope: '', ...by, channel: null, answer: () => undefined })
      response.writeHead(202, headers).end()
      return
    }
    if (message.message.method === 'initialize') {
      const { protocolVersion } = paramsOf(message.message)
      this.#prime = typeof protocolVersion === 'string' && protocolVersion >= PRIMED_SINCE
    }
    const exchange = new Exchange({
      response,
      headers,
      streams,
      statuses: false,
      prime: this.#prime && message.message.method !== 'initialize',
      newStream: () => this.#newStream(),
    })
    this.session.receive(message, {
      scope: '',
      ...by,
      channel: exchange,
      answer: (answer) => exchange.answer(answer),
    })
  }

  /** `false`: there is no such stream. */
  get(response: ServerResponse, lastEventId: string | undefined): boolean {
    const headers = { 'mcp-session-id': this.id }
    if (lastEventId !== undefined) {
      const match = /^(\d{1,15})_(\d{1,15})$/.exec(lastEventId)
      const stream = match === null ? undefined : this.#streams.get(match[1]!)
      if (stream === undefined) return false
      stream.carry(response, headers, { after: Number(match![2]) })
      return true
    }
    this.#listening.carry(response, headers, { after: Infinity, prime: this.#prime })
    for (const message of this.#backlog.splice(0)) this.#listening.send(message)
    return true
  }

  async close(): Promise<void> {
    await this.session.close()
    for (const stream of this.#streams.values()) stream.end()
  }

  #deliver(message: JsonObject, about: ClientRequest | null, certain: boolean): boolean {
    const exchange = about?.channel instanceof Exchange && about.channel.open ? about.channel : null
    const asks = message['id'] !== undefined
    // What a request has brought about goes where its answer will; the rest where the client listens for it.
    if (exchange !== null && (certain || asks || !this.#listening.open)) return exchange.send(message)
    if (this.#listening.open) {
      this.#listening.send(message)
      return true
    }
    if (asks || this.#backlog.length >= MAX_BACKLOG) return false
    this.#backlog.push(message)
    return true
  }

  #newStream(): EventStream {
    const stream = new EventStream(String(this.#nextStream++), { kept: true })
    for (const [id, { open, ended }] of this.#streams) {
      if (this.#streams.size < MAX_STREAMS) break
      if (id !== '0' && (ended || !open)) this.#streams.delete(id)
    }
    this.#streams.set(stream.id, stream)
    return stream
  }
}
