/** A header as it was sent; `lower` is its name in lower case. */
export interface Header {
  readonly name: string
  readonly lower: string
  readonly value: string
}

/** How the body of a message is delimited (RFC 9112, 6.3). */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' }

export interface RequestHead {
  readonly method: string
  readonly target: string
  readonly headers: readonly Header[]
  readonly framing: Framing
}

export interface ResponseHead {
  readonly status: number
  readonly reason: string
  readonly headers: readonly Header[]
  readonly framing: Framing
  /** The connection takes another request afterwards. */
  readonly persists: boolean
}

/** What is wrong with a message, for people. Such a message is never read on: its end may be elsewhere for others. */
export class MalformedMessage extends Error {}

/** Bytes of the start line and all headers. */
export const MAX_REQUEST_HEAD = 32 * 1024
export const MAX_RESPONSE_HEAD = 128 * 1024
const MAX_HEADERS = 200

const REQUEST_LINE = /^([A-Z]{1,20}) ([\x21-\x7e]{1,16384}) HTTP\/1\.1$/
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/
// No control characters, so no bare CR, LF or NUL; no space before the colon; a line that begins with a space is no header.
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}):([\t\x20-\x7e\x80-\xff]*)$/
const LENGTH = /^\d{1,15}$/
const NONE: Framing = { kind: 'none' }
const CHUNKED: Framing = { kind: 'chunked' }
const CLOSE: Framing = { kind: 'close' }

/** `head`: the bytes before the empty line, as Latin-1. Throws `MalformedMessage`. */
export function readRequestHead(head: string): RequestHead {
  const lines = head.split('\r\n')
  const start = REQUEST_LINE.exec(lines[0]!)
  if (start === null)
    throw new MalformedMessage(
      lines[0]!.endsWith(' HTTP/1.0')
        ? 'HTTP/1.0 is not spoken here'
        : 'the request line is not one of HTTP/1.1',
    )
  const headers = headersOf(lines)
  let hosts = 0
  for (const { lower } of headers) if (lower === 'host') hosts++
  if (hosts !== 1) throw new MalformedMessage(`there are ${hosts} Host headers, not one`)
  return { method: start[1]!, target: start[2]!, headers, framing: framingOf(headers) ?? NONE }
}

/** `method`: of the request that is answered. Throws `MalformedMessage`. */
export function readResponseHead(head: string, method: string): ResponseHead {
  const lines = head.split('\r\n')
  const start = STATUS_LINE.exec(lines[0]!)
  if (start === null) throw new MalformedMessage('the status line is not one of HTTP/1')
  const headers = headersOf(lines)
  const status = Number(start[2])
  const given = framingOf(headers)
  const empty = method === 'HEAD' || status === 204 || status === 304 || status < 200
  const framing = empty ? NONE : (given ?? CLOSE)
  const connection = valuesOf(headers, 'connection')
  const persists =
    framing.kind !== 'close' && start[1] === '1' && !connection.some((value) => /\bclose\b/i.test(value))
  return { status, reason: start[3] ?? '', headers, framing, persists }
}

function headersOf(lines: readonly string[]): Header[] {
  if (lines.length - 1 > MAX_HEADERS) throw new MalformedMessage(`there are more than ${MAX_HEADERS} headers`)
  const headers: Header[] = []
  for (let i = 1; i < lines.length; i++) {
    const found = HEADER_LINE.exec(lines[i]!)
    if (found === null) throw new MalformedMessage('a line is no header')
    const name = found[1]!
    headers.push({ name, lower: name.toLowerCase(), value: found[2]!.trim() })
  }
  return headers
}

/** `undefined`: nothing is said. Whatever two readers could take for two lengths is refused. */
function framingOf(headers: readonly Header[]): Framing | undefined {
  let length: number | undefined
  let chunked = false
  for (const { lower, value } of headers) {
    if (lower === 'content-length') {
      if (length !== undefined) throw new MalformedMessage('there are two Content-Length headers')
      if (!LENGTH.test(value)) throw new MalformedMessage('Content-Length is not a number')
      length = Number(value)
    } else if (lower === 'transfer-encoding') {
      if (chunked) throw new MalformedMessage('there are two Transfer-Encoding headers')
      if (value.toLowerCase() !== 'chunked') throw new MalformedMessage('Transfer-Encoding is not chunked')
      chunked = true
    }
  }
  if (chunked && length !== undefined)
    throw new MalformedMessage('there are both Content-Length and Transfer-Encoding')
  if (chunked) return CHUNKED
  if (length === undefined) return undefined
  return length === 0 ? NONE : { kind: 'length', length }
}

export function valuesOf(headers: readonly Header[], lower: string): string[] {
  return headers.filter((header) => header.lower === lower).map(({ value }) => value)
}

/** The value of a header that was sent once; `undefined` where it is missing or there are several. */
export function valueOf(headers: readonly Header[], lower: string): string | undefined {
  let found: string | undefined
  for (const header of headers) {
    if (header.lower !== lower) continue
    if (found !== undefined) return undefined
    found = header.value
  }
  return found
}

/** Belong to one connection (RFC 9110, 7.6.1) or frame the message: never passed on. */
const HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'content-length',
  'upgrade',
  'expect',
  'http2-settings',
])
/** What `Connection` may not take away: they say where a message goes, what it is and who sends it. */
const KEPT: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'cookie',
  'content-type',
  'content-encoding',
])

/** What may be passed on of a message's headers. Throws `MalformedMessage` for a `Connection` that would change its meaning. */
export function endToEnd(headers: readonly Header[]): Header[] {
  const kept: Header[] = []
  let named: Set<string> | undefined
  for (const header of headers) {
    if (!HOP.has(header.lower)) {
      kept.push(header)
      continue
    }
    if (header.lower !== 'connection' || header.value.length === 0) continue
    for (const word of header.value.toLowerCase().split(',')) {
      const name = word.trim()
      if (HOP.has(name) || name === 'close' || name === '') continue
      if (KEPT.has(name)) throw new MalformedMessage(`Connection names ${name}`)
      named ??= new Set()
      named.add(name)
    }
  }
  return named === undefined ? kept : kept.filter(({ lower }) => !named.has(lower))
}

export function writeHeaders(headers: readonly Header[]): string {
  let text = ''
  for (const { name, value } of headers) text += `${name}: ${value}\r\n`
  return text
}
