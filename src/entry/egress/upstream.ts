import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls'
import { BodyReader } from './http1/body-reader.ts'
import { MalformedMessage, MAX_RESPONSE_HEAD, readResponseHead, type ResponseHead } from './http1/head.ts'

/** Whom to connect to: an address that was looked at, and the name that its certificate must bear. */
export interface Origin {
  readonly tls: boolean
  readonly name: string
  readonly address: string
  readonly port: number
}

/** Is told of one answer. What it throws ends the connection. */
export interface Answer {
  head(head: ResponseHead): void
  /** `false`: no more until `resume`. */
  data(content: Buffer): boolean
  end(): void
  /** After every piece that was read: what was kept back to be sent together is sent. */
  flush(): void
  /** `sent`: whether the server may have got the request. */
  failed(error: Error, sent: boolean): void
  /** 101: the connection is the caller's now. */
  upgraded(head: ResponseHead, socket: Socket, first: Buffer): void
}

const CONNECT_MS = 10_000
/** Between two pieces of an answer. */
const IDLE_MS = 300_000
/** Servers commonly keep a connection for five seconds. */
const KEEP_MS = 4_000
const MAX_KEPT = 64
const HEAD_END = Buffer.from('\r\n\r\n')
const EMPTY = Buffer.alloc(0)

/** One connection to a server; carries one request at a time. */
export class UpstreamConnection {
  readonly #socket: Socket
  readonly #free: (connection: UpstreamConnection) => void
  readonly #gone: (connection: UpstreamConnection) => void
  #answer: Answer | null = null
  #method = ''
  #body: BodyReader | null = null
  #persists = false
  #sent = false
  #bodySent = true
  #firstByteMs = 0
  #buffer: Buffer = EMPTY
  /** When it is cut, by `performance.now()`. */
  deadline = Infinity

