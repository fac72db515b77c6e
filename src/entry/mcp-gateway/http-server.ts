import { createParser } from 'eventsource-parser'
import { Agent, request } from 'undici'
import type { JsonObject } from '../../action/json.ts'
import { BadMessage, declaredVersion, idKey, paramsOf, readMessage, type RequestId } from './message.ts'
import { headerValue } from './mirrored-headers.ts'
import type { LinkEvents, OpenLink, SendHints, ServerLink } from './server-link.ts'

export interface HttpServerOptions {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly maxMessage: number
  readonly onNote: (text: string) => void
}

const CONNECT_MS = 10_000
/** A stream may be silent for as long as a tool works; the session has the time limits. */
const SILENCE_MS = 3_600_000
const FIRST_RETRY_MS = 1_000
const MAX_RETRY_MS = 30_000
const MAX_RESUMES = 20
const STREAMED = 'text/event-stream'
const NAMED = new Set(['tools/call', 'prompts/get'])

/** Speaks with a server over streamable HTTP: MCP 2025-03-26 to 2025-11-25 with sessions, 2026-07-28 without. */
export function httpServer(options: HttpServerOptions): OpenLink {
  return (events) => new HttpServer(options, events)
}

class HttpServer implements ServerLink {
  readonly #options: HttpServerOptions
  readonly #events: LinkEvents
  readonly #agent: Agent
  readonly #streams = new Map<string, AbortController>()
  readonly #closing = new AbortController()
  #session: string | null = null
  #version: string | null = null
  #listening = false
  /** Calls are sent in order until the server has taken them: its session begins with the first. */
  #order: Promise<unknown> = Promise.resolve()

