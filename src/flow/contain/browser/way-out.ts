import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type Server, type Socket } from 'node:net'
import type { HostRule } from '../../../policy/compile-browser.ts'
import { Addresses, NotReachable, type Resolve } from '../addresses.ts'
import type { HandedSockets, NetworkHandover } from '../sandbox/provider.ts'
import { isNear, mayReach } from './allowed-hosts.ts'

const CONNECT_MS = 20_000
const IDLE_MS = 300_000
const MAX_CONNECTIONS = 512
const HOP_BY_HOP = ['proxy-connection', 'proxy-authorization', 'connection', 'keep-alive', 'te', 'upgrade']

/**
 * The whole network of a sandboxed browser: an HTTP proxy that leads to the hosts of the account and nowhere else, by
 * host and port, whoever in the browser asks. A name that leads to this machine or a private network leads nowhere,
 * unless the account may go near by name. TLS is not opened: what is in it is for the page and its server.
 */
export function wayOut(account: Reach, resolve?: Resolve): NetworkHandover {
  const way = { account, addresses: new Addresses(resolve) }
  return ({ https, http, proxy, dns }: HandedSockets) => {
    // Chromium is told of the proxy; what goes past it is nobody's.
    https.close()
    http.close()
    dns.close()
    serveProxy(proxy, way)
  }
}

/** Of a `BrowserRule`. */
export interface Reach {
  readonly allow: readonly HostRule[]
  readonly private: boolean
}

interface Way {
  readonly account: Reach
  readonly addresses: Addresses
}

/** The address to connect to. Throws `NotReachable`. */
async function addressOf({ account, addresses }: Way, url: URL): Promise<string> {
  return addresses.of(bare(url.hostname), account.private || isNear(account.allow, url))
}

function serveProxy(listener: Server, way: Way): void {
  const server = createServer(
    { headersTimeout: 10_000 },
    (request, response) => void forward(way, request, response),
  )
  server.on('connect', (request, socket, head) => void tunnel(way, request, socket as Socket, head))
  listener.maxConnections = MAX_CONNECTIONS
  listener.on('connection', (socket: Socket) => {
    socket.setTimeout(IDLE_MS, () => socket.destroy())
    server.emit('connection', socket)
  })
}

/** `CONNECT host:port`: also what WebSockets come as. */
async function tunnel(way: Way, request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
  const url = URL.parse(`https://${request.url ?? ''}/`)
  const port = url === null ? 0 : Number(/:(\d{1,5})$/.exec(request.url ?? '')?.[1] ?? 0)
  socket.on('error', () => socket.destroy())
  if (url === null || port === 0 || !mayReach(way.account.allow, `https://${url.hostname}:${port}/`)) {
    socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n')
    return
  }
  let host: string
  try {
    host = await addressOf(way, url)
  } catch (error) {
    socket.end(`HTTP/1.1 ${statusOf(error)}\r\nconnection: close\r\n\r\n`)
    return
  }
  const upstream = connect({ host, port })
  upstream.setTimeout(CONNECT_MS, () => upstream.destroy())
  upstream.once('connect', () => {
    upstream.setTimeout(IDLE_MS)
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    upstream.write(head)
    upstream.pipe(socket)
    socket.pipe(upstream)
  })
  upstream.on('error', () => socket.destroy())
  // Ended, not destroyed: the last that was sent may still be on its way.
  upstream.on('close', () => socket.end())
  socket.on('close', () => upstream.end())
  if (socket.destroyed) upstream.destroy()
}

/** `GET http://host/path`: plain HTTP. */
async function forward(way: Way, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = URL.parse(request.url ?? '')
  if (url?.protocol !== 'http:' || !mayReach(way.account.allow, url.href)) {
    response.writeHead(403).end()
    return
  }
  let host: string
  try {
    host = await addressOf(way, url)
  } catch (error) {
    response.writeHead(Number.parseInt(statusOf(error), 10)).end()
    return
  }
  if (response.destroyed) return
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => !HOP_BY_HOP.includes(name)),
  )
  const upstream = ask(
    {
      host,
      port: url.port === '' ? 80 : Number(url.port),
      path: `${url.pathname}${url.search}`,
      method: request.method,
      headers: { ...headers, host: url.host },
      timeout: CONNECT_MS,
    },
    (answer) => {
      const passed = Object.entries(answer.headers).filter(([name]) => !HOP_BY_HOP.includes(name))
      response.writeHead(answer.statusCode ?? 502, Object.fromEntries(passed))
      answer.pipe(response)
      answer.on('error', () => response.destroy())
    },
  )
  upstream.on('timeout', () => upstream.destroy(new Error('no answer')))
  upstream.on('error', () => {
    if (response.headersSent) response.destroy()
    else response.writeHead(502).end()
  })
  response.on('close', () => upstream.destroy())
  request.pipe(upstream)
}

function statusOf(error: unknown): string {
  return error instanceof NotReachable && error.kind === 'private' ? '403 Forbidden' : '502 Bad Gateway'
}

/** An IPv6 address without its brackets. */
function bare(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}
