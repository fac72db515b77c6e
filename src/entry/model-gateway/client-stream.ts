import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

export interface ClientStreamOptions {
  /** The client left, or was cut for reading too slowly, before the answer was whole. Called once at most. */
  readonly onGone?: (why: 'left' | 'slow') => void
  /** There is room again after a `write` that answered `false`. */
  readonly onDrain?: () => void
  /** How long the client may leave the buffer full, ms. Default 60 s. */
  readonly slowReader?: number
}

/** What a slow reader must take within its bound: larger answers are written in pieces, so that its progress shows. */
const PIECE = 262_144
const SLOW_READER_MS = 60_000
/** How long a body that nobody will read is drained after its refusal, so that the client gets to read the answer. */
const LINGER_MS = 500

/** The way back to one client: either a whole answer, or head, pieces and end. */
export class ClientStream {
  readonly #response: ServerResponse
  readonly #options: ClientStreamOptions
  #timer: NodeJS.Timeout | null = null
  #rest: Buffer | null = null
  #state: 'open' | 'ended' | 'gone' = 'open'

  constructor(response: ServerResponse, options: ClientStreamOptions = {}) {
    this.#response = response
    this.#options = options
    response.on('close', () => {
      this.#clearTimer()
      if (!response.writableFinished) this.#leave('left')
    })
    response.on('drain', () => {
      this.#clearTimer()
      if (this.#rest !== null) this.#writeRest(this.#rest)
      else if (this.#state === 'open') this.#options.onDrain?.()
    })
    // Nothing can be done about an answer that cannot be sent; `close` follows.
    response.on('error', () => undefined)
  }

  get gone(): boolean {
    return this.#state === 'gone'
  }

  /** It has been ended or broken, or the client is gone. */
  get over(): boolean {
    return this.#state !== 'open'
  }

  /** Whether anything of an answer has been promised: after that only the stream itself can carry an error. */
  get begun(): boolean {
    return this.#response.headersSent
  }

  /**
   * A whole answer in one write. When the request has not arrived whole the connection is closed after it, a little
   * later, so that a client that is still sending gets to read it.
   */
  whole(status: number, headers: OutgoingHttpHeaders, body: Buffer | string): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    const response = this.#response
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
    const { req: request } = response
    if (request.complete || !announcesBody(request.headers)) {
      response.writeHead(status, { ...headers, 'content-length': length })
      if (length > PIECE) this.#writeRest(typeof body === 'string' ? Buffer.from(body) : body)
      else response.end(body)
    } else {
      response.writeHead(status, { ...headers, 'content-length': length, connection: 'close' })
      response.write(body)
      const end = (): void => {
        clearTimeout(timer)
        response.end()
      }
      const timer = setTimeout(end, LINGER_MS)
      request.once('end', end).once('close', end).once('error', end).resume()
    }
    if (response.writableLength > 0) this.#watch()
  }

  /** The head of a streamed answer. It leaves together with the first piece, or by `flush`. */
  open(status: number, headers: OutgoingHttpHeaders): void {
    if (this.#state === 'open') this.#response.writeHead(status, headers)
  }

  flush(): void {
    if (this.#state === 'open') this.#response.flushHeaders()
  }

  /** Answers `false` when nothing more should be written until `onDrain`. */
  write(bytes: Buffer | string): boolean {
    if (this.#state !== 'open') return true
    if (this.#writePiece(bytes)) return true
    this.#watch()
    return false
  }

  /** A text as one chunk (RFC 9112 §7.1) in one piece: node writes the four parts of a chunk one by one. */
  #writePiece(bytes: Buffer | string): boolean {
    const response = this.#response
    if (typeof bytes !== 'string' || bytes === '' || !response.chunkedEncoding) return response.write(bytes)
    const length = Buffer.byteLength(bytes)
    response.chunkedEncoding = false
    try {
      const isAscii = length === bytes.length
      return response.write(`${length.toString(16)}\r\n${bytes}\r\n`, isAscii ? 'latin1' : 'utf8')
    } finally {
      response.chunkedEncoding = true
    }
  }

  end(bytes?: Buffer | string): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    if (bytes === undefined) this.#response.end()
    else this.#response.end(bytes)
    if (this.#response.writableLength > 0) this.#watch()
  }

  /** Breaks the connection, so that the client cannot take what it has for a whole answer. */
  break(): void {
    if (this.#state === 'gone') return
    this.#state = 'gone'
    this.#rest = null
    this.#clearTimer()
    this.#response.destroy()
  }

  #writeRest(bytes: Buffer): void {
    let rest = bytes
    while (rest.length > PIECE) {
      const goesOn = this.#response.write(rest.subarray(0, PIECE))
      rest = rest.subarray(PIECE)
      if (goesOn) continue
      this.#rest = rest
      this.#watch()
      return
    }
    this.#rest = null
    this.#response.end(rest)
    if (this.#response.writableLength > 0) this.#watch()
  }

  #watch(): void {
    this.#timer ??= setTimeout(() => {
      this.#leave('slow')
      this.#response.destroy()
    }, this.#options.slowReader ?? SLOW_READER_MS)
  }

  #leave(why: 'left' | 'slow'): void {
    if (this.#state === 'gone') return
    this.#state = 'gone'
    this.#rest = null
    this.#clearTimer()
    this.#options.onGone?.(why)
  }

  #clearTimer(): void {
    if (this.#timer === null) return
    clearTimeout(this.#timer)
    this.#timer = null
  }
}

function announcesBody(headers: {
  readonly 'transfer-encoding'?: string | undefined
  readonly 'content-length'?: string | undefined
}): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