  constructor(
    socket: Socket,
    free: (connection: UpstreamConnection) => void,
    gone: (connection: UpstreamConnection) => void,
  ) {
    this.#socket = socket
    this.#free = free
    this.#gone = gone
    socket.on('data', (bytes: Buffer) => this.#onData(bytes))
    socket.on('error', (error) => this.#fail(error))
    socket.on('end', () => this.#onEnd())
    socket.on('close', () => {
      this.#fail(new Error('the server closed the connection'))
      this.#gone(this)
    })
  }

  get usable(): boolean {
    return !this.#socket.destroyed && this.#socket.writable && this.#answer === null
  }

  /** Sends a request; `body`: all of it, or `null` where it follows by `write`. */
  request(head: string, method: string, body: Buffer | null, firstByteMs: number, answer: Answer): void {
    this.#answer = answer
    this.#method = method
    this.#body = null
    this.#sent = true
    this.#bodySent = body !== null
    this.#firstByteMs = firstByteMs
    this.deadline = performance.now() + firstByteMs
    this.#socket.resume()
    if (body === null || body.length === 0) this.#socket.write(head, 'latin1')
    else this.#socket.write(Buffer.concat([Buffer.from(head, 'latin1'), body]))
  }

  /** More of the body; `false`: wait for `onDrain`. */
  write(bytes: Buffer): boolean {
    this.deadline = performance.now() + this.#firstByteMs
    return this.#socket.write(bytes)
  }

  bodyDone(): void {
    this.#bodySent = true
  }

  onDrain(listener: () => void): void {
    this.#socket.on('drain', listener)
  }

  pause(): void {
    this.#socket.pause()
    this.deadline = Infinity
  }

  resume(): void {
    this.#socket.resume()
    this.deadline = performance.now() + IDLE_MS
  }

  /** The answer is of no use any more. */
  drop(): void {
    this.#answer = null
    this.#socket.destroy()
  }

  late(): void {
    this.#fail(new Error('the server did not answer in time'))
  }

  #onData(bytes: Buffer): void {
    // Nobody asked: this connection can no longer be understood.
    if (this.#answer === null) return void this.#socket.destroy()
    try {
      this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes])
      this.#read()
      this.#answer?.flush()
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  #read(): void {
    while (this.#body === null) {
      const end = this.#buffer.indexOf(HEAD_END)
      if (end === -1) {
        if (this.#buffer.length > MAX_RESPONSE_HEAD)
          throw new MalformedMessage('the headers of the answer are too large')
        return
      }
      const head = readResponseHead(this.#buffer.toString('latin1', 0, end), this.#method)
      this.#buffer = this.#buffer.subarray(end + 4)
      if (head.status === 101) return this.#upgrade(head)
      if (head.status < 200) continue
      this.#persists = head.persists
      this.#body = new BodyReader(head.framing, { extensions: true })
      this.deadline = performance.now() + IDLE_MS
      this.#answer!.head(head)
    }
    this.#readBody()
  }

  #readBody(): void {
    const body = this.#body!
    this.deadline = performance.now() + IDLE_MS
    if (!body.done) {
      let paused = false
      const taken = body.read(this.#buffer, (content) => {
        if (this.#answer?.data(content) === false) paused = true
      })
      this.#buffer = this.#buffer.subarray(taken)
      if (paused) this.pause()
    }
    if (body.done) this.#finish()
  }

  #finish(): void {
    const answer = this.#answer
    if (answer === null) return
    this.#socket.removeAllListeners('drain')
    const clean = this.#persists && this.#bodySent && this.#buffer.length === 0
    this.#answer = null
    this.deadline = Infinity
    answer.end()
    answer.flush()
    if (!clean) this.#socket.destroy()
    else {
      this.#socket.resume()
      this.#free(this)
    }
  }

  #upgrade(head: ResponseHead): void {
    const answer = this.#answer
    this.#answer = null
    this.deadline = Infinity
    for (const event of ['data', 'error', 'end', 'close', 'drain']) this.#socket.removeAllListeners(event)
    this.#gone(this)
    answer?.upgraded(head, this.#socket, this.#buffer)
  }

  #onEnd(): void {
    if (this.#body?.ended() === true) this.#finish()
    else this.#fail(new Error('the server closed the connection before its answer was whole'))
    this.#socket.destroy()
  }

  #fail(error: Error): void {
    const answer = this.#answer
    this.#answer = null
    this.#socket.destroy()
    answer?.failed(error, this.#sent)
  }
}

/** Connections of one agent; none is ever another agent's. */
export class UpstreamPool {
  readonly #idle = new Map<string, { readonly connection: UpstreamConnection; readonly since: number }[]>()
  readonly #all = new Set<UpstreamConnection>()
  readonly #context: SecureContext
  #kept = 0
  #closed = false

  constructor(trusted: readonly string[] | undefined) {
    this.#context = createSecureContext(trusted === undefined ? {} : { ca: [...trusted] })
  }

  /** One that has been idle for less than `idleMs`, at once; else a new one. */
  take(origin: Origin, idleMs: number): UpstreamConnection | Promise<UpstreamConnection> {
    const key = keyOf(origin)
    const idle = this.#idle.get(key)
    const now = performance.now()
    for (let one = idle?.pop(); one !== undefined; one = idle?.pop()) {
      this.#kept--
      if (one.connection.usable && now - one.since < Math.min(idleMs, KEEP_MS)) return one.connection
      one.connection.drop()
    }
    return this.#connect(origin, key)
  }

  /** Cuts what is late and closes what nobody used. */
  sweep(now: number): void {
    for (const connection of this.#all) if (now > connection.deadline) connection.late()
    for (const [key, list] of this.#idle) {
      const kept = list.filter(({ connection, since }) => {
        if (now - since < KEEP_MS) return true
        connection.drop()
        return false
      })
      this.#kept -= list.length - kept.length
      if (kept.length === 0) this.#idle.delete(key)
      else this.#idle.set(key, kept)
    }
  }

  close(): void {
    this.#closed = true
    for (const connection of this.#all) connection.drop()
  }

  async #connect(origin: Origin, key: string): Promise<UpstreamConnection> {
    const { tls, name, address, port } = origin
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const socket = tls
      ? connectTls({
          host: address,
          port,
          servername: name,
          ALPNProtocols: ['http/1.1'],
          secureContext: this.#context,
        })
      : connectPlain({ host: address, port })
    socket.setNoDelay(true)
    const timer = setTimeout(() => reject(new Error('the server cannot be reached in time')), CONNECT_MS)
    socket.once(tls ? 'secureConnect' : 'connect', resolve)
    socket.once('error', reject)
    try {
      await promise
    } catch (error) {
      socket.on('error', () => undefined)
      socket.destroy()
      throw error
    } finally {
      clearTimeout(timer)
    }
    socket.removeListener('error', reject)
    const connection = new UpstreamConnection(
      socket,
      (free) => this.#keep(key, free),
      (gone) => void this.#all.delete(gone),
    )
    if (this.#closed) {
      connection.drop()
      throw new Error('the gateway is closing')
    }
    this.#all.add(connection)
    return connection
  }

  #keep(key: string, connection: UpstreamConnection): void {
    if (this.#closed || this.#kept >= MAX_KEPT) return connection.drop()
    const list = this.#idle.get(key)
    const entry = { connection, since: performance.now() }
    if (list === undefined) this.#idle.set(key, [entry])
    else list.push(entry)
    this.#kept++
  }
}

function keyOf({ tls, name, address, port }: Origin): string {
  return `${tls ? 's' : ''} ${name} ${address} ${port}`
}
