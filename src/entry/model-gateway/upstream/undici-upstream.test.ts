import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import type { Provider } from '../providers/provider.ts'
import { UndiciUpstream } from './undici-upstream.ts'
import type { UndiciUpstreamOptions } from './undici-upstream.ts'
import type { UpstreamCall, UpstreamFailure, UpstreamListener, UpstreamRequest } from './upstream.ts'

const cleanUps: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

/** A server that does with each connection's requests what a test says, byte by byte. */
async function provider(
  answer: (socket: Socket, request: string, count: number) => void,
  more: Partial<Provider> = {},
): Promise<
  Provider & { readonly requests: string[]; readonly sockets: Set<Socket>; readonly server: Server }
> {
  const requests: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    let pending = ''
    socket.setEncoding('latin1').on('data', (text: string) => {
      pending += text
      for (;;) {
        const end = pending.indexOf('\r\n\r\n')
        const length = Number(/content-length: (\d+)/i.exec(pending)?.[1] ?? 0)
        if (end === -1 || pending.length < end + 4 + length) return
        const request = pending.slice(0, end + 4 + length)
        pending = pending.slice(request.length)
        answer(socket, request, requests.push(request))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    name: 'acme',
    protocol: 'openai',
    baseUrl: `http://127.0.0.1:${port}/v1`,
    keyVariable: null,
    priceId: null,
    telemetryName: 'acme',
    key: 'sk-provider',
    headers: {},
    timeouts: { connect: 2_000, firstByte: 5_000, idle: 5_000 },
    requests,
    sockets,
    server,
    ...more,
  }
}

function upstream(options: UndiciUpstreamOptions = {}): UndiciUpstream {
  const made = new UndiciUpstream(options)
  cleanUps.push(() => made.close())
  return made
}

const requestTo = (to: Provider, more: Partial<UpstreamRequest> = {}): UpstreamRequest => ({
  provider: to,
  method: 'POST',
  path: '/chat/completions',
  headers: { 'content-type': 'application/json' },
  body: Buffer.from('{"model":"m"}'),
  ...more,
})

interface Seen {
  readonly heads: { status: number; headers: Readonly<Record<string, string | readonly string[]>> }[]
  readonly text: string
  readonly failure: UpstreamFailure | null
}

/** Calls and waits for the end; the call is given as soon as there is one. */
function exchange(
  by: UndiciUpstream,
  request: UpstreamRequest,
  steps: Partial<UpstreamListener> & { readonly begun?: (call: UpstreamCall) => void } = {},
): Promise<Seen> {
  return new Promise((resolve) => {
    const heads: Seen['heads'] = []
    const pieces: Buffer[] = []
    let ends = 0
    const finish = (failure: UpstreamFailure | null): void => {
      expect(++ends).toBe(1)
      // Whatever came after the end would be seen by the expectation above.
      setImmediate(() => resolve({ heads, text: Buffer.concat(pieces).toString(), failure }))
    }
    const call = by.call(request, {
      head: (status, headers) => {
        heads.push({ status, headers })
        steps.head?.(status, headers)
      },
      chunk: (bytes) => {
        pieces.push(bytes)
        return steps.chunk?.(bytes) ?? true
      },
      end: () => finish(null),
      fail: finish,
    })
    steps.begun?.(call)
  })
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n'
const whole = (text: string, headers = ''): string =>
  `${OK}${headers}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`

describe('what goes out', () => {
  test.each([
    ['openai', 'authorization: Bearer sk-provider'],
    ['anthropic', 'x-api-key: sk-provider'],
    ['gemini', 'x-goog-api-key: sk-provider'],
  ] as const)('the key of an %s provider in place of whatever key came', async (protocol, line) => {
    const acme = await provider((socket) => socket.write(whole('ok')), { protocol })
    const headers = {
      authorization: 'Bearer blk_agent',
      'x-api-key': 'blk_agent',
      'x-goog-api-key': 'blk_agent',
      'accept-encoding': 'br',
      'anthropic-version': '2099-01-01',
    }
    const seen = await exchange(upstream(), requestTo(acme, { headers }))
    expect(seen).toMatchObject({ text: 'ok', failure: null, heads: [{ status: 200 }] })
    const lines = acme.requests[0]!.split('\r\n')
    expect(lines[0]).toBe('POST /v1/chat/completions HTTP/1.1')
    expect(lines).toContain(line)
    expect(lines).toContain('accept-encoding: identity')
    expect(lines).toContain('anthropic-version: 2099-01-01')
    expect(acme.requests[0]).not.toContain('blk_agent')
    expect(acme.requests[0]).not.toContain('accept-encoding: br')
    expect(acme.requests[0]).toMatch(/content-length: 13\r\n\r\n\{"model":"m"\}$/)
  })

  test('the policy sets headers, over the agent and over the key, and never the framing', async () => {
    const acme = await provider((socket) => socket.write(whole('ok')), {
      headers: { 'X-Team': 'belay', Authorization: 'Basic abc', 'Transfer-Encoding': 'chunked' },
    })
    await exchange(upstream(), requestTo(acme, { headers: { 'x-team': 'another' } }))
    expect(acme.requests[0]).toContain('x-team: belay\r\n')
    expect(acme.requests[0]).toContain('authorization: Basic abc\r\n')
    expect(acme.requests[0]).not.toMatch(/another|sk-provider|transfer-encoding/)
  })

  test('without a key none goes out, the agent’s neither; an Anthropic version does', async () => {
    const local = await provider((socket) => socket.write(whole('ok')), { key: null, protocol: 'anthropic' })
    await exchange(upstream(), requestTo(local, { headers: { authorization: 'Bearer blk_agent' } }))
    expect(local.requests[0]).not.toMatch(/authorization|x-api-key/)
    expect(local.requests[0]).toContain('anthropic-version: 2023-06-01\r\n')
  })

  test('a base URL with a prefix and a query keeps both', async () => {
    const acme = await provider((socket) => socket.write(whole('ok')))
    const { baseUrl } = acme
    const deployed = { ...acme, baseUrl: `${baseUrl}/deployments/x/?api-version=1` }
    await exchange(upstream(), requestTo(deployed, { path: '/chat?alt=sse', method: 'GET', body: null }))
    expect(acme.requests[0]).toContain('GET /v1/deployments/x/chat?api-version=1&alt=sse HTTP/1.1')
  })

  test.each(['/../admin', '/a/%2E%2e/b', '/a/..%2fb', '/a/..', '/.\\b', 'http://evil.example/', '/a#b'])(
    'a path that could leave the base URL is not called: %s',
    async (path) => {
      const acme = await provider((socket) => socket.write(whole('ok')))
      const { failure } = await exchange(upstream(), requestTo(acme, { path }))
      expect(failure).toMatchObject({ kind: 'protocol', mayHaveRun: false })
      expect(acme.requests).toEqual([])
    },
  )

  test('what cannot be a header fails the call and sends nothing', async () => {
    const acme = await provider((socket) => socket.write(whole('ok')))
    const { failure } = await exchange(upstream(), requestTo(acme, { headers: { 'x-a': 'b\r\nx-c: d' } }))
    expect(failure).toMatchObject({ kind: 'protocol', mayHaveRun: false })
    expect(failure!.message).not.toContain('x-c')
    expect(acme.requests).toEqual([])
  })

  test('connections are kept for the calls that follow', async () => {
    const acme = await provider((socket, _request, count) => socket.write(whole(`${count}`)))
    const by = upstream()
    for (let count = 1; count <= 20; count++)
      expect((await exchange(by, requestTo(acme))).text).toBe(String(count))
    // One may still be on its way back when the next call comes.
    expect(acme.sockets.size).toBeLessThanOrEqual(2)
  })
})

describe('what comes back', () => {
  test('interim answers are left out, however not without end', async () => {
    const hint = 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'
    const acme = await provider((socket, _request, count) =>
      socket.write(count === 1 ? hint + hint + whole('ok') : hint.repeat(40) + whole('never')),
    )
    const by = upstream()
    expect(await exchange(by, requestTo(acme))).toMatchObject({
      text: 'ok',
      heads: [{ status: 200 }],
      failure: null,
    })
    expect(await exchange(by, requestTo(acme))).toMatchObject({
      text: '',
      heads: [],
      failure: { kind: 'protocol' },
    })
  })

  test('a redirect is given as it is', async () => {
    const acme = await provider((socket) =>
      socket.write('HTTP/1.1 307 Go\r\nlocation: http://evil.example/\r\ncontent-length: 0\r\n\r\n'),
    )
    const seen = await exchange(upstream(), requestTo(acme))
    expect(seen.heads).toMatchObject([{ status: 307, headers: { location: 'http://evil.example/' } }])
    expect(acme.requests).toHaveLength(1)
  })

  test.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ] as const)('an answer in %s is decoded, and no longer says so', async (encoding, compress) => {
    const text = 'data: hello\n\n'.repeat(10_000)
    const bytes = compress(Buffer.from(text))
    const acme = await provider((socket) => {
      socket.write(`${OK}content-encoding: ${encoding}\r\ncontent-length: ${bytes.length}\r\n\r\n`)
      socket.write(bytes)
    })
    const seen = await exchange(upstream(), requestTo(acme))
    expect(seen.failure).toBeNull()
    expect(seen.text).toBe(text)
    expect(Object.keys(seen.heads[0]!.headers)).toEqual(['content-type'])
  })

  test.each([
    ['cut off', gzipSync('hello').subarray(0, -6), 'gzip'],
    ['something else', Buffer.from('hello'), 'gzip'],
    ['in an unknown encoding', Buffer.from('hello'), 'compress'],
    ['encoded twice', gzipSync(gzipSync('hello')), 'gzip, gzip'],
  ])('an answer that is %s fails', async (_what, bytes, encoding) => {
    const acme = await provider((socket) => {
      socket.write(`${OK}content-encoding: ${encoding}\r\ncontent-length: ${bytes.length}\r\n\r\n`)
      socket.write(bytes)
    })
    const { failure } = await exchange(upstream(), requestTo(acme))
    expect(failure).toMatchObject({ kind: 'protocol', mayHaveRun: true })
  })

  test('what grows without bound when it is decoded is stopped', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
    const acme = await provider((socket) => {
      socket.write(`${OK}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`)
      socket.write(bomb)
    })
    let size = 0
    const seen = await exchange(upstream({ maxAnswer: 1_000_000 }), requestTo(acme), {
      chunk: (bytes) => (size += bytes.length) > 0,
    })
    expect(seen.failure).toMatchObject({ kind: 'too_large', mayHaveRun: true })
    expect(size).toBeLessThanOrEqual(1_000_000)
  })

  test('an answer that is too large is stopped, announced or not', async () => {
    const acme = await provider((socket, _request, count) => {
      socket.write(count === 1 ? whole('x'.repeat(2_000)) : `${OK}\r\n${'x'.repeat(2_000)}`)
    })
    const by = upstream({ maxAnswer: 1_000 })
    expect(await exchange(by, requestTo(acme))).toMatchObject({ heads: [], failure: { kind: 'too_large' } })
    expect(await exchange(by, requestTo(acme))).toMatchObject({ text: '', failure: { kind: 'too_large' } })
  })
})

