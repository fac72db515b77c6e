import type { Socket } from 'node:net'
import { BodyReader } from './http1/body-reader.ts'
import {
  MalformedMessage,
  MAX_REQUEST_HEAD,
  readRequestHead,
  type RequestHead,
  valuesOf,
} from './http1/head.ts'

/** Where a connection of the agent came in, and so for whom it can be. */
export interface Place {
  readonly scheme: 'http' | 'https'
  /** The name that was asked for: of the address connected to, or of the TLS handshake. `null`: the proxy, or nobody. */
  readonly pinned: string | null
  /** The agent speaks to a proxy: its requests say where they go. */
  readonly proxy: boolean
  /** For the record, where nobody is pinned: the address that was connected to. */
  readonly address: string
}

export class AgentGone extends Error {}

const HEAD_MS = 15_000
const KEEP_MS = 120_000
const BODY_MS = 60_000
/** Sending to an agent that does not read. */
const STALLED_MS = 300_000
const MAX_AHEAD = 64 * 1024
const HEAD_END = Buffer.from('\r\n\r\n')
const EMPTY: Buffer = Buffer.alloc(0)

export type ServeRequest = (connection: AgentConnection, head: RequestHead) => Promise<void>

/** A connection of the agent: takes one request after the other; the next is not looked at before the answer is sent. */
export class AgentConnection {
  readonly place: Place
  readonly socket: Socket
  readonly #serve: ServeRequest
  readonly #malformed: (connection: AgentConnection, error: MalformedMessage) => void
  readonly #left = new AbortController()
  #buffer: Buffer = EMPTY
  #state: 'head' | 'busy' | 'upgraded' = 'head'
  #body: BodyReader | null = null
  #onPiece: ((content: Buffer) => boolean) | null = null
  #onBodyEnd: ((error: Error | null) => void) | null = null
  #closing = false
  deadline = performance.now() + KEEP_MS
  /** The agent asked to close the connection after this answer. */
  wantsClose = false

  constructor(
    socket: Socket,
    place: Place,
    serve: ServeRequest,
    malformed: (connection: AgentConnection, error: MalformedMessage) => void,
  ) {
    this.socket = socket
    this.place = place
    this.#serve = serve
    this.#malformed = malformed
    socket.on('data', this.#onData)
    socket.on('error', this.#ignore)
    socket.on('close', this.#onClose)
  }

  /** Aborted when the agent has gone. */
  get left(): AbortSignal {
    return this.#left.signal
  }

  get hasBody(): boolean {
    return this.#body !== null && !this.#body.done
  }

  /** Bytes of content of the current body so far. */
  get received(): number {
    return this.#body?.received ?? 0
  }

  /** Bytes that came before the connection was made one. */
  begin(bytes: Buffer): void {
    if (bytes.length > 0) this.#onData(bytes)
  }

  /** The body up to `max` bytes. `whole: false`: there is more, which `pipe` gives. Rejects with what is wrong with it. */
  async collect(max: number): Promise<{ readonly bytes: Buffer; readonly whole: boolean }> {
    if (!this.hasBody) return { bytes: EMPTY, whole: true }
    const pieces: Buffer[] = []
    let size = 0
    let enough = false
    const whole = await this.#take((piece) => {
      // The bytes are those of the socket's buffer, which nobody else writes to.
      pieces.push(piece)
      size += piece.length
      enough = size > max
      return !enough
    })
    return { bytes: pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces), whole }
  }

