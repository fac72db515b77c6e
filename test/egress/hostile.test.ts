import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Scrubber } from '../../src/entry/egress/scrubber.ts'
import { FrameEnds } from '../../src/entry/egress/websocket-frames.ts'
import { openWorld, problemOf, request, statusOf, type World } from './world.ts'

const KEY = 'sk+S3cret/Valu&e 0123456789'
let world: World
let before = 0
/** A server that answers with whatever bytes `answer` gives, and keeps what it heard. */
let server: Server
let answer: (heard: string, socket: Socket) => void
let heard = ''
let cut: Promise<void>

beforeAll(async () => {
  server = createServer((socket) => {
    heard = ''
    cut = new Promise((resolve) => socket.on('close', () => resolve()))
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.toString('latin1')
      answer(heard, socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const own = `127.0.0.1:${(server.address() as AddressInfo).port}`
  world = await openWorld({
    policy: `version: 1
agents:
  robot:
    egress:
      - { host: api.example.com, methods: [GET, POST], paths: ['/open/**'], upstream: 'http://${own}', websocket: true }
      - { host: sealed.example.com, upstream: 'http://${own}', tls: passthrough }
approvers: { ops: { members: [ann] } }
actions:
  http.POST:
    approve: [{ when: 'input.path == "/open/held"', by: [ops], expires: 1h }]
    approval_wait: 1ms
secrets:
  TOKEN: { value: $REAL, hosts: [api.example.com] }
  SHORT: { value: $BEGIN, hosts: [api.example.com] }
`,
    egress: { env: { REAL: KEY, BEGIN: KEY.slice(0, 12) } },
  })
})
afterAll(async () => {
  await world.close()
  server.close()
})
beforeEach(async () => {
  before = (await world.actions()).length
  answer = (_heard, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
})
const recorded = async () => {
  await world.settled()
  return (await world.actions()).slice(before)
}

describe('an answer that echoes a secret', () => {
  const hex = Buffer.from(KEY).toString('hex')
  it.each([
    ['in the reason', (key: string) => `HTTP/1.1 200 ${key}\r\nContent-Length: 0\r\n\r\n`, KEY],
    ['in the name of a header', () => `HTTP/1.1 200 OK\r\nX-${hex}: 1\r\nContent-Length: 0\r\n\r\n`, hex],
    ['in hexadecimal', () => `HTTP/1.1 200 OK\r\n\r\n${hex.toUpperCase()}`, hex.toUpperCase()],
    [
      'as a form writes it',
      () => `HTTP/1.1 200 OK\r\n\r\n${encodeURIComponent(KEY).replaceAll('%20', '+')}`,
      'Valu%26e+0123456789',
    ],
    [
      'encoded in lower case',
      () => `HTTP/1.1 200 OK\r\n\r\n${encodeURIComponent(KEY).replace(/%../g, (code) => code.toLowerCase())}`,
      'Valu%26e%200123456789',
    ],
    ['in HTML', (key: string) => `HTTP/1.1 200 OK\r\n\r\n<b>${key.replace('&', '&amp;')}`, 'Valu&amp;e'],
    [
      'in JSON as PHP writes it',
      (key: string) => `HTTP/1.1 200 OK\r\n\r\n"${key.replace('/', '\\/')}"`,
      'S3cret\\/Valu',
    ],
    [
      'in UTF-16',
      (key: string) => `HTTP/1.1 200 OK\r\n\r\n${Buffer.from(key, 'utf16le').toString('latin1')}`,
      'V\0a\0l\0u',
    ],
    ['that begins with another one', (key: string) => `HTTP/1.1 200 OK\r\n\r\n${key}`, KEY.slice(12)],
  ])('has it overwritten: %s', async (_name, bytes, leak) => {
    answer = (_heard, socket) => socket.end(bytes(KEY), 'latin1')
    const came = await world.raw(
      request('GET', 'http://api.example.com/open/', {
        Authorization: `Bearer ${world.egress.env['TOKEN']}`,
      }),
    )
    expect(heard).toContain(KEY)
    expect(statusOf(came)).toBe(200)
    expect(came).toContain('****')
    expect(came).not.toContain(leak)
  })

  it('is withheld when it is compressed, however often that is said', async () => {
    answer = (_heard, socket) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\nzipped')
    const came = await world.raw(request('GET', 'http://api.example.com/open/'))
    expect(problemOf(came)['code']).toBe('egress:unreadable_answer')
  })
})

describe('the scrubber', () => {
  it('finds texts that begin in each other, however the pieces are cut', () => {
    for (const [needles, text, expected] of [
      [['abcdefgh', 'abcdefghXYZ'], 'a abcdefghXYZ abcdefghX', 'a *********** ********X'],
      [['xxabc', 'abcyy'], '.xxabcyy.', '.*******.'],
      [['aaa'], 'aaaaaabaa', '******baa'],
    ] as const)
      for (let size = 1; size <= text.length; size++) {
        const scrubber = new Scrubber(needles)
        let out = ''
        for (let at = 0; at < text.length; at += size)
          out += scrubber.push(Buffer.from(text.slice(at, at + size))).toString()
        expect([size, out + scrubber.end().toString()]).toEqual([size, expected])
      }
  })
})

describe('a request that is judged as one thing and read as another', () => {
  it.each([
    ['a segment with parameters', '/open/..;/closed', {}, 'egress:path'],
    ['an encoded parameter', '/open/..%3Bx/closed', {}, 'egress:path'],
    ['what is encoded twice', '/open/%252e%252E/closed', {}, 'egress:path'],
    ['what is encoded three times', '/open/%25252e%25252e%25252fclosed', {}, 'egress:path'],
    ['overlong UTF-8', '/open/%c0%ae%C0%AE/closed', {}, 'egress:path'],
    ['a zero byte', '/open/..%00/closed', {}, 'egress:path'],
    ['another method', '/open/', { 'X-HTTP-Method-Override': 'DELETE' }, 'egress:override'],
    ['another path', '/open/', { 'X-Original-URL': '/closed' }, 'egress:override'],
    ['another host', '/open/', { 'X-Forwarded-Host': 'admin.example.com' }, 'egress:override'],
  ])('is refused and recorded: %s', async (_name, path, headers, code) => {
    const came = await world.raw(
      `GET http://api.example.com${path} HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n${Object.entries(
        headers,
      )
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}\r\n`,
    )
    expect(problemOf(came)).toMatchObject({ code, status: 403 })
    expect(await recorded()).toMatchObject([{ state: { name: 'denied' }, reasons: [{ code }] }])
  })

  it('meets checks of its path without the encoding that it does not need', async () => {
    const came = await world.raw(request('POST', 'http://api.example.com/open/%68el%64', {}, 'x'))
    expect(problemOf(came)['code']).toBe('egress:held')
  })
})

describe('what is left half done', () => {
  const begin = `POST http://api.example.com/open/ HTTP/1.1\r\nHost: api.example.com\r\nTransfer-Encoding: chunked\r\n\r\n`
  const chunk = `${(300_000).toString(16)}\r\n${'x'.repeat(300_000)}\r\n`

  it('is cut at the server, and recorded as nobody knows', async () => {
    const begun = Promise.withResolvers<void>()
    answer = (all) => {
      if (all.includes('xxxx')) begun.resolve()
    }
    const socket = connect(world.ports.proxy, '127.0.0.1')
    let came = ''
    socket.on('data', (bytes: Buffer) => (came += bytes.toString('latin1')))
    socket.write(`${begin}${chunk}`)
    await begun.promise
    socket.write('nonsense\r\n')
    await new Promise((resolve) => socket.on('close', resolve))
    expect(problemOf(came)).toMatchObject({ code: 'egress:malformed', status: 400 })
    await cut
    expect(await recorded()).toMatchObject([{ name: 'http.POST', state: { name: 'unknown' } }])
  })
})

describe('an approval', () => {
  it('of a request that somebody else has started admits no other', async () => {
    const held = await world.raw(request('POST', 'http://api.example.com/open/held', {}, 'once'))
    const { approval, action } = problemOf(held)
    await world.harness.flow.vote(String(approval), { by: 'ann', outcome: 'approve' })
    await world.harness.flow.start(String(action))
    heard = ''
    const again = await world.raw(request('POST', 'http://api.example.com/open/held', {}, 'once'))
    expect(problemOf(again)).toMatchObject({ code: 'egress:held' })
    expect(problemOf(again)['approval']).not.toBe(approval)
    expect(heard).toBe('')
    await world.harness.flow.report(String(action), { outcome: 'failed' })
  })

  it('sends once, of two requests that come at once', async () => {
    const post = request('POST', 'http://api.example.com/open/held', {}, 'twice')
    const held = await world.raw(post)
    await world.harness.flow.vote(String(problemOf(held)['approval']), { by: 'ann', outcome: 'approve' })
    const came = await Promise.all([world.raw(post), world.raw(post)])
    expect(came.map(statusOf)).toEqual(expect.arrayContaining([200, 403]))
  })
})

describe('a connection that ends', () => {
  it('behind passthrough gives a slow reader all of it', async () => {
    const size = 3_000_000
    answer = (_heard, socket) => socket.end(Buffer.alloc(size, 1))
    const socket = connect(world.ports.proxy, '127.0.0.1')
    socket.write('CONNECT sealed.example.com:443 HTTP/1.1\r\nHost: sealed.example.com:443\r\n\r\n')
    await new Promise((resolve) => socket.once('data', resolve))
    socket.pause()
    socket.write(clientHello('sealed.example.com'))
    await expect.poll(() => world.egress.counts().bytesIn).toBeGreaterThan(100_000)
    let came = 0
    socket.on('data', (bytes: Buffer) => {
      came += bytes.length
      socket.pause()
      setImmediate(() => socket.resume())
    })
    socket.resume()
    await new Promise((resolve) => socket.on('close', resolve))
    expect(came).toBe(size)
  })

  it('and messages that may begin a secret do not wait for the next one', async () => {
    const text = KEY.slice(0, 5)
    answer = (all, socket) => {
      if (all.includes('\r\n\r\n'))
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05${text}`,
          'latin1',
        )
    }
    const socket = connect(world.ports.proxy, '127.0.0.1')
    socket.write(
      'GET http://api.example.com/open/ HTTP/1.1\r\nHost: api.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    )
    let came = ''
    socket.on('data', (bytes: Buffer) => (came += bytes.toString('latin1')))
    await expect.poll(() => came).toContain(`\x81\x05${text}`)
    socket.destroy()
  })

  it('frames end where they say', () => {
    const long = Buffer.concat([Buffer.from([0x82, 126, 1, 0]), Buffer.alloc(256)])
    const masked = Buffer.from([0x81, 0x81, 1, 2, 3, 4, 5])
    const longest = Buffer.concat([Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]), Buffer.alloc(65_536)])
    const all = Buffer.concat([long, masked, longest, Buffer.from([0x8a, 0])])
    for (const size of [1, 7, 300, all.length]) {
      const frames = new FrameEnds()
      const ends: number[] = []
      for (let at = 0; at < all.length; at += size)
        if (frames.pass(all.subarray(at, at + size))) ends.push(Math.min(at + size, all.length))
      expect(ends.at(-1)).toBe(all.length)
      if (size === 1) expect(ends).toEqual([260, 267, 267 + 65_546, all.length])
    }
  })
})

/** The least that a client may begin TLS with (RFC 8446, 4.1.2). */
function clientHello(name: string): Buffer {
  const server = Buffer.concat([u16(name.length + 3), Buffer.from([0]), u16(name.length), Buffer.from(name)])
  const extensions = Buffer.concat([u16(0), u16(server.length), server])
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32),
    Buffer.from([0, 0, 2, 0x13, 1, 1, 0]),
    u16(extensions.length),
    extensions,
  ])
  const message = Buffer.concat([Buffer.from([1, 0]), u16(body.length), body])
  return Buffer.concat([Buffer.from([22, 3, 1]), u16(message.length), message])
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}
