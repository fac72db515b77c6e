import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { startTestServer } from '../../../test/setup/http-server.ts'
import type { TestServer } from '../../../test/setup/http-server.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { RawDoor } from './raw-door.ts'
import type { ServerLimits } from './server-limits.ts'

let running: TestServer | null = null
afterEach(async () => {
  await running?.close()
  running = null
})

type Handle = (request: IncomingMessage, response: ServerResponse) => void

async function serve(
  handle: Handle,
  {
    limits,
    host,
    close = async () => undefined,
  }: { limits?: Partial<ServerLimits>; host?: string; close?: RawDoor['close'] } = {},
): Promise<TestServer> {
  const door: RawDoor = { serves: (path) => path === '/raw' || path.startsWith('/raw/'), handle, close }
  running = await startTestServer({
    rawDoors: [door],
    ...(limits === undefined ? {} : { limits }),
    ...(host === undefined ? {} : { host }),
  })
  return running
}

function client(
  to: TestServer,
  text: string,
): { socket: Socket; got: () => string; closed: Promise<string> } {
  const socket = connect(Number(new URL(to.url).port), '127.0.0.1')
  let got = ''
  socket.setEncoding('utf8').on('data', (piece: string) => (got += piece))
  socket.on('error', () => undefined).write(text)
  return { socket, got: () => got, closed: new Promise((resolve) => socket.on('close', () => resolve(got))) }
}

const get = (path: string, host = 'localhost'): string => `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`

test('its paths come to the door and to nobody else; all others go on as before', async () => {
  const seen: string[] = []
  const server = await serve((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    response.end('raw')
  })
  expect(await (await fetch(`${server.url}/raw/x?key=a`, { method: 'POST', body: 'b' })).text()).toBe('raw')
  expect(await (await fetch(`${server.url}/raw`)).text()).toBe('raw')
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  expect((await fetch(`${server.url}/rawish`)).status).toBe(401)
  expect(seen).toEqual(['POST /raw/x?key=a', 'GET /raw'])
  expect(server.app.server.listenerCount('request')).toBe(1)
})

test('a name that is not this machine’s is refused for the door too', async () => {
  let calls = 0
  const server = await serve((_request, response) => {
    calls++
    response.end()
  })
  const refused = await client(server, get('/raw', 'evil.example')).closed
  expect(refused).toMatch(/^HTTP\/1\.1 403 .*connection: close.*"code":"auth:forbidden"/is)
  expect(calls).toBe(0)
  await server.close()
  running = null
  const open = await serve((_request, response) => response.end('raw'), { host: '0.0.0.0' })
  const { socket, got } = client(open, get('/raw', 'belay.example'))
  await once(socket, 'data')
  expect(got()).toContain('200 OK')
  socket.destroy()
})

test('localhost is bound where every client finds it', async () => {
  const server = await serve((_request, response) => response.end('raw'), { host: 'localhost' })
  expect(new URL(server.url).hostname).toBe('127.0.0.1')
  const { port } = new URL(server.url)
  expect(await (await fetch(`http://localhost:${port}/raw`)).text()).toBe('raw')
})

test('headers are bounded for the door too', async () => {
  const server = await serve((_request, response) => response.end('raw'))
  const long = `GET /raw HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`
  expect(await client(server, long).closed).toMatch(/^HTTP\/1\.1 413 /)
})

test('a door that throws answers with a problem, and one that threw too late breaks off', async () => {
  const server = await serve((request, response) => {
    if (request.url === '/raw/late') response.write('begun')
    if (request.url === '/raw/known') throw new BelayError('server:busy', { max: '1' })
    throw new Error('secret words')
  })
  const fault = await fetch(`${server.url}/raw`)
  expect(fault.status).toBe(500)
  expect(await fault.text()).toMatch(/"code":"server:fault"/)
  const busy = await fetch(`${server.url}/raw/known`)
  expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '1'])
  await expect(fetch(`${server.url}/raw/late`).then((answer) => answer.text())).rejects.toThrow(
    'fetch failed',
  )
})

