import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, createServer as createNetServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Action } from '../../src/action/action.ts'
import type { Egress, EgressOptions } from '../../src/entry/egress/egress.ts'
import { openEgress } from '../../src/entry/egress/open-egress.ts'
import { openHarness, type Harness } from '../../src/entry/harness.ts'
import { flowDoor } from '../../src/entry/mcp-gateway/flow-door.ts'

/** A harness, a server on the internet, and the way out of one agent, at sockets that a test can connect to. */
export interface World {
  readonly harness: Harness
  readonly egress: Egress
  readonly data: string
  /** Ports of the agent's sockets. */
  readonly ports: {
    readonly http: number
    readonly https: number
    readonly proxy: number
    readonly dns: number
  }
  /** `host:port` of the server. */
  readonly server: string
  /** What the server was asked, in order. */
  readonly asked: Asked[]
  /** Sends bytes to the agent's proxy and answers all that comes back until the connection ends. */
  raw(text: string | Buffer, port?: number): Promise<string>
  /** What was recorded of the agent's requests, oldest first. */
  actions(): Promise<readonly Action[]>
  /** When every outcome so far is on disk. */
  settled(): Promise<void>
  close(): Promise<void>
}

export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface WorldOptions {
  /** `SERVER` stands for the address of the server. */
  readonly policy: string
  readonly answer?: (request: IncomingMessage, response: ServerResponse, body: string) => void
  readonly egress?: Partial<EgressOptions>
}

export async function openWorld({ policy, answer, egress: more }: WorldOptions): Promise<World> {
  const data = mkdtempSync(join(tmpdir(), 'belay-egress-'))
  const asked: Asked[] = []
  const origin = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (piece: string) => (body += piece))
    request.on('end', () => {
      asked.push({ method: request.method!, url: request.url!, headers: request.headers, body })
      if (answer !== undefined) return answer(request, response, body)
      response.setHeader('content-type', 'text/plain')
      response.end('hello')
    })
  })
  const server = `127.0.0.1:${await listening(origin)}`
  const config = join(data, 'belay.yaml')
  writeFileSync(config, policy.replaceAll('SERVER', server))
  const harness = await openHarness({ config, data: join(data, 'data'), watch: false })
  const egress = await openEgress({
    agent: 'robot',
    session: 'run-1',
    door: flowDoor(harness),
    policies: harness.policies,
    data: join(data, 'data'),
    models: null,
    env: {},
    ...more,
  })
  const [http, https, proxy] = [createNetServer(), createNetServer(), createNetServer()]
  const dns = createSocket('udp4')
  await Promise.all([http, https, proxy].map(listening))
  await new Promise<void>((resolve) => dns.bind(0, '127.0.0.1', resolve))
  await egress.handover({ http, https, proxy, dns })
  const ports = { http: portOf(http), https: portOf(https), proxy: portOf(proxy), dns: dns.address().port }
  return {
    harness,
    egress,
    data,
    ports,
    server,
    asked,
    raw: (text, port = ports.proxy) => exchange(text, port),
    async actions() {
      const found = await harness.store.actions({ agent: 'robot', limit: 200 })
      return found.toReversed()
    },
    async settled() {
      for (;;) {
        const [open] = await harness.store.actions({ agent: 'robot', state: 'executing', limit: 1 })
        if (open === undefined) return
        await harness.flow.waitForChange(open.id, open.version, 5_000)
      }
    },
    async close() {
      await egress.close()
      await harness.close()
      origin.closeAllConnections()
      origin.close()
      rmSync(data, { recursive: true, force: true })
    },
  }
}

/** A request through the proxy, as text. */
export function request(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): string {
  const { host } = new URL(url)
  const lines = { Host: host, Connection: 'close', ...headers }
  const length = body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
  const head = Object.entries({ ...lines, ...length }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${url} HTTP/1.1\r\n${head.join('')}\r\n${body}`
}

export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
}

export function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4)
}

export function problemOf(answer: string): Record<string, unknown> {
  return JSON.parse(bodyOf(answer)) as Record<string, unknown>
}

function exchange(text: string | Buffer, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.on('data', (piece) => (answer += piece.toString('latin1')))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(answer))
    socket.write(text)
  })
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return portOf(server)
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