  /** The rest of the body. `onPiece` answers `false` to wait for `resume`. */
  async pipe(onPiece: (content: Buffer) => boolean): Promise<void> {
    if (!this.hasBody) return
    for (;;) {
      const resumed = Promise.withResolvers<void>()
      this.#resumed = resumed.resolve
      if (await this.#take(onPiece)) return
      await resumed.promise
    }
  }

  #resumed: (() => void) | null = null

  resume(): void {
    this.#resumed?.()
  }

  write(bytes: Buffer): boolean {
    this.deadline = performance.now() + STALLED_MS
    return this.socket.write(bytes)
  }

  /** Nothing of the agent is waited for. */
  waiting(): void {
    this.deadline = Infinity
  }

  /** The answer has been sent. A body that was not read to its end ends the connection. */
  done(close: boolean): void {
    if (this.#state !== 'busy') return
    if (close || this.wantsClose || this.hasBody || this.#closing) {
      this.#closing = true
      this.deadline = performance.now() + 1_000
      this.socket.end()
      this.socket.resume()
      this.#buffer = EMPTY
      return
    }
    this.#state = 'head'
    this.#body = null
    this.deadline = performance.now() + KEEP_MS
    if (this.#buffer.length > 0) this.#tryHead()
    this.socket.resume()
  }

  /** The socket is somebody else's from now on; answers what was read ahead. */
  upgrade(): Buffer {
    this.#state = 'upgraded'
    this.deadline = Infinity
    this.socket.removeListener('data', this.#onData)
    const ahead = this.#buffer
    this.#buffer = EMPTY
    return ahead
  }

  readonly #ignore = (): void => undefined

  readonly #onClose = (): void => {
    this.#left.abort()
    this.#onBodyEnd?.(new AgentGone('the agent has closed the connection'))
    this.#resumed?.()
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#closing) return
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes])
    if (this.#state === 'head') this.#tryHead()
    else if (this.#onPiece !== null) this.#feed()
    else if (this.#buffer.length > MAX_AHEAD) this.socket.pause()
  }

  #tryHead(): void {
    const end = this.#buffer.indexOf(HEAD_END)
    try {
      if (end > MAX_REQUEST_HEAD || (end === -1 && this.#buffer.length > MAX_REQUEST_HEAD))
        throw new MalformedMessage('the headers are too large')
      if (end === -1) {
        this.deadline = Math.min(this.deadline, performance.now() + HEAD_MS)
        return
      }
      const head = readRequestHead(this.#buffer.toString('latin1', 0, end))
      this.#buffer = this.#buffer.subarray(end + 4)
      this.#state = 'busy'
      this.wantsClose = valuesOf(head.headers, 'connection').some((value) => /\bclose\b/i.test(value))
      this.#body = new BodyReader(head.framing, { extensions: false })
      this.deadline = Infinity
      void this.#serve(this, head)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.#state = 'busy'
      this.#closing = true
      this.#body = null
      this.deadline = Infinity
      this.#malformed(this, error)
    }
  }

  /** Until the body has ended (`true`) or `onPiece` has enough (`false`). */
  #take(onPiece: (content: Buffer) => boolean): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>()
    const ended = (): void => {
      this.#onPiece = null
      this.#onBodyEnd = null
      this.deadline = Infinity
    }
    this.#onPiece = (content) => {
      const more = onPiece(content)
      if (!more) enough = true
      return more
    }
    let enough = false
    this.#onBodyEnd = (error) => {
      ended()
      if (error === null) resolve(this.#body!.done)
      else reject(error)
    }
    this.#checkEnough = () => enough
    if (this.left.aborted) this.#onBodyEnd(new AgentGone('the agent has closed the connection'))
    else this.#feed()
    return promise
  }

  #checkEnough: () => boolean = () => false

  #feed(): void {
    const body = this.#body!
    this.deadline = performance.now() + BODY_MS
    const onPiece = this.#onPiece!
    try {
      const taken = body.read(this.#buffer, onPiece)
      this.#buffer = this.#buffer.subarray(taken)
    } catch (error) {
      this.#closing = true
      this.#onBodyEnd?.(error as Error)
      return
    }
    if (body.done || this.#checkEnough()) {
      if (!body.done) this.socket.pause()
      this.#onBodyEnd?.(null)
    } else this.socket.resume()
  }
}