describe('what breaks', () => {
  test.each<[string, UpstreamFailure['kind'][], boolean, (socket: Socket) => void]>([
    ['a reset before the answer', ['reset'], false, (socket) => socket.resetAndDestroy()],
    ['a close before the answer', ['reset'], false, (socket) => socket.end()],
    ['half a head', ['reset'], false, (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-')],
    [
      'a half-close in a body of known length',
      ['reset', 'protocol'],
      true,
      (socket) => socket.end(`${OK}content-length: 100\r\n\r\nhalf`),
    ],
    [
      'a half-close in a body of known length, announced by connection: close',
      ['reset', 'protocol'],
      true,
      (socket) => socket.end(`${OK}connection: close\r\ncontent-length: 100\r\n\r\nhalf`),
    ],
    [
      'a half-close between chunks',
      ['reset', 'protocol'],
      true,
      (socket) => socket.end(`${OK}connection: close\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n`),
    ],
    [
      'a broken chunk',
      ['protocol'],
      true,
      (socket) => socket.write(`${OK}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n`),
    ],
    [
      'two lengths',
      ['protocol'],
      false,
      (socket) => socket.write(`${OK}content-length: 4\r\ncontent-length: 5\r\n\r\nhalf`),
    ],
    ['what is no HTTP', ['protocol'], false, (socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n')],
    [
      'a head without end',
      ['protocol'],
      false,
      (socket) => socket.write(`${OK}${`x: ${'y'.repeat(1_000)}\r\n`.repeat(200)}`),
    ],
    [
      'an upgrade',
      ['protocol'],
      false,
      (socket) => socket.write('HTTP/1.1 101 Go\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    ],
  ])('%s', async (_what, kinds, headed, misbehave) => {
    const acme = await provider((socket) => misbehave(socket))
    const seen = await exchange(upstream(), requestTo(acme))
    expect(kinds).toContain(seen.failure?.kind)
    expect(seen.failure).toMatchObject({ mayHaveRun: true, message: expect.stringMatching(/^acme .*\.$/) })
    expect(seen.heads).toHaveLength(headed ? 1 : 0)
  })

  test.each([
    ['of known length', `${OK}content-length: 100\r\n\r\nhalf`],
    ['in chunks', `${OK}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n`],
    ['that ends with the connection', `${OK}\r\nhalf`],
  ])('a reset in the middle of a body %s is no end', async (_what, head) => {
    const acme = await provider((socket) => socket.write(head))
    const seen = await exchange(upstream(), requestTo(acme), {
      // The server resets once the first half is surely here.
      chunk: () => {
        for (const socket of acme.sockets) socket.resetAndDestroy()
        return true
      },
    })
    expect(seen).toMatchObject({ text: 'half', failure: { kind: 'reset', mayHaveRun: true } })
  })

  test('a body that ends with the connection ends well when it is closed in order', async () => {
    const acme = await provider((socket) => socket.end(`${OK}\r\nall of it`))
    expect(await exchange(upstream(), requestTo(acme))).toMatchObject({ text: 'all of it', failure: null })
  })

  test('a refused connection has surely not run', async () => {
    const acme = await provider(() => undefined)
    acme.server.close()
    await once(acme.server, 'close')
    const { failure } = await exchange(upstream(), requestTo(acme))
    expect(failure).toEqual({
      kind: 'connect',
      message: 'acme could not be reached (ECONNREFUSED).',
      mayHaveRun: false,
    })
  })

  test('a plain server behind https cannot be reached', async () => {
    const acme = await provider((socket) => socket.write(whole('ok')))
    acme.server.on('connection', (socket: Socket) => socket.end('HTTP/1.1 400 Bad\r\n\r\n'))
    const secure = { ...acme, baseUrl: acme.baseUrl.replace('http:', 'https:') }
    const { failure } = await exchange(upstream(), requestTo(secure))
    expect(failure).toMatchObject({ kind: 'connect', mayHaveRun: false })
  })

  test('silence before the answer and in the middle of it', async () => {
    const timeouts = { connect: 1_000, firstByte: 50, idle: 50 }
    const acme = await provider(
      (socket, _request, count) => void (count === 2 && socket.write(`${OK}content-length: 9\r\n\r\nhalf`)),
      { timeouts },
    )
    const by = upstream()
    expect(await exchange(by, requestTo(acme))).toMatchObject({
      heads: [],
      failure: { kind: 'timeout', mayHaveRun: true, message: expect.stringContaining('begin its answer') },
    })
    expect(await exchange(by, requestTo(acme))).toMatchObject({
      text: 'half',
      failure: { kind: 'timeout', mayHaveRun: true, message: expect.stringContaining('in the middle') },
    })
  })

  test('a slow stream whose pauses are shorter than the bound goes through', async () => {
    const acme = await provider(
      (socket) => {
        socket.write(`${OK}transfer-encoding: chunked\r\n\r\n`)
        let left = 6
        const timer = setInterval(() => {
          if (left-- > 0) socket.write('1\r\nx\r\n')
          else {
            clearInterval(timer)
            socket.write('0\r\n\r\n')
          }
        }, 60)
      },
      { timeouts: { connect: 1_000, firstByte: 300, idle: 300 } },
    )
    expect(await exchange(upstream(), requestTo(acme))).toMatchObject({ text: 'xxxxxx', failure: null })
  })

  test('a listener that throws is told so, and the provider stopped', async () => {
    const acme = await provider((socket) => socket.write(`${OK}transfer-encoding: chunked\r\n\r\n1\r\nx\r\n`))
    const cause = new Error('broken')
    const { failure } = await exchange(upstream(), requestTo(acme), {
      chunk: () => {
        throw cause
      },
    })
    expect(failure).toMatchObject({ kind: 'aborted', cause })
    for (const socket of acme.sockets) await once(socket, 'close')
  })
})

describe('the listener is in charge', () => {
  test('an abort stops the provider at once, and says so after the call has returned', async () => {
    const acme = await provider((socket) => socket.write(`${OK}transfer-encoding: chunked\r\n\r\n1\r\nx\r\n`))
    let call: UpstreamCall
    const seen = await exchange(upstream(), requestTo(acme), {
      begun: (begun) => (call = begun),
      chunk: () => {
        call.abort()
        call.abort()
        return true
      },
    })
    expect(seen).toMatchObject({ text: 'x', failure: { kind: 'aborted', mayHaveRun: true } })
    for (const socket of acme.sockets) await once(socket, 'close')
  })

  test('an abort before anything was sent has surely not run', async () => {
    const acme = await provider((socket) => socket.write(whole('ok')))
    const by = upstream({ connections: 1 })
    const { failure } = await exchange(by, requestTo(acme), { begun: (call) => call.abort() })
    expect(failure).toMatchObject({ kind: 'aborted', mayHaveRun: false })
    expect((await exchange(by, requestTo(acme))).text).toBe('ok')
    expect(acme.requests).toHaveLength(1)
  })

  test.each([
    ['as they are', (text: string) => Buffer.from(whole(text))],
    [
      'compressed',
      (text: string) => {
        const bytes = gzipSync(text, { level: 0 })
        return Buffer.concat([
          Buffer.from(`${OK}content-encoding: gzip\r\ncontent-length: ${bytes.length}\r\n\r\n`),
          bytes,
        ])
      },
    ],
    [
      'up to the end of the connection',
      (text: string) => Buffer.from(`${OK}connection: close\r\n\r\n${text}`),
    ],
  ])('no more comes until it is asked for: bytes %s', async (what, bytesOf) => {
    const text = 'abcdefghij'.repeat(400_000)
    const acme = await provider((socket) => {
      if (what.startsWith('up to')) socket.end(bytesOf(text))
      else socket.write(bytesOf(text))
    })
    let call: UpstreamCall
    let asked = true
    let pauses = 0
    const seen = await exchange(upstream(), requestTo(acme), {
      begun: (begun) => (call = begun),
      chunk: () => {
        expect(asked).toBe(true)
        asked = false
        pauses++
        setImmediate(() => {
          asked = true
          call.resume()
        })
        return false
      },
    })
    expect(pauses).toBeGreaterThan(10)
    expect(seen.failure).toBeNull()
    expect(seen.text === text).toBe(true)
  })

  test('while it asks for no more, the provider is held back and no time runs', async () => {
    const acme = await provider(
      (socket) => {
        socket.write(`${OK}content-length: 50000000\r\n\r\n`)
        const piece = Buffer.alloc(1_000_000)
        for (let sent = 0; sent < 50; sent++) socket.write(piece)
      },
      { timeouts: { connect: 1_000, firstByte: 50, idle: 50 } },
    )
    let call: UpstreamCall
    let size = 0
    const seen = await exchange(upstream(), requestTo(acme), {
      begun: (begun) => (call = begun),
      chunk: (bytes) => {
        size += bytes.length
        if (size > bytes.length) return true
        // Longer than the idle bound, and then everything else.
        setTimeout(() => {
          expect([...acme.sockets][0]!.writableLength).toBeGreaterThan(30_000_000)
          call.resume()
        }, 200)
        return false
      },
    })
    expect(seen.failure).toBeNull()
    expect(size).toBe(50_000_000)
  })
})

describe('connections', () => {
  test('are bounded; who waits is served in order, or told that it took too long', async () => {
    const held: Socket[] = []
    const acme = await provider((socket) => void held.push(socket), {
      timeouts: { connect: 100, firstByte: 5_000, idle: 5_000 },
    })
    const by = upstream({ connections: 2, waiting: 2 })
    const order: string[] = []
    const call = (path: string) =>
      exchange(by, requestTo(acme, { path })).then((seen) => {
        order.push(path)
        return seen
      })
    const running = [call('/1'), call('/2')]
    const third = call('/3')
    const fourth = call('/4')
    const fifth = await call('/5')
    expect(fifth.failure).toMatchObject({ kind: 'connect', mayHaveRun: false })
    expect(fifth.failure!.message).toContain('too many calls waiting')
    while (held.length < 2) await new Promise((resolve) => setImmediate(resolve))
    expect(acme.sockets.size).toBe(2)
    held.shift()!.write(whole('ok'))
    while (held.length < 2) await new Promise((resolve) => setImmediate(resolve))
    expect(acme.requests[2]).toContain('/3 ')
    expect((await fourth).failure).toMatchObject({ kind: 'connect', mayHaveRun: false })
    for (const socket of held) socket.write(whole('ok'))
    for (const seen of [...running, third]) expect((await seen).failure).toBeNull()
    expect(acme.requests).toHaveLength(3)
  })

  test('closing stops what runs and what waits, and takes nothing new', async () => {
    const acme = await provider(() => undefined)
    const by = new UndiciUpstream({ connections: 1 })
    const running = exchange(by, requestTo(acme))
    const waiting = exchange(by, requestTo(acme))
    while (acme.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
    await by.close()
    expect((await running).failure).toMatchObject({ kind: 'aborted', mayHaveRun: true })
    expect((await waiting).failure).toMatchObject({ kind: 'aborted', mayHaveRun: false })
    expect((await exchange(by, requestTo(acme))).failure).toMatchObject({
      kind: 'aborted',
      mayHaveRun: false,
    })
  })
})