test('an answer may be silent for longer than an idle connection', async () => {
  const limits = { idleTimeout: 100, headersTimeout: 100, requestTimeout: 200 }
  const server = await serve(
    (_request, response) => {
      response.write('begun ')
      // Several times the idle bound, and the bound for a whole request.
      setTimeout(() => response.end('and ended'), 700)
    },
    { limits },
  )
  expect(await (await fetch(`${server.url}/raw`, { method: 'POST', body: 'x' })).text()).toBe(
    'begun and ended',
  )
})

test('an idle connection is closed again after the door has answered on it', async () => {
  const server = await serve((_request, response) => response.end('raw'), { limits: { idleTimeout: 100 } })
  server.app.server.keepAliveTimeout = 100
  server.app.server.keepAliveTimeoutBuffer = 0
  const { socket, closed } = client(server, get('/raw'))
  await once(socket, 'data')
  expect(await closed).toMatch(/^HTTP\/1\.1 200 .*raw$/s)
  // One that never says anything, as before.
  expect(await client(server, 'GET /healthz').closed).toBe('')
})

test('a slow upload to the door takes longer than the bound for a whole request; others do not', async () => {
  let text = ''
  const server = await serve(
    (request, response) => {
      request.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      request.on('end', () => response.end(`${text.length}`))
    },
    { limits: { headersTimeout: 100, requestTimeout: 200 } },
  )
  const { socket, got, closed } = client(
    server,
    'POST /raw HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n',
  )
  for (let sent = 0; sent < 10; sent++) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    socket.write('x')
  }
  await once(socket, 'data')
  expect(got()).toMatch(/^HTTP\/1\.1 200 .*10$/s)
  // The same connection, and headers that never end: the server's own bounds hold again.
  socket.write('GET /raw HTTP/1.1\r\nhost: lo')
  expect(await closed).toMatch(/HTTP\/1\.1 408 /)
})

test('an upload that is aborted while the door reads it ends quietly', async () => {
  const gone = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const server = await serve((request, response) => {
    request.on('data', () => begun.resolve()).on('close', () => gone.resolve())
    response.on('close', () => response.write('too late'))
  })
  const { socket } = client(server, 'POST /raw HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nx')
  await begun.promise
  socket.resetAndDestroy()
  await gone.promise
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
})

test('closing: the door ends its calls first, takes nothing new, and is not waited for without end', async () => {
  const order: string[] = []
  let answer: ServerResponse | null = null
  const begun = Promise.withResolvers<void>()
  const closing = Promise.withResolvers<void>()
  const mayClose = Promise.withResolvers<void>()
  const server = await serve(
    (_request, response) => {
      answer = response
      response.write('begun ')
      begun.resolve()
    },
    {
      close: async () => {
        closing.resolve()
        await mayClose.promise
        order.push('door closed')
        answer?.end('ended')
      },
    },
  )
  const inFlight = client(server, get('/raw'))
  await begun.promise
  const idle = client(server, get('/healthz'))
  await once(idle.socket, 'data')
  const closed = server.close().then(() => order.push('server closed'))
  running = null
  await closing.promise
  idle.socket.write(get('/raw'))
  expect(await idle.closed).toMatch(/HTTP\/1\.1 503 .*"code":"server:closing"/s)
  mayClose.resolve()
  expect(await inFlight.closed).toMatch(/begun .*ended/s)
  await closed
  expect(order).toEqual(['door closed', 'server closed'])

  const stubborn = await serve((_request, response) => void response.write('x'), {
    limits: { closing: 50 },
    close: () => new Promise(() => undefined),
  })
  const cut = client(stubborn, get('/raw'))
  await once(cut.socket, 'data')
  await stubborn.close()
  running = null
  await cut.closed
})
