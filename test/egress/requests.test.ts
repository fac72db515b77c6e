import { afterAll, describe, expect, it } from 'vitest'
import { bodyOf, openWorld, problemOf, request, statusOf, type World } from './world.ts'

const POLICY = `version: 1
agents:
  robot:
    egress:
      - { host: api.example.com, methods: [GET, HEAD, POST], paths: ['/open/**'], upstream: 'http://SERVER' }
`
let world: World
let before = 0
/** One world for all: what was asked and recorded earlier is left aside. */
const open = async () => {
  world ??= await openWorld({ policy: POLICY })
  world.asked.length = 0
  before = (await world.actions()).length
}
const recorded = async () => (await world.actions()).slice(before)
afterAll(() => world.close())

describe('a request', () => {
  it('goes out where an entry admits it, and is an action', async () => {
    await open()
    const answer = await world.raw(request('GET', 'http://api.example.com/open/a?b=1', { 'X-Own': 'yes' }))
    expect(statusOf(answer)).toBe(200)
    expect(bodyOf(answer)).toBe('hello')
    expect(world.asked).toMatchObject([{ method: 'GET', url: '/open/a?b=1' }])
    expect(world.asked[0]!.headers).toMatchObject({ host: 'api.example.com', 'x-own': 'yes' })
    await world.settled()
    const [action] = await recorded()
    expect(action).toMatchObject({
      name: 'http.GET',
      effect: 'read',
      session: 'run-1',
      state: { name: 'succeeded' },
    })
    expect(await world.harness.flow.input(action!)).toEqual({
      via: 'egress',
      host: 'api.example.com',
      path: '/open/a',
      url: 'http://api.example.com/open/a?b=1',
    })
    expect(await world.harness.flow.result(action!)).toEqual({
      status: 200,
      bytes: 5,
      content_type: 'text/plain',
    })
  })

  it.each([
    ['another host', 'http://evil.test/open/a', 'egress:no_entry'],
    ['another path', 'http://api.example.com/closed', 'egress:no_entry'],
    ['a path that climbs', 'http://api.example.com/open/../closed', 'egress:path'],
    ['a path that climbs encoded', 'http://api.example.com/open/%2e%2E%2fclosed', 'egress:path'],
    ['an address', 'http://93.184.215.14/open/', 'egress:address'],
    ['an address as one number', 'http://1572395022/open/', 'egress:address'],
    ['an address in hexadecimal', 'http://0x5db8d70e/open/', 'egress:address'],
    ['another port', 'http://api.example.com:8080/open/a', 'egress:port'],
    ['a user in it', 'http://a@api.example.com/open/a', 'egress:host'],
  ])('to %s is refused and recorded', async (_name, url, code) => {
    await open()
    const host = /^http:\/\/([^/]*)/.exec(url)![1]!
    const answer = await world.raw(`GET ${url} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    expect(statusOf(answer)).toBe(403)
    expect(problemOf(answer)).toMatchObject({ code, status: 403 })
    expect(world.asked).toEqual([])
    const actions = await recorded()
    expect(actions).toHaveLength(1)
    expect(actions[0]).toMatchObject({ effective: 'deny', state: { name: 'denied' }, reasons: [{ code }] })
  })

  it('that is refused says what would admit it', async () => {
    await open()
    const answer = await world.raw(request('PUT', 'http://api.example.com/open/a'))
    expect(problemOf(answer)['entry']).toBe(
      'agents.robot.egress: - {"host":"api.example.com","methods":["PUT"],"paths":["/open/a"]}',
    )
  })

  it('whose Host is another than its address is refused', async () => {
    await open()
    const answer = await world.raw(request('GET', 'http://api.example.com/open/a', { Host: 'evil.test' }))
    expect(problemOf(answer)['code']).toBe('egress:host_mismatch')
    expect(world.asked).toEqual([])
  })

  it.each([
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 6'],
    ['length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked'],
    ['two codings', 'Transfer-Encoding: gzip, chunked'],
    ['a folded header', 'X-A: b\r\n c'],
    ['a bare line feed', 'X-A: b\nX-C: d'],
    ['a bare carriage return', 'X-A: b\rX-C: d'],
    ['a null byte', 'X-A: b\0c'],
    ['a space before the colon', 'Content-Length : 5'],
    ['a sign in the length', 'Content-Length: +5'],
    ['a second Host', 'Host: evil.test'],
    ['Connection against Host', 'Connection: host'],
  ])('with %s is not read on', async (_name, lines) => {
    await open()
    const answer = await world.raw(
      `POST http://api.example.com/open/a HTTP/1.1\r\nHost: api.example.com\r\n${lines}\r\n\r\nhello` +
        'GET http://api.example.com/open/smuggled HTTP/1.1\r\nHost: api.example.com\r\n\r\n',
    )
    expect(statusOf(answer)).toBe(400)
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(world.asked).toEqual([])
    expect((await recorded()).at(-1)).toMatchObject({ reasons: [{ code: 'egress:malformed' }] })
  })

  it.each([
    ['size in another base', 'xyz\r\nhello\r\n0\r\n\r\n'],
    ['an extension', '5;a=b\r\nhello\r\n0\r\n\r\n'],
    ['more than it says', '3\r\nhello\r\n0\r\n\r\n'],
    ['a bare line feed', '5\nhello\r\n0\r\n\r\n'],
    ['a negative size', '-5\r\nhello\r\n0\r\n\r\n'],
  ])('whose chunk has %s is not sent', async (_name, body) => {
    await open()
    const answer = await world.raw(
      `POST http://api.example.com/open/a HTTP/1.1\r\nHost: api.example.com\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
    )
    expect(statusOf(answer)).toBe(400)
    expect(world.asked).toEqual([])
  })

  it('with a body arrives as it was, in one piece or chunked', async () => {
    await open()
    await world.raw(request('POST', 'http://api.example.com/open/a', {}, '{"a":1}'))
    await world.raw(
      request('POST', 'http://api.example.com/open/b', { 'Transfer-Encoding': 'chunked' }) +
        '3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-T: 1\r\n\r\n',
    )
    expect(world.asked.map(({ body }) => body)).toEqual(['{"a":1}', 'abcdefg'])
    const [first] = await recorded()
    expect(await world.harness.flow.input(first!)).toMatchObject({ body_bytes: 7 })
  })

  it('with a large body streams, and waits for a server that does not read', async () => {
    await open()
    const body = 'x'.repeat(3 * 1024 * 1024)
    const answer = await world.raw(request('POST', 'http://api.example.com/open/a', {}, body))
    expect(statusOf(answer)).toBe(200)
    expect(world.asked[0]!.body).toHaveLength(body.length)
  })

  it('follows another on the same connection, also when both come at once', async () => {
    await open()
    const one = request('GET', 'http://api.example.com/open/1', { Connection: 'keep-alive' })
    const answer = await world.raw(one + request('GET', 'http://api.example.com/open/2'))
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2)
    expect(world.asked.map(({ url }) => url)).toEqual(['/open/1', '/open/2'])
  })

  it('that nobody can record is not sent', async () => {
    await open()
    await world.harness.store.close()
    const answer = await world.raw(request('GET', 'http://api.example.com/open/a'))
    expect(statusOf(answer)).toBe(503)
    expect(world.asked).toEqual([])
  })
})
