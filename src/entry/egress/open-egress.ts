import type { Server, Socket } from 'node:net'
import type { HandedSockets } from '../../flow/contain/sandbox/provider.ts'
import { Addresses } from '../../flow/contain/addresses.ts'
import { AgentConnection, type Place } from './agent-connection.ts'
import { answerName } from './answer-name.ts'
import { openCertificateAuthority } from './certificate-authority.ts'
import type { Egress, EgressOptions } from './egress.ts'
import type { Gateway } from './gateway.ts'
import { RequestJudge } from './judge-request.ts'
import { NamePins } from './name-pins.ts'
import { Secrets } from './secrets.ts'
import { refuseMalformed, serveRequest } from './serve-request.ts'
import { takeTls } from './tls-door.ts'
import { UpstreamPool } from './upstream.ts'

/** Where the sandbox shows the authorities that its programs trust; most look there or heed one of the variables. */
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt'
const AUTHORITY_VARIABLES = [
  'SSL_CERT_FILE',
  'NODE_EXTRA_CA_CERTS',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'AWS_CA_BUNDLE',
  'PIP_CERT',
  'CARGO_HTTP_CAINFO',
  'DENO_CERT',
]
/** Connections of one agent at a time. */
const MAX_CONNECTIONS = 512
const SWEEP_MS = 1_000

/**
 * Opens the way out of one agent's sandbox. Whatever arrives at its sockets is this agent's; every request is an action
 * `http.{METHOD}` of the pipeline, or a model call at the model gateway. Throws `egress:secret_missing`.
 */
export async function openEgress(options: EgressOptions): Promise<Egress> {
  const { agent, policies } = options
  const onFault = options.onFault ?? (() => undefined)
  const quotasTold = new Set<string>()
  const onQuota = (cause: 'requests' | 'budget'): void => {
    if (quotasTold.has(cause)) return
    quotasTold.add(cause)
    options.onQuota?.(cause)
  }
  const secrets = new Secrets(policies.current().secrets, agent, options.env ?? process.env)
  const authority = openCertificateAuthority(options.data)
  const pins = new NamePins()
  const connections = new Map<Socket, AgentConnection | null>()
  const own = { ...options, onQuota, onFault }
  const gateway: Gateway = {
    options: own,
    policy: () => policies.current(),
    judge: new RequestJudge(own),
    secrets,
    addresses: new Addresses(options.resolve),
    pool: new UpstreamPool(options.trusted),
    counts: { requests: 0, refused: 0, bytesOut: 0, bytesIn: 0, nameQueries: 0 },
    underWay: new Set(),
    secure,
    onFault,
  }
  const servers: Server[] = []
  let dns: HandedSockets['dns'] | null = null
  let closed = false

  function admit(socket: Socket): boolean {
    if (closed || connections.size >= MAX_CONNECTIONS) {
      socket.destroy()
      return false
    }
    socket.setNoDelay(true)
    connections.set(socket, null)
    socket.on('close', () => connections.delete(socket))
    return true
  }

  function serve(socket: Socket, place: Place): void {
    const connection = new AgentConnection(
      socket,
      place,
      (from, head) => untilEnded(serveRequest(gateway, from, head)),
      (from, error) => void refuseMalformed(gateway, from, error),
    )
    connections.set(socket, connection)
    socket.on('close', () => connections.delete(socket))
    socket.resume()
  }

  /** What is judged when the gateway closes still says what became of it. */
  function untilEnded(work: Promise<void>): Promise<void> {
    const ended = (): void => void gateway.underWay.delete(work)
    gateway.underWay.add(work)
    work.then(ended, ended)
    return work
  }

  function secure(socket: Socket, ahead: Buffer, pinned: string | null): void {
    const address = socket.localAddress ?? ''
    takeTls(gateway, authority, socket, ahead, pinned, (decrypted, host) =>
      serve(decrypted, { scheme: 'https', pinned: host, proxy: false, address }),
    )
  }

  const sweeper = setInterval(() => {
    const now = performance.now()
    for (const [socket, connection] of connections)
      if (connection !== null && now > connection.deadline) socket.destroy()
    gateway.pool.sweep(now)
  }, SWEEP_MS).unref()

  return {
    handover({ http, https, proxy, dns: names }) {
      servers.push(http, https, proxy)
      dns = names
      http.on('connection', (socket) => {
        if (!admit(socket)) return
        const address = socket.localAddress ?? ''
        serve(socket, { scheme: 'http', pinned: pins.nameAt(address) ?? null, proxy: false, address })
      })
      proxy.on('connection', (socket) => {
        if (admit(socket))
          serve(socket, { scheme: 'http', pinned: null, proxy: true, address: socket.localAddress ?? '' })
      })
      https.on('connection', (socket) => {
        if (admit(socket)) secure(socket, Buffer.alloc(0), pins.nameAt(socket.localAddress) ?? null)
      })
      names.on('message', (query, from) => {
        gateway.counts.nameQueries++
        const answer = answerName(query, pins)
        if (answer !== null) names.send(answer, from.port, from.address, () => undefined)
      })
      for (const each of [http, https, proxy, names]) each.on('error', onFault)
    },
    ca: authority.certificate,
    env: {
      ...Object.fromEntries(AUTHORITY_VARIABLES.map((name) => [name, AUTHORITIES])),
      ...secrets.env,
    },
    counts: () => ({ ...gateway.counts }),
    async close() {
      if (closed) return
      closed = true
      clearInterval(sweeper)
      for (const server of servers) server.close()
      dns?.close()
      for (const socket of connections.keys()) socket.destroy()
      gateway.pool.close()
      // What destroying has set off reports in the next turns.
      await new Promise((resolve) => setImmediate(resolve))
      while (gateway.underWay.size > 0) await Promise.allSettled(gateway.underWay)
    },
  }
}
