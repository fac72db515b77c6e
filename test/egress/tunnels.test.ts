import { Resolver } from 'node:dns/promises'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openTlsServer } from './tls-server.ts'
import { openWorld, problemOf, statusOf, type World } from './world.ts'

let world: World
let tls: Awaited<ReturnType<typeof openTlsServer>>
let echo: Server
let before = 0

beforeAll(async () => {
  tls = await openTlsServer(['api.example.com'], (asked, response) =>
    response.end(`secret word for ${asked.url}`),
  )
  // Upgrades whatever comes, and says back what it hears.
  echo = createServer((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi')
      socket.on('data', (bytes) => socket.write(bytes))
    })
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  const { port } = echo.address() as AddressInfo
  world = await openWorld({
    policy: `version: 1
agents:
  robot:
    egress:
      - { host: api.example.com, upstream: 'https://api.example.com:${tls.port}' }
      - { host: closed.example.com, upstream: 'https://api.example.com:${tls.port}', tls: passthrough }
      - { host: chat.example.com, upstream: 'http://127.0.0.1:${port}', websocket: true }
      - { host: nochat.example.com, upstream: 'http://127.0.0.1:${port}' }
`,
    egress: { trusted: [tls.authority], resolve: async () => ['127.0.0.1'] },
  })
})
afterAll(async () => {
  await world.close()
  tls.close()
  echo.close()
})
beforeEach(async () => {
  before = (await world.actions()).length
})
const recorded = async () => {
  await world.settled()
  return (await world.actions()).slice(before)
}

/** A connection behind `CONNECT`. */
async function tunnel(authority: string): Promise<Socket> {
  const socket = connect(world.ports.proxy, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
  const answer = await new Promise<string>((resolve) =>
    socket.once('data', (bytes) => resolve(bytes.toString())),
  )
  expect(statusOf(answer)).toBe(200)
  return socket
}

function everything(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
}

async function secured(socket: Socket, servername: string, ca: string): Promise<TLSSocket> {
  const secure = connectTls({ socket, servername, ca })
  await new Promise<void>((resolve, reject) => secure.once('secureConnect', resolve).once('error', reject))
  return secure
}

const GET = (host: string) => `GET /x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`

describe('behind CONNECT', () => {
  it('TLS ends at the gateway, in the name of the host', async () => {
    const socket = await secured(await tunnel('api.example.com:443'), 'api.example.com', world.egress.ca)
    expect(socket.getPeerCertificate().issuer.CN).toMatch(/^Belay authority /)
    expect(socket.authorized).toBe(true)
    socket.write(GET('api.example.com'))
    expect(await everything(socket)).toContain('secret word for /x')
    expect(await recorded()).toMatchObject([{ name: 'http.GET', state: { name: 'succeeded' } }])
  })

  it('another Host than the tunnel’s is refused', async () => {
    const socket = await secured(await tunnel('api.example.com:443'), 'api.example.com', world.egress.ca)
    socket.write(GET('chat.example.com'))
    expect(problemOf(await everything(socket))['code']).toBe('egress:host_mismatch')
  })

  it('another server name than the tunnel’s is cut and recorded', async () => {
    const text = everything(
      await tunnel('api.example.com:443').then((socket) => {
        connectTls({ socket, servername: 'chat.example.com', ca: world.egress.ca }).on(
          'error',
          () => undefined,
        )
        return socket
      }),
    )
    await text
    expect(await recorded()).toMatchObject([
      { name: 'http.CONNECT', reasons: [{ code: 'egress:host_mismatch' }] },
    ])
  })

  it.each([
    ['plain HTTP', GET('api.example.com')],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ])('%s is cut and recorded', async (_name, bytes) => {
    const socket = await tunnel('api.example.com:443')
    socket.write(bytes)
    expect(await everything(socket)).toBe('')
    expect(await recorded()).toMatchObject([{ name: 'http.CONNECT', reasons: [{ code: 'egress:not_tls' }] }])
  })

  it('an entry with passthrough leaves the encryption alone, and is one action', async () => {
    const socket = await secured(
      await tunnel('closed.example.com:443'),
      'closed.example.com',
      tls.authority,
    ).catch((error: unknown) => error as NodeJS.ErrnoException)
    // The certificate is the server's own, which is for another name here: nobody has touched it.
    expect((socket as NodeJS.ErrnoException).code).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
    const [action] = await recorded()
    expect(action).toMatchObject({ name: 'http.CONNECT', effect: 'write', state: { name: 'succeeded' } })
    expect(await world.harness.flow.result(action!)).toMatchObject({ bytes: expect.any(Number) as number })
  })
})

describe('a WebSocket', () => {
  const upgrade = (host: string) =>
    `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n`

  it('is carried where the entry says so; its bytes are counted', async () => {
    const socket = connect(world.ports.proxy, '127.0.0.1')
    let text = ''
    const heard = Promise.withResolvers<void>()
    socket.on('data', (bytes) => {
      text += bytes.toString()
      if (text.includes('hi') && !text.includes('ping') && !text.endsWith('sent')) socket.write('ping')
      if (text.includes('ping')) heard.resolve()
    })
    socket.write(upgrade('chat.example.com'))
    await heard.promise
    socket.destroy()
    expect(statusOf(text)).toBe(101)
    const [action] = await recorded()
    expect(await world.harness.flow.input(action!)).toMatchObject({ upgrade: 'websocket' })
    expect(await world.harness.flow.result(action!)).toMatchObject({ status: 101, bytes: 6, sent_bytes: 4 })
  })

  it('is refused where it does not', async () => {
    const answer = await world.raw(
      upgrade('nochat.example.com').replace('Connection: Upgrade', 'Connection: Upgrade, close'),
    )
    expect(problemOf(answer)['code']).toBe('egress:websocket')
  })

  it('is the only thing that can be upgraded to', async () => {
    const answer = await world.raw(
      upgrade('chat.example.com')
        .replace('Upgrade: websocket', 'Upgrade: tcp')
        .replace('Connection: Upgrade', 'Connection: Upgrade, close'),
    )
    expect(problemOf(answer)['code']).toBe('egress:upgrade')
  })
})

describe('names', () => {
  it('have one made-up address each, whatever is asked, and nothing else', async () => {
    const resolver = new Resolver({ timeout: 2_000, tries: 1 })
    resolver.setServers([`127.0.0.1:${world.ports.dns}`])
    const [first, again, other] = await Promise.all(
      ['a.example.com', 'A.example.com', 'b.example.com'].map(
        async (name) => (await resolver.resolve4(name))[0]!,
      ),
    )
    expect(first).toMatch(/^198\.1[89]\./)
    expect(again).toBe(first)
    expect(other).not.toBe(first)
    await expect(resolver.resolve6('a.example.com')).rejects.toMatchObject({ code: 'ENODATA' })
    await expect(resolver.resolveTxt('a.example.com')).rejects.toMatchObject({ code: 'ENODATA' })
    await expect(resolver.resolve4('not a name')).rejects.toMatchObject({ syscall: 'queryA' })
    expect(world.egress.counts().nameQueries).toBeGreaterThanOrEqual(5)
  })
})
