import { hostName } from './host-name.ts'
import type { NamePins } from './name-pins.ts'

const A = 1
const ANY_CLASS = 255
const IN = 1
const TTL_SECONDS = 60
const HEADER = 12
const NO_ERROR = 0
const FORMAT_ERROR = 1
const SERVER_FAILURE = 2
const NO_SUCH_NAME = 3
const NOT_IMPLEMENTED = 4
const REFUSED = 5

/**
 * The answer to one DNS query (RFC 1035), made up here: an address of `pins` for every name, nothing for other types than
 * A. No query is ever sent on, so that none can carry anything out. `null`: not worth an answer.
 */
export function answerName(query: Buffer, pins: NamePins): Buffer | null {
  if (query.length < HEADER || query.length > 1_024) return null
  const flags = query.readUInt16BE(2)
  if ((flags & 0x8000) !== 0) return null
  if ((flags & 0x7800) !== 0) return head(query, NOT_IMPLEMENTED)
  if (query.readUInt16BE(4) !== 1) return head(query, FORMAT_ERROR)
  const question = questionOf(query)
  if (question === undefined) return head(query, FORMAT_ERROR)
  const { labels, type, cls, end } = question
  if (cls !== IN && cls !== ANY_CLASS) return head(query, REFUSED)
  const name = hostName(labels.join('.'))
  if (name === undefined) return head(query, NO_SUCH_NAME, query.subarray(HEADER, end))
  if (type !== A) return head(query, NO_ERROR, query.subarray(HEADER, end))
  const address = pins.addressOf(name)
  if (address === undefined) return head(query, SERVER_FAILURE, query.subarray(HEADER, end))
  const answer = Buffer.alloc(16)
  answer.writeUInt16BE(0xc000 | HEADER, 0)
  answer.writeUInt16BE(A, 2)
  answer.writeUInt16BE(IN, 4)
  answer.writeUInt32BE(TTL_SECONDS, 6)
  answer.writeUInt16BE(4, 10)
  for (const [i, part] of address.split('.').entries()) answer[12 + i] = Number(part)
  return head(query, NO_ERROR, query.subarray(HEADER, end), answer)
}

function questionOf(
  query: Buffer,
):
  | { readonly labels: string[]; readonly type: number; readonly cls: number; readonly end: number }
  | undefined {
  const labels: string[] = []
  let at = HEADER
  for (;;) {
    const length = query[at]
    // A question has no earlier name that it could point to.
    if (length === undefined || length > 63) return undefined
    at++
    if (length === 0) break
    if (at + length > query.length || labels.length > 127) return undefined
    const label = query.toString('latin1', at, at + length)
    // A dot inside a label would make another name of it.
    if (label.includes('.')) return undefined
    labels.push(label)
    at += length
  }
  if (at + 4 > query.length) return undefined
  return { labels, type: query.readUInt16BE(at), cls: query.readUInt16BE(at + 2), end: at + 4 }
}

function head(query: Buffer, code: number, question?: Buffer, answer?: Buffer): Buffer {
  const bytes = Buffer.alloc(HEADER)
  query.copy(bytes, 0, 0, 2)
  const recursionDesired = query.readUInt16BE(2) & 0x0100
  bytes.writeUInt16BE(0x8080 | recursionDesired | code, 2)
  bytes.writeUInt16BE(question === undefined ? 0 : 1, 4)
  bytes.writeUInt16BE(answer === undefined ? 0 : 1, 6)
  return Buffer.concat([bytes, question ?? Buffer.alloc(0), answer ?? Buffer.alloc(0)])
}
