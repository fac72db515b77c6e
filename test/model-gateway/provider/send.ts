import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { distort } from './distort.ts'
import type { Answer, Fault, FaultName, Gate, Heard, Piece, Said, Speech } from './script.ts'

/** One answer on its way. */
export interface Sending {
  readonly response: ServerResponse
  /** Settles when the client has left or the socket is gone. */
  readonly left: Promise<unknown>
  readonly speech: Speech
  readonly heard: Heard
  readonly said: Said
  readonly answer: Answer
  readonly fault: Fault | undefined
  readonly headers: Record<string, string>
  /** The share of the answer that was produced, 0 … 1; deltas so far. */
  produced(share: number, deltas: number): void
}

export type End = 'answered' | 'broken'

/** Thrown to stop sending to a client that has left. */
export class Left extends Error {}

export async function send(sending: Sending): Promise<End> {
  const { answer, heard, fault } = sending
  if (answer.head) await until(answer.head, sending)
  const status = refusalOf(fault?.name, sending.speech)
  if (status !== undefined) return refuse(sending, status)
  if (fault?.name === 'timeout') {
    // It works on the answer all the same.
    sending.produced(heard.stream ? 0 : 1, 0)
    await until(fault.gate ?? NEVER, sending)
  }
  if (fault?.name === 'reset_peer') {
    if (!heard.stream) sending.produced(1, 0)
    sending.response.socket?.resetAndDestroy()
    return 'broken'
  }
  return heard.stream ? sendStream(sending) : sendWhole(sending)
}

const NEVER = new Promise<never>(() => undefined)

function refusalOf(fault: FaultName | undefined, speech: Speech): number | undefined {
  if (fault === 'rate_limit') return 429
  if (fault === 'server_error') return 500
  if (fault === 'overloaded') return speech.overloaded
  if (fault === 'bad_request') return 400
  return fault === 'redirect' ? 307 : undefined
}

