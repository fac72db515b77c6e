import type { Socket } from 'node:net'
import type { OutcomeReport } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import type { AgentConnection } from './agent-connection.ts'
import type { Gateway } from './gateway.ts'
import { chunkOf, LAST_CHUNK } from './http1/body-reader.ts'
import { endToEnd, valueOf, valuesOf, writeHeaders, type Header, type ResponseHead } from './http1/head.ts'
import { refusalBytes, refusalOf } from './refusal.ts'
import type { Scrubber } from './scrubber.ts'
import type { Answer, UpstreamConnection } from './upstream.ts'
import { FrameEnds } from './websocket-frames.ts'

/** Bytes of an answer that is kept back until its checks have seen it. */
const MAX_JUDGED = 1024 * 1024
/** For an agent to read the last of a connection that has ended. */
const CLOSING_MS = 10_000
/** Smaller pieces are sent in one write with the headers. */
const MAX_JOINED = 64 * 1024

export interface ExchangeOptions {
  readonly method: string
  /** The executing action; `null`: the request is judged elsewhere. */
  readonly action: string | null
  readonly scrubber: Scrubber | null
  /** The policy has checks for what comes back. */
  readonly judged: boolean
  /** A WebSocket was asked for, so 101 may be the answer. */
  readonly upgrade: boolean
  /** Called with the beginning of an answer that refuses. */
  readonly onRefused?: (text: string) => void
}

/**
 * The answer to one request on its way to the agent, piece by piece, no faster than the agent reads. Each exchange ends in
 * exactly one report, whatever happens to either side.
 */
export class Exchange implements Answer {
  readonly #gateway: Gateway
  readonly #agent: AgentConnection
  readonly #options: ExchangeOptions
  readonly #ended = Promise.withResolvers<void>()
  #upstream: UpstreamConnection | null = null
  #head: ResponseHead | null = null
  /** Headers that wait for the first bytes of the body. */
  #pending: string | null = null
  #chunked = false
  #kept: Buffer[] | null = null
  #keptBytes = 0
  #bytes = 0
  /** Ends a connection that was upgraded. */
  #cut: (() => void) | null = null
  #over = false
  /** The request may be sent again by another connection: nothing of it can have been done. */
  retry: ((error: Error) => boolean) | null = null

  constructor(gateway: Gateway, agent: AgentConnection, options: ExchangeOptions) {
    this.#gateway = gateway
    this.#agent = agent
    this.#options = options
  }