  constructor(options: HttpServerOptions, events: LinkEvents) {
    this.#options = options
    this.#events = events
    this.#agent = new Agent({
      connect: { timeout: CONNECT_MS },
      headersTimeout: SILENCE_MS,
      bodyTimeout: SILENCE_MS,
      maxResponseSize: -1,
    })
  }

  get alive(): boolean {
    return !this.#closing.signal.aborted
  }

  send(message: JsonObject, hints: SendHints = {}): void {
    if (!this.alive) return
    const begins = message['method'] === 'initialize' || message['method'] === 'notifications/initialized'
    const posting = begins ? this.#order.then(() => this.#post(message, hints)) : this.#after(message, hints)
    if (begins) this.#order = posting.catch(() => undefined)
    posting.catch((error: unknown) => this.#failed(message, error))
  }

  async #after(message: JsonObject, hints: SendHints): Promise<void> {
    if (declaredVersion(message) === undefined) await this.#order
    return this.#post(message, hints)
  }

  abandon(id: RequestId): void {
    this.#streams.get(idKey(id))?.abort()
  }

  negotiated(version: string): void {
    this.#version = version
  }

  async close(): Promise<void> {
    if (!this.alive) return
    this.#closing.abort()
    for (const stream of this.#streams.values()) stream.abort()
    if (this.#session !== null)
      await request(this.#options.url, {
        method: 'DELETE',
        headers: this.#headers({}),
        dispatcher: this.#agent,
        signal: AbortSignal.timeout(2_000),
      })
        .then(({ body }) => body.dump())
        .catch(() => undefined)
    await this.#agent.destroy()
  }

  #headers(more: Readonly<Record<string, string>>): Record<string, string> {
    return {
      ...(this.#session !== null && { 'mcp-session-id': this.#session }),
      ...(this.#version !== null && { 'mcp-protocol-version': this.#version }),
      ...more,
      ...this.#options.headers,
    }
  }

  async #post(message: JsonObject, { headers = {} }: SendHints): Promise<void> {
    const id = message['id'] as RequestId | undefined
    const isRequest = id !== undefined && typeof message['method'] === 'string'
    const stop = new AbortController()
    if (isRequest) this.#streams.set(idKey(id), stop)
    try {
      const response = await request(this.#options.url, {
        method: 'POST',
        headers: this.#headers({
          'content-type': 'application/json',
          accept: `application/json, ${STREAMED}`,
          ...mirrored(message),
          ...headers,
        }),
        body: JSON.stringify(message),
        dispatcher: this.#agent,
        signal: AbortSignal.any([stop.signal, this.#closing.signal]),
      })
      const { statusCode, body } = response
      const type = String(response.headers['content-type'] ?? '')
      if (message['method'] === 'initialize' && statusCode < 300) {
        const session = response.headers['mcp-session-id']
        this.#session = typeof session === 'string' && /^[\x21-\x7e]{1,1000}$/.test(session) ? session : null
      }
      if (statusCode === 404 && this.#session !== null && !type.startsWith('application/json')) {
        await body.dump()
        this.#sessionLost()
        return
      }
      if (isRequest && type.startsWith(STREAMED)) {
        await this.#stream(body, id, stop.signal)
        return
      }
      const text = await bounded(body, this.#options.maxMessage)
      if (message['method'] === 'notifications/initialized') this.#listen()
      if (!isRequest) {
        if (statusCode >= 400) this.#options.onNote(`the server refused a message with status ${statusCode}`)
        return
      }
      let answer
      try {
        answer = readMessage(text)
      } catch {
        answer = undefined
      }
      if (answer?.kind === 'response') this.#events.message(answer, id)
      else if (statusCode === 404 && this.#session !== null) this.#sessionLost()
      else this.#lost(id, `the server answered with status ${statusCode} and no message`, statusCode >= 500)
    } finally {
      if (isRequest) this.#streams.delete(idKey(id))
    }
  }

  /** Reads the stream of one request to its answer; one that breaks off is taken up again where the server allows it. */
  async #stream(first: AsyncIterable<Buffer>, id: RequestId, stop: AbortSignal): Promise<void> {
    let body = first
    let lastEvent: string | undefined
    let retry = FIRST_RETRY_MS
    for (let resumed = 0; ; resumed++) {
      let answered = false
      try {
        for await (const event of events(body, this.#options.maxMessage)) {
          if (event.id !== undefined && event.id !== '') lastEvent = event.id
          if (event.retry !== undefined) retry = Math.min(Math.max(event.retry, 0), MAX_RETRY_MS)
          if (event.data === '') continue
          const message = this.#read(event.data)
          if (message === undefined) continue
          if (message.kind === 'response' && message.message.id === id) answered = true
          this.#events.message(message, id)
        }
      } catch (error) {
        if (stop.aborted || !this.alive || error instanceof BadMessage) throw error
      }
      if (answered || stop.aborted) return
      if (lastEvent === undefined || resumed >= MAX_RESUMES)
        throw new Error('its stream ended before the answer')
      await pause(retry, stop)
      const response = await request(this.#options.url, {
        method: 'GET',
        headers: this.#headers({ accept: STREAMED, 'last-event-id': lastEvent }),
        dispatcher: this.#agent,
        signal: AbortSignal.any([stop, this.#closing.signal]),
      })
      if (response.statusCode !== 200) {
        await response.body.dump()
        throw new Error(`its stream could not be taken up again: status ${response.statusCode}`)
      }
      body = response.body
    }
  }

  /** The stream for what belongs to no request (2025-03-26 to 2025-11-25). A server without one says 405. */
  #listen(): void {
    if (this.#listening) return
    this.#listening = true
    void this.#listenOn().finally(() => (this.#listening = false))
  }

  async #listenOn(): Promise<void> {
    let lastEvent: string | undefined
    let retry = FIRST_RETRY_MS
    const { signal } = this.#closing
    const session = this.#session
    while (this.alive && session === this.#session) {
      let wait = retry
      try {
        const response = await request(this.#options.url, {
          method: 'GET',
          headers: this.#headers({
            accept: STREAMED,
            ...(lastEvent !== undefined && { 'last-event-id': lastEvent }),
          }),
          dispatcher: this.#agent,
          signal,
        })
        const { statusCode } = response
        if (statusCode !== 200) await response.body.dump()
        if (statusCode >= 400 && statusCode < 500) return
        if (statusCode === 200)
          for await (const event of events(response.body, this.#options.maxMessage)) {
            if (event.id !== undefined && event.id !== '') lastEvent = event.id
            if (event.retry !== undefined) retry = Math.min(Math.max(event.retry, 0), MAX_RETRY_MS)
            const message = event.data === '' ? undefined : this.#read(event.data)
            if (message !== undefined && message.kind !== 'response') this.#events.message(message)
            wait = retry
          }
      } catch {
        wait = Math.min(Math.max(retry, FIRST_RETRY_MS) * 2, MAX_RETRY_MS)
      }
      await pause(wait, signal)
    }
  }

  #read(data: string): ReturnType<typeof readMessage> | undefined {
    try {
      return readMessage(data)
    } catch (error) {
      this.#options.onNote(`the server sent an event that is no message (${(error as Error).message})`)
      return undefined
    }
  }

  #sessionLost(): void {
    this.#session = null
    this.#events.down('its session has ended', true)
    this.#events.up()
  }

  /** Nothing more is known of this request: whoever waits for it is told so. */
  #failed(message: JsonObject, error: unknown): void {
    const id = message['id'] as RequestId | undefined
    if (id === undefined || message['method'] === undefined || !this.alive) return
    if (error instanceof Error && error.name === 'AbortError') return
    const { code, message: why } = error as NodeJS.ErrnoException
    this.#lost(id, `the server cannot be reached: ${why}`, code === undefined || !NOT_SENT.has(code))
  }

  #lost(id: RequestId, why: string, reached: boolean): void {
    this.#events.lost(id, why, reached)
  }
}

/** Errors before anything was sent: the server has not begun. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

function mirrored(message: JsonObject): Record<string, string> {
  const version = declaredVersion(message)
  const { method } = message
  if (version === undefined || typeof method !== 'string') return {}
  const params = paramsOf(message)
  const name = NAMED.has(method)
    ? params['name']
    : method === 'resources/read'
      ? params['uri']
      : method.startsWith('tasks/')
        ? params['taskId']
        : undefined
  return {
    'mcp-protocol-version': version,
    'mcp-method': method,
    ...(typeof name === 'string' && { 'mcp-name': headerValue(name) }),
  }
}

interface StreamEvent {
  readonly data: string
  readonly id?: string | undefined
  readonly retry?: number
}

async function* events(body: AsyncIterable<Buffer>, max: number): AsyncGenerator<StreamEvent> {
  const found: StreamEvent[] = []
  const parser = createParser({
    onEvent: ({ data, id }) => found.push({ data, id }),
    onId: (id) => found.push({ data: '', id }),
    onRetry: (retry) => found.push({ data: '', retry }),
    maxBufferSize: max + 1_024,
  })
  const decoder = new TextDecoder()
  for await (const piece of body) {
    parser.feed(decoder.decode(piece, { stream: true }))
    yield* found.splice(0)
  }
}

async function bounded(body: AsyncIterable<Buffer>, max: number): Promise<string> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of body) {
    size += piece.length
    if (size > max) throw new Error(`its answer has more than ${max} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
  })
}
