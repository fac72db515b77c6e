import { type Framing, MalformedMessage } from './head.ts'

const LF = 10
const CR = 13
const CHUNK_SIZE = /^[0-9a-fA-F]{1,12}$/
const MAX_LINE = 256
const MAX_TRAILERS = 8 * 1024
const TRAILER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}:[\t\x20-\x7e\x80-\xff]*$/

/**
 * Takes the bytes of one body as they come and gives its content. Trailers are read and dropped. Strict (RFC 9112, 7.1):
 * CRLF alone ends a line; extensions of chunks are refused where they come from an agent.
 */
export class BodyReader {
  readonly #framing: Framing
  readonly #extensions: boolean
  /** Of the body, or of the current chunk. */
  #left: number
  #state: 'size' | 'data' | 'end' | 'trailers' | 'done'
  #line = ''
  #trailers = 0
  /** Bytes of content so far. */
  received = 0

  constructor(framing: Framing, { extensions }: { readonly extensions: boolean }) {
    this.#framing = framing
    this.#extensions = extensions
    this.#left = framing.kind === 'length' ? framing.length : framing.kind === 'close' ? Infinity : 0
    this.#state = framing.kind === 'none' ? 'done' : framing.kind === 'chunked' ? 'size' : 'data'
  }

  get done(): boolean {
    return this.#state === 'done'
  }

  /** How many of the bytes belong to the body; the rest is the next message. Throws `MalformedMessage`. */
  read(bytes: Buffer, onData: (content: Buffer) => void): number {
    let at = 0
    while (at < bytes.length && this.#state !== 'done') {
      if (this.#state === 'data') at += this.#data(bytes, at, onData)
      else {
        const line = this.#takeLine(bytes, at)
        if (line === undefined) return bytes.length
        at = line.next
        this.#onLine(line.text)
      }
    }
    return at
  }

  /** The connection has ended: `true` if that ends the body. */
  ended(): boolean {
    if (this.#framing.kind === 'close') this.#state = 'done'
    return this.done
  }

  #data(bytes: Buffer, at: number, onData: (content: Buffer) => void): number {
    const size = Math.min(this.#left, bytes.length - at)
    this.#left -= size
    this.received += size
    if (this.#left === 0) this.#state = this.#framing.kind === 'chunked' ? 'end' : 'done'
    onData(at === 0 && size === bytes.length ? bytes : bytes.subarray(at, at + size))
    return size
  }

  #takeLine(bytes: Buffer, at: number): { readonly text: string; readonly next: number } | undefined {
    const end = bytes.indexOf(LF, at)
    const upTo = end === -1 ? bytes.length : end
    if (this.#line.length + upTo - at > (this.#state === 'trailers' ? MAX_TRAILERS : MAX_LINE))
      throw new MalformedMessage('a line of the chunked body is too long')
    const text = this.#line + bytes.toString('latin1', at, upTo)
    if (end === -1) {
      this.#line = text
      return undefined
    }
    this.#line = ''
    if (text.charCodeAt(text.length - 1) !== CR)
      throw new MalformedMessage('a line of the chunked body does not end with CRLF')
    return { text: text.slice(0, -1), next: end + 1 }
  }

  #onLine(line: string): void {
    switch (this.#state) {
      case 'size': {
        const semicolon = this.#extensions ? line.indexOf(';') : -1
        const size = (semicolon === -1 ? line : line.slice(0, semicolon)).replace(/[\t ]+$/, '')
        if (!CHUNK_SIZE.test(semicolon === -1 ? line : size))
          throw new MalformedMessage('the size of a chunk is no number')
        this.#left = Number.parseInt(size, 16)
        this.#state = this.#left === 0 ? 'trailers' : 'data'
        return
      }
      case 'end':
        if (line !== '') throw new MalformedMessage('a chunk is longer than it says')
        this.#state = 'size'
        return
      case 'trailers':
        if (line === '') {
          this.#state = 'done'
          return
        }
        this.#trailers += line.length
        if (this.#trailers > MAX_TRAILERS || !TRAILER.test(line))
          throw new MalformedMessage('the trailers cannot be read')
        return
      case 'data':
      case 'done':
        throw new MalformedMessage('a line where none is due')
    }
  }
}

/** A piece of a chunked body; nothing for no bytes, which would end it. */
export function chunkOf(content: Buffer): Buffer {
  const head = Buffer.from(`${content.length.toString(16)}\r\n`, 'latin1')
  return Buffer.concat([head, content, CRLF])
}

const CRLF = Buffer.from('\r\n')
export const LAST_CHUNK = Buffer.from('0\r\n\r\n')