  /** When the agent has its answer, or never will. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  get over(): boolean {
    return this.#over
  }

  /** The agent has gone, or may have no more. */
  readonly stop = (): void => {
    if (this.#over) return
    if (this.#cut !== null) return this.#cut()
    this.#upstream?.drop()
    const status = this.#head?.status
    this.#finish(
      status === undefined
        ? { outcome: 'unknown', error: 'the agent left before the answer' }
        : { outcome: outcomeOf(status), result: { ...this.#facts(), cut: true } },
      true,
    )
  }

  readonly resume = (): void => this.#upstream?.resume()

  through(upstream: UpstreamConnection): void {
    this.#upstream = upstream
  }

  head(head: ResponseHead): void {
    const { scrubber, judged } = this.#options
    this.#head = head
    const encoded = valuesOf(head.headers, 'content-encoding').some((one) => one.toLowerCase() !== 'identity')
    if ((scrubber !== null || judged) && encoded) {
      this.#upstream?.drop()
      return this.#unreadable(
        'egress:unreadable_answer',
        'The answer is compressed although it was asked not to be.',
      )
    }
    this.#pending = this.#headText(head)
    if (judged) this.#kept = []
  }

  data(content: Buffer): boolean {
    if (this.#over) return false
    this.#bytes += content.length
    this.#gateway.counts.bytesIn += content.length
    const { scrubber, onRefused } = this.#options
    if (onRefused !== undefined && this.#head!.status >= 400 && this.#bytes === content.length)
      onRefused(content.toString('latin1', 0, 4_096))
    return this.#pass(scrubber === null ? content : scrubber.push(content))
  }

  end(): void {
    if (this.#over) return
    const rest = this.#options.scrubber?.end()
    if (rest !== undefined && rest.length > 0) this.#pass(rest)
    if (this.#kept !== null) {
      void this.#judge(Buffer.concat(this.#kept))
      return
    }
    if (this.#chunked) {
      if (this.#pending === null) this.#agent.write(LAST_CHUNK)
      else this.#pending += '0\r\n\r\n'
    }
    this.flush()
    this.#finish({ outcome: outcomeOf(this.#head!.status), result: this.#facts() }, this.#closes())
  }

  flush(): void {
    if (this.#pending === null || this.#kept !== null || this.#over) return
    this.#agent.write(Buffer.from(this.#pending, 'latin1'))
    this.#pending = null
  }

  failed(error: Error, sent: boolean): void {
    if (this.#over) return
    if (this.#head === null && this.retry?.(error) === true) return
    if (this.#head !== null && this.#pending === null) {
      // The agent has the beginning: only a broken connection says that the rest is missing.
      this.#agent.socket.destroy()
      return this.#finish(
        {
          outcome: outcomeOf(this.#head.status),
          result: { ...this.#facts(), cut: true },
          error: error.message,
        },
        true,
      )
    }
    this.#answerFault(`The server failed: ${error.message}.`)
    this.#finish(
      { outcome: sent ? 'unknown' : 'failed', error: error.message, ...(!sent && { cost: 0 }) },
      false,
    )
  }

  /** What never left has failed for sure. `begun`: a part of it has, and nobody knows what the server does with that. */
  refusedToSend(code: string, detail: string, status: number, begun = false): void {
    if (this.#over) return
    this.#gateway.counts.refused++
    this.#upstream?.drop()
    const error = `${code}: ${detail}`
    const report: OutcomeReport = begun
      ? { outcome: 'unknown', error }
      : { outcome: 'failed', error, cost: 0 }
    if (this.#head !== null && this.#pending === null && this.#kept === null) {
      // The agent has the beginning of an answer, which another one cannot follow.
      this.#agent.socket.destroy()
      return this.#finish(report, true)
    }
    const close = begun || this.#closes()
    this.#answer(refusalBytes({ status, code, detail }, close, this.#options.method === 'HEAD'))
    this.#finish(report, close)
  }

  upgraded(head: ResponseHead, socket: Socket, first: Buffer): void {
    const { upgrade, scrubber } = this.#options
    if (!upgrade || this.#over) {
      socket.destroy()
      return this.failed(new Error('the server upgraded a connection that was not asked to be'), true)
    }
    this.#head = head
    const agent = this.#agent
    const { counts } = this.#gateway
    const ahead = agent.upgrade()
    let sent = ahead.length
    const text = `HTTP/1.1 101 Switching Protocols\r\n${writeHeaders(this.#scrubbed(endToEnd(head.headers)))}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
    agent.socket.write(text, 'latin1')
    const frames = new FrameEnds()
    const toAgent = (bytes: Buffer): void => {
      this.#bytes += bytes.length
      counts.bytesIn += bytes.length
      const whole = frames.pass(bytes)
      const clean = scrubber === null ? bytes : scrubber.push(bytes)
      let more = clean.length === 0 || agent.socket.write(clean)
      // Whoever waits for the end of a message would wait for the next one.
      const rest = whole ? scrubber?.end() : undefined
      if (rest !== undefined && rest.length > 0) more = agent.socket.write(rest)
      if (!more) socket.pause()
    }
    const over = (): void => {
      socket.destroy()
      const rest = scrubber?.end()
      if (rest !== undefined && rest.length > 0) agent.socket.write(rest)
      // Not destroyed: what has been written may still wait for an agent that reads slowly.
      agent.deadline = performance.now() + CLOSING_MS
      agent.socket.end()
      this.#finish({ outcome: 'succeeded', result: { ...this.#facts(), sent_bytes: sent } }, true)
    }
    this.#cut = over
    socket.on('data', toAgent).on('drain', () => agent.socket.resume())
    agent.socket.on('drain', () => socket.resume())
    agent.socket.on('data', (bytes: Buffer) => {
      sent += bytes.length
      counts.bytesOut += bytes.length
      if (!socket.write(bytes)) agent.socket.pause()
    })
    for (const one of [socket, agent.socket]) one.once('error', over).once('close', over)
    if (ahead.length > 0) socket.write(ahead)
    if (first.length > 0) toAgent(first)
    socket.resume()
    agent.socket.resume()
  }

  #pass(content: Buffer): boolean {
    if (content.length === 0) return true
    if (this.#kept !== null) {
      this.#kept.push(content)
      this.#keptBytes += content.length
      if (this.#keptBytes <= MAX_JUDGED) return true
      this.#upstream?.drop()
      this.#unreadable('result:unreadable', `No check can read an answer of more than ${MAX_JUDGED} bytes.`)
      return false
    }
    const bytes = this.#chunked ? chunkOf(content) : content
    if (this.#pending === null) return this.#agent.write(bytes)
    const head = Buffer.from(this.#pending, 'latin1')
    this.#pending = null
    if (bytes.length <= MAX_JOINED) return this.#agent.write(Buffer.concat([head, bytes]))
    this.#agent.write(head)
    return this.#agent.write(bytes)
  }

  #headText({ status, reason, headers, framing }: ResponseHead, length?: number): string {
    const { scrubber } = this.#options
    const words = scrubber?.text(reason) ?? reason
    let text = `HTTP/1.1 ${status} ${words}\r\n${writeHeaders(this.#scrubbed(endToEnd(headers)))}`
    if (length !== undefined) text += `Content-Length: ${length}\r\n`
    else if (framing.kind === 'length') text += `Content-Length: ${framing.length}\r\n`
    else if (framing.kind === 'none') {
      // What a body would have had; of an answer without one it delimits nothing.
      const said = valueOf(headers, 'content-length')
      if (status !== 204 && (said !== undefined || (this.#options.method !== 'HEAD' && status !== 304)))
        text += `Content-Length: ${said ?? '0'}\r\n`
    } else {
      this.#chunked = true
      text += 'Transfer-Encoding: chunked\r\n'
    }
    return `${text}${this.#closes() ? 'Connection: close\r\n' : ''}\r\n`
  }

  #scrubbed(headers: readonly Header[]): readonly Header[] {
    const { scrubber } = this.#options
    return scrubber === null
      ? headers
      : headers.map(({ name, lower, value }) => ({
          name: scrubber.text(name),
          lower,
          value: scrubber.text(value),
        }))
  }

  /** A body of which the agent still owes a part cannot be followed by a request. */
  #closes(): boolean {
    return this.#agent.wantsClose || this.#agent.hasBody
  }

  async #judge(body: Buffer): Promise<void> {
    const head = this.#head!
    const report = { outcome: outcomeOf(head.status), result: { ...this.#facts(), ...readable(body) } }
    try {
      const verdict = await this.#gateway.options.door.finish(this.#options.action!, report)
      if (this.#over) return
      if (verdict?.effective === 'deny' || verdict?.effective === 'require_approval') {
        this.#gateway.counts.refused++
        const refusal = refusalOf(verdict.reasons, { action: this.#options.action })
        this.#answer(refusalBytes(refusal, this.#closes(), this.#options.method === 'HEAD'))
      } else {
        const text = verdict?.effective === 'transform' ? verdict.result['text'] : undefined
        const shown = typeof text === 'string' ? Buffer.from(text) : body
        this.#chunked = false
        const empty = head.framing.kind === 'none'
        const begin = Buffer.from(empty ? this.#headText(head) : this.#headText(head, shown.length), 'latin1')
        this.#answer(empty ? begin : Buffer.concat([begin, shown]))
      }
    } catch (error) {
      this.#gateway.onFault(error)
      this.#answerFault('What came back could not be judged.')
    }
    this.#finish(null, this.#closes())
  }

  #unreadable(code: string, detail: string): void {
    this.#kept = null
    this.#gateway.counts.refused++
    this.#answer(refusalBytes({ status: 403, code, detail }, this.#closes(), this.#options.method === 'HEAD'))
    this.#finish(
      { outcome: outcomeOf(this.#head!.status), result: { ...this.#facts(), withheld: code } },
      this.#closes(),
    )
  }

  #answerFault(detail: string): void {
    const refusal = { status: 502, code: 'egress:upstream', detail }
    this.#answer(refusalBytes(refusal, this.#closes(), this.#options.method === 'HEAD'))
  }

  #answer(bytes: Buffer): void {
    this.#pending = null
    this.#agent.write(bytes)
  }

  #facts(): JsonObject {
    const { status, headers } = this.#head!
    const type = valueOf(headers, 'content-type')?.slice(0, 200)
    return {
      status,
      bytes: this.#bytes,
      ...(type !== undefined && { content_type: this.#options.scrubber?.text(type) ?? type }),
    }
  }

  #finish(report: OutcomeReport | null, close: boolean): void {
    if (this.#over) return
    this.#over = true
    this.#upstream = null
    const { action } = this.#options
    const { options, underWay, onFault } = this.#gateway
    if (action !== null && report !== null) {
      const work: Promise<unknown> = options.door
        .report(action, report, { unhurried: true })
        .catch(onFault)
        .finally(() => underWay.delete(work))
      underWay.add(work)
    }
    this.#ended.resolve()
    this.#agent.done(close)
  }
}

/** 5xx: the server says that it could not. Everything else has been done. */
function outcomeOf(status: number): 'succeeded' | 'failed' {
  return status >= 500 ? 'failed' : 'succeeded'
}

/** As checks read it. */
function readable(body: Buffer): JsonObject {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(body) }
  } catch {
    return { belay_omitted: 'an answer that is not text' }
  }
}
