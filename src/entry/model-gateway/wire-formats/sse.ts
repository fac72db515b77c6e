import { StringDecoder } from 'node:string_decoder'
import type { StreamEvent } from './wire-format.ts'

/** One event may be so long (UTF-16 units): a final event of the Responses format repeats inline images. */
export const MAX_EVENT_LENGTH = 16 * 1024 * 1024

/**
 * Parses server-sent events (WHATWG HTML, 9.2.6) as they arrive. Chunks may end anywhere, also within a
 * character or between CR and LF. Comments, `id` and `retry` are dropped, and so is an event without data: what
 * the parser does not answer is not forwarded, so that no client reads what the gateway has not read.
 * Bytes that are no UTF-8 become U+FFFD.
 */
export class SseParser {
  readonly #maxLength: number
  readonly #decoder = new StringDecoder('utf8')
  /** Pieces of the line that has not ended. Joined once: a long line in small chunks stays linear. */
  #pieces: string[] = []
  #length = 0
  #event: string | null = null
  #data: string | null = null
  #moreData: string[] | null = null
  #skipLineFeed = false
  #started = false

  constructor(maxLength: number = MAX_EVENT_LENGTH) {
    this.#maxLength = maxLength
  }

  /** The events that these bytes complete. Throws a `RangeError` when one is longer than the limit. */
  feed(bytes: Buffer): StreamEvent[] {
    return this.#read(this.#decoder.write(bytes))
  }

  /** The event that was still open: some providers end their stream without the last empty line. */
  end(): StreamEvent[] {
    const events = this.#read(this.#decoder.end())
    if (this.#pieces.length > 0) this.#line('', events)
    this.#dispatch(events)
    return events
  }

  #read(decoded: string): StreamEvent[] {
    const events: StreamEvent[] = []
    if (decoded === '') return events
    let text = decoded
    if (!this.#started) {
      this.#started = true
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1)
    }
    let at = 0
    if (this.#skipLineFeed && text !== '') {
      this.#skipLineFeed = false
      if (text.charCodeAt(0) === LINE_FEED) at = 1
    }
    let lineFeed = text.indexOf('\n', at)
    let carriageReturn = text.indexOf('\r', at)
    while (lineFeed !== -1 || carriageReturn !== -1) {
      const end =
        carriageReturn === -1 || (lineFeed !== -1 && lineFeed < carriageReturn) ? lineFeed : carriageReturn
      this.#line(text.slice(at, end), events)
      at = end + 1
      if (end === carriageReturn) {
        if (at === text.length) this.#skipLineFeed = true
        else if (text.charCodeAt(at) === LINE_FEED) at++
        carriageReturn = text.indexOf('\r', at)
      }
      if (lineFeed !== -1 && lineFeed < at) lineFeed = text.indexOf('\n', at)
    }
    if (at < text.length) {
      const rest = at === 0 ? text : text.slice(at)
      this.#grow(rest.length)
      this.#pieces.push(rest)
    }
    return events
  }

  #line(lastPiece: string, events: StreamEvent[]): void {
    this.#grow(lastPiece.length + 1)
    let line = lastPiece
    if (this.#pieces.length > 0) {
      this.#pieces.push(lastPiece)
      line = this.#pieces.join('')
      this.#pieces = []
    }
    if (line === '') return this.#dispatch(events)
    if (line.startsWith('data:')) {
      const value = line.charCodeAt(5) === SPACE ? line.slice(6) : line.slice(5)
      if (this.#data === null) this.#data = value
      else (this.#moreData ??= []).push(value)
    } else if (line.startsWith('event:')) {
      this.#event = line.charCodeAt(6) === SPACE ? line.slice(7) : line.slice(6)
    }
  }

  #dispatch(events: StreamEvent[]): void {
    if (this.#data !== null && (this.#data !== '' || this.#moreData !== null)) {
      const data = this.#moreData === null ? this.#data : [this.#data, ...this.#moreData].join('\n')
      events.push({ event: this.#event === '' ? null : this.#event, data })
    }
    this.#event = null
    this.#data = null
    this.#moreData = null
    this.#length = 0
  }

  #grow(by: number): void {
    this.#length += by
    if (this.#length > this.#maxLength)
      throw new RangeError(`An event of the stream is longer than ${this.#maxLength} characters.`)
  }
}

/** The bytes of one event, as providers write them. */
export function writeEvent(event: StreamEvent): string {
  const data = LINE_BREAK.test(event.data) ? event.data.split(LINE_BREAK).join('\ndata: ') : event.data
  return event.event === null ? `data: ${data}\n\n` : `event: ${event.event}\ndata: ${data}\n\n`
}

const LINE_BREAK = /\r\n|\r|\n/
const LINE_FEED = 10
const SPACE = 32
