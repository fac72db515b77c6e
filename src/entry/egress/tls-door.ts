import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { JsonObject } from '../../action/json.ts'
import { BY_EGRESS, hostMatches } from '../../policy/admit-request.ts'
import type { EgressRule } from '../../policy/compile-egress.ts'
import type { EgressRefusal } from '../../policy/egress-refusals.ts'
import type { CertificateAuthority } from './certificate-authority.ts'
import { readClientHello } from './client-hello.ts'
import type { Gateway } from './gateway.ts'
import { hostName } from './host-name.ts'

const HELLO_MS = 10_000
const MAX_PEEKED = 32 * 1024
const IDLE_MS = 600_000

/**
 * Takes a connection on which TLS is due. `pinned`: the name that the agent has connected to; the handshake has to ask
 * for the same one. `accept` gets the decrypted connection.
 */
export function takeTls(
  gateway: Gateway,
  authority: CertificateAuthority,
  socket: Socket,
  ahead: Buffer,
  pinned: string | null,
  accept: (socket: Socket, host: string) => void,
): void {
  let bytes = ahead
  const timer = setTimeout(() => socket.destroy(), HELLO_MS)
  const onData = (piece: Buffer): void => {
    bytes = Buffer.concat([bytes, piece])
    look()
  }
  const look = (): void => {
    const hello = readClientHello(bytes)
    if (hello.kind === 'incomplete' && bytes.length <= MAX_PEEKED) return
    clearTimeout(timer)
    socket.removeListener('data', onData)
    socket.pause()
    const refused = refusalOf(hello, pinned)
    if (refused !== null) {
      const recorded = record(gateway, pinned ?? socket.localAddress ?? '', refused)
      void recorded.catch(gateway.onFault).finally(() => socket.destroy())
      return
    }
    const host = hostName((hello as { readonly serverName: string }).serverName)!
    const rule = gateway
      .policy()
      .agent(gateway.options.agent)
      ?.egress?.find(({ labels }) => hostMatches(labels, host))
    if (rule?.tls === 'passthrough') {
      void passThrough(gateway, socket, bytes, host, rule).catch((error: unknown) => {
        gateway.onFault(error)
        socket.destroy()
      })
      return
    }
    socket.unshift(bytes)
    const secure = new TLSSocket(socket, {
      isServer: true,
      secureContext: authority.contextFor(host),
      ALPNProtocols: ['http/1.1'],
    })
    // An agent that does not trust the authority, or gives up: its own affair.
    secure.on('error', () => socket.destroy())
    accept(secure, host)
  }
  socket.on('error', () => undefined)
  socket.on('close', () => clearTimeout(timer))
  socket.on('data', onData)
  look()
}

function refusalOf(hello: ReturnType<typeof readClientHello>, pinned: string | null): EgressRefusal | null {
  if (hello.kind !== 'hello') return 'egress:not_tls'
  if (hello.serverName === null) return 'egress:no_server_name'
  const host = hostName(hello.serverName)
  if (host === undefined) return 'egress:host'
  if (pinned === null) return 'egress:address'
  return host === pinned ? null : 'egress:host_mismatch'
}

/** There is no answer that the agent could read before a handshake. */
async function record(gateway: Gateway, host: string, refused: EgressRefusal): Promise<void> {
  gateway.counts.requests++
  gateway.counts.refused++
  const input = { via: BY_EGRESS, host, path: '', scheme: 'https', refused }
  const judged = await gateway.judge.judge('CONNECT', input, new AbortController().signal)
  if (judged.status === 'admitted')
    await gateway.options.door.report(judged.standing.id, { outcome: 'failed', error: refused, cost: 0 })
}

/** The encrypted bytes as they are: where the policy says that nobody reads them. */
async function passThrough(
  gateway: Gateway,
  socket: Socket,
  hello: Buffer,
  host: string,
  rule: EgressRule,
): Promise<void> {
  const { counts, options, judge, addresses } = gateway
  counts.requests++
  if (options.requests !== undefined && counts.requests > options.requests) {
    options.onQuota?.('requests')
    counts.refused++
    return void socket.destroy()
  }
  const left = new AbortController()
  socket.on('close', () => left.abort())
  const input: JsonObject = { via: BY_EGRESS, host, path: '', url: `https://${host}`, tls: 'passthrough' }
  const judged = await judge.judge('CONNECT', input, left.signal)
  if (judged.status === 'refused') {
    counts.refused++
    return void socket.destroy()
  }
  const { id } = judged.standing
  let sent = hello.length
  let received = 0
  try {
    const { host: name, port } = rule.upstream ?? { host, port: 443 }
    const address = await addresses.of(name, rule.private)
    const upstream = connect({ host: address, port, noDelay: true })
    const over = Promise.withResolvers<Error | null>()
    const end = (error: Error | null): void => {
      socket.destroy()
      upstream.destroy()
      over.resolve(error)
    }
    // The other side is ended, not destroyed: what it was sent last may still be on its way.
    const ended = (other: Socket) => (): void => {
      other.end()
      over.resolve(null)
    }
    socket.on('close', ended(upstream))
    upstream.on('close', ended(socket))
    for (const one of [socket, upstream]) one.on('error', end).setTimeout(IDLE_MS, () => end(null))
    upstream.write(hello)
    socket.on('data', (piece: Buffer) => {
      sent += piece.length
      counts.bytesOut += piece.length
      if (!upstream.write(piece)) socket.pause()
    })
    upstream.on('data', (piece: Buffer) => {
      received += piece.length
      counts.bytesIn += piece.length
      if (!socket.write(piece)) upstream.pause()
    })
    upstream.on('drain', () => socket.resume())
    socket.on('drain', () => upstream.resume())
    socket.resume()
    if (socket.destroyed) end(null)
    const error = await over.promise
    const result = { sent_bytes: sent, bytes: received }
    await options.door.report(
      id,
      received === 0 && error !== null
        ? { outcome: 'failed', error: error.message, result }
        : { outcome: 'succeeded', result },
    )
  } catch (error) {
    socket.destroy()
    await options.door.report(id, { outcome: 'failed', error: (error as Error).message, cost: 0 })
  }
}
