import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { BelayError } from '../../errors/catalogue.ts'
import { ClientStream } from './client-stream.ts'
import { ClientGone, readBody } from './read-body.ts'

const cleanUps: (() => void)[] = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp()
})

async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const server = createServer(handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A client that sends bytes; what it got is kept until its socket closes. */
function client(
  port: number,
  text: string | Buffer,
): { socket: Socket; got: () => string; closed: Promise<string> } {
  const socket = connect(port, '127.0.0.1')
  let got = ''
  socket.setEncoding('latin1').on('data', (piece: string) => (got += piece))
  socket.on('error', () => undefined)
  socket.write(text)
  return { socket, got: () => got, closed: new Promise((resolve) => socket.on('close', () => resolve(got))) }
}

const post = (headers: string, body: string | Buffer = ''): Buffer =>
  Buffer.concat([Buffer.from(`POST / HTTP/1.1\r\nhost: x\r\n${headers}\r\n`), Buffer.from(body)])

describe('readBody', () => {
  /** What reading ended with, and the client that sent it. */
  async function reading(bytes: Buffer, limits: Parameters<typeof readBody>[1] = {}) {
    const { promise, resolve } = Promise.withResolvers<Buffer | Error>()
    const begun = Promise.withResolvers<void>()
    const port = await serve((request, response) => {
      begun.resolve()
      readBody(request, limits).then(
        (body) => {
          resolve(body)
          response.end()
        },
        (error: Error) => {
          resolve(error)
          response.writeHead(400, { connection: 'close' }).end()
        },
      )
    })
    return { outcome: promise, begun: begun.promise, ...client(port, bytes) }
  }

  test.each([
    ['of a known length', post('content-length: 5\r\n', 'hello'), 'hello'],
    ['in chunks', post('transfer-encoding: chunked\r\n', '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n'), 'hello'],
    ['that is empty', post('content-length: 0\r\n'), ''],
    ['that is missing', Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'), ''],
    [
      'in gzip',
      post(`content-encoding: gzip\r\ncontent-length: ${gzipSync('hello').length}\r\n`, gzipSync('hello')),
      'hello',
    ],
    [
      'in br',
      post(
        `content-encoding: BR\r\ncontent-length: ${brotliCompressSync('hello').length}\r\n`,
        brotliCompressSync('hello'),
      ),
      'hello',
    ],
    [
      'in zstd',
      post(
        `content-encoding: zstd\r\ncontent-length: ${zstdCompressSync('hello').length}\r\n`,
        zstdCompressSync('hello'),
      ),
      'hello',
    ],
  ])('reads a body %s', async (_what, bytes, text) => {
    const { outcome } = await reading(bytes)
    expect(String(await outcome)).toBe(text)
  })

  test('puts the pieces of a large one together', async () => {
    const body = Buffer.alloc(3_000_000, 'abc')
    const { outcome } = await reading(post(`content-length: ${body.length}\r\n`, body))
    expect(body.equals((await outcome) as Buffer)).toBe(true)
  })

  const bomb = gzipSync(Buffer.alloc(10_000_000))
  test.each([
    ['announced as too large', post('content-length: 101\r\n'), 'input:too_large'],
    [
      'too large unannounced',
      post('transfer-encoding: chunked\r\n', `c8\r\n${'x'.repeat(200)}\r\n`),
      'input:too_large',
    ],
    [
      'too large when it is decoded',
      post(`content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n`, bomb),
      'input:too_large',
    ],
    [
      'in an unknown encoding',
      post('content-encoding: rot13\r\ncontent-length: 5\r\n', 'uryyb'),
      'input:unsupported_media_type',
    ],
    [
      'encoded twice',
      post('content-encoding: gzip, gzip\r\ncontent-length: 5\r\n', 'uryyb'),
      'input:unsupported_media_type',
    ],
    [
      'broken in its encoding',
      post('content-encoding: gzip\r\ncontent-length: 5\r\n', 'hello'),
      'input:invalid',
    ],
  ])('refuses a body %s', async (what, bytes, code) => {
    const { outcome, closed } = await reading(bytes, { body: what.includes('decoded') ? 20_000 : 100 })
    expect(await outcome).toMatchObject({ code })
    expect(await closed).toContain('HTTP/1.1 400')
  })

  test('gives a sender that stalls only so long, and one that trickles too', async () => {
    const stalled = await reading(post('content-length: 9\r\n', 'half'), { stall: 30 })
    expect(await stalled.outcome).toMatchObject({ code: 'server:timeout' })
    const trickling = await reading(post('content-length: 9999\r\n', 'half'), { stall: 10_000, total: 50 })
    const drip = setInterval(() => trickling.socket.write('x'), 10)
    expect(await trickling.outcome).toMatchObject({ code: 'server:timeout' })
    clearInterval(drip)
  })

  test('notices that the sender has gone', async () => {
    const { outcome, begun, socket } = await reading(post('content-length: 9\r\n', 'half'))
    await begun
    socket.resetAndDestroy()
    const error = await outcome
    expect(error).toBeInstanceOf(ClientGone)
    expect(error).not.toBeInstanceOf(BelayError)
  })
})

describe('ClientStream', () => {
  const GET = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'

  test('a whole answer goes out with its length, and the connection stays', async () => {
    const port = await serve((_request, response) =>
      new ClientStream(response).whole(200, { 'content-type': 'text/plain' }, 'hellö'),
    )
    const { socket, got } = client(port, GET)
    await once(socket, 'data')
    expect(got()).toMatch(/^HTTP\/1\.1 200 OK\r\ncontent-type: text\/plain\r\ncontent-length: 6\r\n/)
    expect(got()).toContain('Connection: keep-alive')
    socket.write(GET)
    await once(socket, 'data')
    expect(got().split('HTTP/1.1 200').length).toBe(3)
    socket.destroy()
  })

  test('a client that is still sending gets to read its refusal, and the connection closes', async () => {
    const port = await serve((_request, response) => new ClientStream(response).whole(413, {}, 'too large'))
    const { closed } = client(port, post('content-length: 1000000\r\n', 'x'.repeat(1_000)))
    expect(await closed).toMatch(/^HTTP\/1\.1 413 .*connection: close.*too large$/is)
  })

  test('the head leaves with the first piece, in one packet, or when it is flushed', async () => {
    let stream: ClientStream
    const ready = Promise.withResolvers<void>()
    const port = await serve((request, response) => {
      stream = new ClientStream(response)
      stream.open(200, { 'content-type': 'text/event-stream' })
      if (request.url === '/flush') stream.flush()
      ready.resolve()
    })
    const { socket } = client(port, GET)
    await ready.promise
    expect(stream!.write('data: 1\n\n')).toBe(true)
    const [first] = (await once(socket, 'data')) as [string]
    expect(first).toMatch(/^HTTP\/1\.1 200 .*text\/event-stream.*data: 1\n\n/s)
    stream!.end('data: 2\n\n')
    await once(socket, 'data')
    socket.destroy()
    const flushed = client(port, GET.replace('/', '/flush'))
    const [head] = (await once(flushed.socket, 'data')) as [string]
    expect(head).toMatch(/\r\n\r\n$/)
    flushed.socket.destroy()
  })

  test('a client that leaves is noticed once, also while nothing is written', async () => {
    const gone: string[] = []
    const left = Promise.withResolvers<ClientStream>()
    const port = await serve((_request, response) => {
      const stream = new ClientStream(response, {
        onGone: (why) => {
          gone.push(why)
          left.resolve(stream)
        },
      })
      stream.open(200, {})
      stream.write('x')
    })
    const { socket } = client(port, GET)
    await once(socket, 'data')
    socket.resetAndDestroy()
    const stream = await left.promise
    expect(stream.gone).toBe(true)
    expect(stream.write('y')).toBe(true)
    stream.end()
    stream.whole(200, {}, 'z')
    stream.break()
    expect(gone).toEqual(['left'])
  })

  test('a client whose answer was whole has not left', async () => {
    let gone = 0
    const finished = Promise.withResolvers<void>()
    const port = await serve((_request, response) => {
      response.on('close', () => setImmediate(finished.resolve))
      new ClientStream(response, { onGone: () => gone++ }).whole(200, { connection: 'close' }, 'x')
    })
    await client(port, GET).closed
    await finished.promise
    expect(gone).toBe(0)
  })

  test('says when the buffer is full and when there is room again', async () => {
    const drained = Promise.withResolvers<void>()
    let full = 0
    const port = await serve((_request, response) => {
      const stream = new ClientStream(response, {
        onDrain: () => {
          stream.end()
          drained.resolve()
        },
      })
      stream.open(200, {})
      const piece = Buffer.alloc(1_000_000)
      while (stream.write(piece)) full++
    })
    const answer = await new Promise<IncomingMessage>((resolve) => httpRequest({ port }, resolve).end())
    let size = 0
    answer.on('data', (piece: Buffer) => (size += piece.length))
    await once(answer, 'end')
    await drained.promise
    expect(size).toBe((full + 1) * 1_000_000)
  })

  test.each(['streams', 'is whole'])(
    'a client that reads nothing is cut off when its answer %s',
    async (how) => {
      const gone = Promise.withResolvers<string>()
      const port = await serve((_request, response) => {
        const stream = new ClientStream(response, { onGone: gone.resolve, slowReader: 50 })
        const much = Buffer.alloc(50_000_000)
        if (how === 'is whole') stream.whole(200, {}, much)
        else {
          stream.open(200, {})
          expect(stream.write(much)).toBe(false)
        }
      })
      const { socket } = client(port, GET)
      socket.pause()
      expect(await gone.promise).toBe('slow')
      socket.destroy()
    },
  )

  test('a large whole answer arrives whole, also when it takes longer than the bound', async () => {
    const body = Buffer.alloc(30_000_000, 'abcdefg')
    let gone = 0
    const port = await serve((_request, response) =>
      new ClientStream(response, { onGone: () => gone++, slowReader: 1_000 }).whole(200, {}, body),
    )
    const answer = await new Promise<IncomingMessage>((resolve) => httpRequest({ port }, resolve).end())
    const pieces: Buffer[] = []
    for await (const piece of answer as AsyncIterable<Buffer>) {
      pieces.push(piece)
      // Reads on, each time only after a while: 450 pieces take at least twice the bound.
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(body.equals(Buffer.concat(pieces))).toBe(true)
    expect(gone).toBe(0)
  })

  test('a broken answer cannot be taken for a whole one', async () => {
    const port = await serve((_request, response) => {
      const stream = new ClientStream(response)
      stream.open(200, {})
      stream.write('half')
      response.once('drain', () => undefined)
      setImmediate(() => stream.break())
    })
    const answer = await new Promise<IncomingMessage>((resolve) => httpRequest({ port }, resolve).end())
    await expect(answer.toArray()).rejects.toThrow('aborted')
  })
})
