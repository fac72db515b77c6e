import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type Server, type Socket } from 'node:net'
import type { HostRule } from '../../../policy/compile-browser.ts'
import type { HandedSockets, NetworkHandover } from '../sandbox/provider.ts'
import { mayReach } from './allowed-hosts.ts'

const CONNECT_MS = 20_000
const IDLE_MS = 300_000
const MAX_CONNECTIONS = 512
const HOP_BY_HOP = ['proxy-connection', 'proxy-authorization', 'connection', 'keep-alive', 'te', 'upgrade']

/**
 * The whole network of a sandboxed browser: an HTTP proxy that leads to the hosts of the account and nowhere else, by
 * host and port, whoever in the browser asks. TLS is not opened: what is in it is for the page and its server.
 */
export function wayOut(rules: readonly HostRule[]): NetworkHandover {
  return ({ https, http, proxy, dns }: HandedSockets) => {
    // Chromium is told of the proxy; what goes past it is nobody's.
    https.close()
    http.close()
    dns.close()
    serveProxy(proxy, rules)
  }
}

function serveProxy(listener: Server, rules: readonly HostRule[]): void {
  const server = createServer({ headersTimeout: 10_000 }, (request, response) =>
    forward(rules, request, response),
  )
  server.on('connect', (request, socket, head) => tunnel(rules, request, socket as Socket, head))
  listener.maxConnections = MAX_CONNECTIONS
  listener.on('connection', (socket: Socket) => {
    socket.setTimeout(IDLE_MS, () => socket.destroy())
    server.emit('connection', socket)
  })
}

/** `CONNECT host:port`: also what WebSockets come as. */
function tunnel(rules: readonly HostRule[], request: IncomingMessage, socket: Socket, head: Buffer): void {
  const url = URL.parse(`https://${request.url ?? ''}/`)
  const port = url === null ? 0 : Number(/:(\d{1,5})$/.exec(request.url ?? '')?.[1] ?? 0)
  socket.on('error', () => socket.destroy())
  if (url === null || port === 0 || !mayReach(rules, `https://${url.hostname}:${port}/`)) {
    socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n')
    return
  }
  const upstream = connect({ host: bare(url.hostname), port })
  upstream.setTimeout(CONNECT_MS, () => upstream.destroy())
  upstream.once('connect', () => {
    upstream.setTimeout(IDLE_MS)
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    upstream.write(head)
    upstream.pipe(socket)
    socket.pipe(upstream)
  })
  upstream.on('error', () => socket.destroy())
  upstream.on('close', () => socket.destroy())
  socket.on('close', () => upstream.destroy())
}

/** `GET http://host/path`: plain HTTP. */
function forward(rules: readonly HostRule[], request: IncomingMessage, response: ServerResponse): void {
  const url = URL.parse(request.url ?? '')
  if (url?.protocol !== 'http:' || !mayReach(rules, url.href)) {
    response.writeHead(403).end()
    return
  }
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => !HOP_BY_HOP.includes(name)),
  )
  const upstream = ask(
    {
      host: bare(url.hostname),
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

/** An IPv6 address without its brackets. */
function bare(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}