function refuse({ response, speech, headers, fault }: Sending, status: number): End {
  if (status === 307) {
    response.writeHead(307, { ...headers, location: '/elsewhere' }).end()
    return 'answered'
  }
  const retry = status === 429 ? { 'retry-after': String(fault?.retryAfter ?? 1) } : {}
  const body = speech.failure(status, SENTENCES[status] ?? 'Overloaded', headers['x-scripted-id'] ?? '')
  response.writeHead(status, { ...headers, ...retry, 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
  return 'answered'
}

const SENTENCES: Readonly<Record<number, string>> = {
  400: 'The request is not valid.',
  429: 'Rate limit reached.',
  500: 'The server had an error.',
}

async function sendWhole(sending: Sending): Promise<End> {
  const { response, headers, fault, answer } = sending
  sending.produced(1, 0)
  if (answer.end) await until(answer.end, sending)
  const head = { ...headers, 'content-type': 'application/json' }
  const body = wholeBody(sending)
  const name = fault?.name
  if (name === 'gzip') Object.assign(head, { 'content-encoding': 'gzip' })
  if (name === undefined || !PIECEMEAL.has(name)) {
    response.writeHead(200, { ...head, 'content-length': body.length }).end(body)
    return 'answered'
  }
  response.writeHead(200, head)
  response.flushHeaders()
  if (name === 'truncated_stream') {
    // No length was told, so that the cut body ends cleanly.
    await write(sending, body.subarray(0, body.length / 2))
    response.end()
    return 'broken'
  }
  if (name === 'endless') return flood(sending)
  if (BREAKS.has(name)) return breakOff(sending, body)
  if (name === 'slow_sse') await until(fault?.gate ?? NEVER, sending)
  await write(sending, body)
  response.end()
  return 'answered'
}

const PIECEMEAL: ReadonlySet<FaultName> = new Set([
  'truncated_stream',
  'reset_mid_stream',
  'limit_data',
  'half_closed',
  'broken_chunking',
  'slow_sse',
  'endless',
  'slicer',
  'bandwidth',
])

function wholeBody({ speech, said, heard, fault }: Sending): Buffer {
  const name = fault?.name
  if (name === 'empty') return Buffer.alloc(0)
  // Some vendors say 200 and then that it failed.
  const data = name === 'error_event' ? speech.failure(500, 'The server had an error.', said.id) : undefined
  const body = Buffer.from(JSON.stringify(data ?? distort(speech.whole(said, heard), name)))
  if (name === 'malformed_json') return Buffer.concat([body.subarray(0, -1), Buffer.from(',"x":')])
  return name === 'gzip' ? gzipSync(body) : body
}

async function sendStream(sending: Sending): Promise<End> {
  const { response, speech, said, heard, headers, fault, answer } = sending
  const head = { ...headers, 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' }
  sending.produced(0, 0)
  if (fault?.name === 'gzip') Object.assign(head, { 'content-encoding': 'gzip' })
  response.writeHead(200, head)
  response.flushHeaders()
  const pieces = speech.pieces(said, heard)
  if (fault?.name === 'empty') {
    response.end()
    return 'broken'
  }
  if (fault?.name === 'gzip') {
    sending.produced(1, 0)
    response.end(gzipSync(pieces.map(lines).join('')))
    return 'answered'
  }
  const total = pieces.filter(({ delta }) => delta).length
  const breaks = fault !== undefined && BREAKS.has(fault.name)
  let deltas = 0
  let ending = false
  for (const piece of pieces) {
    const data = piece.data === '[DONE]' ? piece.data : distort(piece.data, fault?.name)
    if (breaks && (deltas >= (fault?.after ?? 1) || piece.last)) return breakStream(sending, piece)
    if (piece.last && fault?.name === 'truncated_stream') break
    if (piece.delta && fault?.name === 'slow_sse' && deltas === (fault.after ?? 1))
      await until(fault.gate ?? NEVER, sending)
    if (piece.delta && answer.gates?.[deltas]) await until(answer.gates[deltas]!, sending)
    if (piece.last && !ending) {
      ending = true
      if (answer.end) await until(answer.end, sending)
    }
    if (piece.delta) deltas++
    sending.produced(piece.last ? 1 : deltas / total, deltas)
    await write(sending, Buffer.from(lines({ ...piece, data })))
  }
  response.end()
  return fault?.name === 'truncated_stream' ? 'broken' : 'answered'
}

const BREAKS: ReadonlySet<FaultName> = new Set([
  'reset_mid_stream',
  'limit_data',
  'half_closed',
  'broken_chunking',
  'malformed_json',
  'error_event',
  'endless',
])

async function breakStream(sending: Sending, next: Piece): Promise<End> {
  const { response, speech, heard, fault } = sending
  if (fault?.name === 'error_event') {
    await write(sending, Buffer.from(lines(speech.failurePiece(heard))))
    response.end()
    return 'broken'
  }
  if (fault?.name === 'endless') return flood(sending)
  if (fault?.name === 'malformed_json') {
    await write(sending, Buffer.from(lines(next).replace(/.\n\n$/, ',"\n\n')))
    response.end()
    return 'broken'
  }
  return breakOff(sending, Buffer.from(lines(next)))
}

/** One event, or one body, that goes on until the client leaves. */
async function flood(sending: Sending): Promise<never> {
  const more = Buffer.alloc(65_536, 'x')
  await write(sending, Buffer.from(sending.heard.stream ? 'data: {"x":"' : '{"x":"'))
  for (;;) await write(sending, more)
}

/** Part of the body, then the connection ends in the way of the fault. */
async function breakOff(sending: Sending, body: Buffer): Promise<End> {
  const { response, fault } = sending
  const { socket } = response
  await write(sending, body.subarray(0, fault?.bytes ?? Math.floor(body.length / 2)))
  if (fault?.name === 'reset_mid_stream') socket?.resetAndDestroy()
  else if (fault?.name === 'limit_data') socket?.destroy()
  else if (fault?.name === 'half_closed') socket?.end()
  else socket?.end('no chunk\r\nat all\r\n')
  return 'broken'
}

function lines({ event, data }: Piece): string {
  return `${event === null ? '' : `event: ${event}\n`}data: ${data === '[DONE]' ? data : JSON.stringify(data)}\n\n`
}

async function write(sending: Sending, bytes: Buffer): Promise<void> {
  const size = SIZES[sending.fault?.name ?? ''] ?? bytes.length
  for (let at = 0; at < bytes.length; at += size) {
    const flushed = Promise.withResolvers<void>()
    sending.response.write(bytes.subarray(at, at + size), () => flushed.resolve())
    // A client that has left is noticed between two writes.
    await until(Promise.all([flushed.promise, new Promise((resolve) => void setImmediate(resolve))]), sending)
  }
}

const SIZES: Readonly<Record<string, number>> = { slicer: 1, bandwidth: 13 }

async function until(gate: Gate, { left }: Sending): Promise<void> {
  const gone = Symbol('gone')
  const opened = typeof gate === 'function' ? gate() : gate
  if ((await Promise.race([opened, left.then(() => gone)])) === gone) throw new Left()
}
