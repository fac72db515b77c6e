import type { EgressRule } from '../../policy/compile-egress.ts'
import { EGRESS_REFUSALS } from '../../policy/egress-refusals.ts'
import { NotReachable } from '../../flow/contain/addresses.ts'
import { AgentGone, type AgentConnection } from './agent-connection.ts'
import { Exchange, type ExchangeOptions } from './exchange.ts'
import type { Gateway } from './gateway.ts'
import { chunkOf, LAST_CHUNK } from './http1/body-reader.ts'
import { MalformedMessage, writeHeaders, type Header } from './http1/head.ts'
import type { Target } from './target.ts'
import type { Origin, UpstreamConnection } from './upstream.ts'

/** What must not be sent twice takes no connection that the server may be about to close. */
const UNSAFE_IDLE_MS = 1_000
/** May be sent a second time when a connection that was kept turns out to be closed. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** A request on its way out. */
export interface Outgoing {
  readonly method: string
  readonly target: Target
  readonly headers: readonly Header[]
  /** What was read of the body so far. */
  readonly body: Buffer
  /** Whether that is all of it. */
  readonly whole: boolean
  /** Of a body that is sent on as it comes; `null`: not known before its end. */
  readonly length: number | null
  readonly upgrade: boolean
}

export type Sending = Pick<ExchangeOptions, 'action' | 'judged' | 'scrubber' | 'onRefused'> & {
  /** Until the first byte of the answer, ms. */
  readonly limit: number
  readonly watch?: ReturnType<Gateway['secrets']['watch']>
}

export type Whereto = Origin | { readonly rule: EgressRule | undefined; readonly target: Target }

/** Sends what was admitted and passes the answer on; ends when the agent has it, or never will. Never rejects. */
export async function sendRequest(
  gateway: Gateway,
  connection: AgentConnection,
  outgoing: Outgoing,
  to: Whereto,
  sending: Sending,
): Promise<void> {
  const { method, upgrade, whole } = outgoing
  const exchange = new Exchange(gateway, connection, { ...sending, method, upgrade })
  connection.left.addEventListener('abort', exchange.stop, { once: true })
  connection.socket.on('drain', exchange.resume)
  try {
    if (connection.left.aborted) return exchange.stop()
    await dispatch(gateway, connection, outgoing, to, sending, exchange)
    if (!whole && !exchange.over) await stream(gateway, connection, outgoing, sending, exchange)
    await exchange.ended
  } catch (error) {
    if (error instanceof NotReachable)
      exchange.refusedToSend(
        `egress:${error.kind}_address`,
        `${error.message}.`,
        error.kind === 'private' ? 403 : 502,
      )
    else if (error instanceof AgentGone) exchange.stop()
    else if (error instanceof MalformedMessage)
      exchange.refusedToSend(
        'egress:malformed',
        `The rest of the body is malformed: ${error.message}.`,
        400,
        true,
      )
    else exchange.failed(error as Error, streams.has(exchange))
  } finally {
    connection.left.removeEventListener('abort', exchange.stop)
    connection.socket.removeListener('drain', exchange.resume)
  }
}

const streams = new WeakMap<Exchange, UpstreamConnection>()

async function dispatch(
  { addresses, pool, counts }: Gateway,
  connection: AgentConnection,
  outgoing: Outgoing,
  to: Whereto,
  { limit }: Sending,
  exchange: Exchange,
): Promise<void> {
  const { method, whole, body: bytes } = outgoing
  let origin: Origin
  if ('rule' in to) {
    const { host, scheme } = to.target
    const {
      tls,
      host: name,
      port,
    } = to.rule?.upstream ?? {
      tls: scheme === 'https',
      host,
      port: scheme === 'https' ? 443 : 80,
    }
    const found = addresses.of(name, to.rule?.private ?? false)
    origin = { tls, name, address: found instanceof Promise ? await found : found, port }
  } else origin = to
  const text = headOf(outgoing)
  connection.waiting()
  const safe = SAFE.has(method) && whole
  let reused = false
  const attempt = async (idleMs: number): Promise<void> => {
    const taken = pool.take(origin, idleMs)
    reused = !(taken instanceof Promise)
    const upstream = taken instanceof Promise ? await taken : taken
    if (exchange.over) return upstream.drop()
    exchange.through(upstream)
    if (!whole) streams.set(exchange, upstream)
    counts.bytesOut += text.length + bytes.length
    upstream.request(text, method, whole ? bytes : null, limit, exchange)
    if (!whole) upstream.write(pieceOf(outgoing, bytes))
  }
  if (safe)
    exchange.retry = () => {
      if (!reused) return false
      attempt(0).catch((error: unknown) => exchange.failed(error as Error, false))
      return true
    }
  await attempt(safe ? Infinity : UNSAFE_IDLE_MS)
}

/** The rest of a body that is too large to be read first. */
async function stream(
  { counts }: Gateway,
  connection: AgentConnection,
  outgoing: Outgoing,
  { watch }: Sending,
  exchange: Exchange,
): Promise<void> {
  const upstream = streams.get(exchange)!
  upstream.onDrain(() => connection.resume())
  await connection.pipe((piece) => {
    if (exchange.over) return true
    if (watch?.seen(piece) !== undefined) {
      exchange.refusedToSend('egress:secret_misplaced', EGRESS_REFUSALS['egress:secret_misplaced'], 403, true)
      return true
    }
    counts.bytesOut += piece.length
    return upstream.write(pieceOf(outgoing, piece))
  })
  if (exchange.over) return
  if (outgoing.length === null) upstream.write(LAST_CHUNK)
  upstream.bodyDone()
}

function headOf({ method, target, headers, body: bytes, whole, length, upgrade }: Outgoing): string {
  let text = `${method} ${target.path} HTTP/1.1\r\nHost: ${target.host}\r\n${writeHeaders(headers)}`
  if (!whole) text += length === null ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${length}\r\n`
  else if (bytes.length > 0 || !SAFE.has(method)) text += `Content-Length: ${bytes.length}\r\n`
  if (upgrade) text += 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
  return `${text}\r\n`
}

function pieceOf({ length }: Outgoing, piece: Buffer): Buffer {
  return length === null ? chunkOf(piece) : piece
}
