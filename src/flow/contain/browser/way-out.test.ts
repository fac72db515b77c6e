import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer as createHttp, request } from 'node:http'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { HostRule } from '../../../policy/compile-browser.ts'
import { mayGoTo, mayReach, resolverRules } from './allowed-hosts.ts'
import { wayOut } from './way-out.ts'

const rule = (host: string, port: number | null = null): HostRule => ({ host, port })

it.each<[string, string, boolean]>([
  ['example.com', 'https://example.com/a', true],
  ['example.com', 'http://EXAMPLE.com./', true],
  ['example.com', 'wss://example.com/', true],
  ['example.com', 'https://example.com:8443/', false],
  ['example.com', 'https://sub.example.com/', false],
  ['example.com', 'https://example.com.evil.test/', false],
  ['example.com', 'https://user@example.com/', false],
  ['example.com', 'ftp://example.com/', false],
  ['example.com', 'file:///example.com', false],
  ['example.com', 'javascript:alert(1)', false],
  ['example.com', 'nonsense', false],
  ['*.example.com', 'https://a.b.example.com/', true],
  ['*.example.com', 'https://example.com/', false],
  ['*.example.com', 'https://badexample.com/', false],
  ['*', 'https://anything.test:81/', true],
  ['*', 'chrome://settings', false],
  // However it is written, it is this machine.
  ['127.0.0.1', 'http://2130706433/', true],
  ['example.com', 'http://0x7f.1/', false],
])('%s allows %s: %s', (host, address, allowed) => {
  expect(mayReach([rule(host)], address)).toBe(allowed)
})

it('goes only where a browser goes, and resolves only what it is allowed', () => {
  expect(mayGoTo([rule('*')], 'data:text/html,x')).toBe(false)
  expect(mayReach([rule('example.com')], 'data:text/html,x')).toBe(true)
  expect(mayGoTo([rule('127.0.0.1', 81)], 'http://127.0.0.1:81/')).toBe(true)
  expect(mayGoTo([rule('127.0.0.1', 81)], 'http://127.0.0.1/')).toBe(false)
  expect(resolverRules([rule('*')])).toBeNull()
  expect(resolverRules([rule('a.test'), rule('*.b.test')])).toBe(
    'MAP * ~NOTFOUND , EXCLUDE a.test , EXCLUDE *.b.test',
  )
})

const asked: string[] = []
const site = createHttp((incoming, response) => {
  asked.push(`${incoming.headers.host} ${incoming.url} ${incoming.headers['proxy-authorization'] ?? ''}`)
  response.end('here')
})
const other = createHttp((_incoming, response) => {
  asked.push('other')
  response.end()
})
const proxy = createServer()
let ports: { site: number; other: number; proxy: number }

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

beforeAll(async () => {
  ports = { site: await listen(site), other: await listen(other), proxy: await listen(proxy) }
  const [https, http] = [createServer(), createServer()]
  await listen(https)
  await listen(http)
  await wayOut({ allow: [rule('127.0.0.1', ports.site)], private: false })({
    https,
    http,
    proxy,
    dns: createSocket('udp4'),
  })
  expect([https.listening, http.listening]).toEqual([false, false])
})
afterAll(() => {
  site.closeAllConnections()
  for (const server of [site, other, proxy]) server.close()
})

const get = (url: string, port = ports.proxy): Promise<[number, string]> =>
  new Promise((resolve, reject) => {
    const headers = { 'proxy-authorization': 'secret' }
    request({ port, path: url, headers }, (response) => {
      let body = ''
      response.on('data', (part: Buffer) => (body += part.toString()))
      response.on('end', () => resolve([response.statusCode ?? 0, body]))
    })
      .on('error', reject)
      .end()
  })

/** What is answered to raw bytes, until the other side is quiet or gone. */
async function say(text: string, until: RegExp, port = ports.proxy): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let heard = ''
  socket.write(text)
  for await (const part of socket) {
    heard += (part as Buffer).toString()
    if (until.test(heard)) break
  }
  socket.destroy()
  return heard
}

it('leads to the hosts and ports of the account and nowhere else', async () => {
  expect(await get(`http://127.0.0.1:${ports.site}/page?q=1`)).toEqual([200, 'here'])
  expect(asked).toEqual([`127.0.0.1:${ports.site} /page?q=1 `])
  expect((await get(`http://127.0.0.1:${ports.other}/`))[0]).toBe(403)
  expect((await get('/relative'))[0]).toBe(403)
  expect((await get(`https://127.0.0.1:${ports.site}/`))[0]).toBe(403)
  const through = `CONNECT 127.0.0.1:${ports.site} HTTP/1.1\r\nhost: x\r\n\r\nGET /tunnel HTTP/1.1\r\nhost: t\r\n\r\n`
  expect(await say(through, /here/)).toMatch(/^HTTP\/1.1 200[\s\S]*here/)
  for (const target of [
    `127.0.0.1:${ports.other}`,
    `localhost:${ports.site}`,
    '127.0.0.1',
    '',
    `127.0.0.1:${ports.site}@x:1`,
  ])
    expect([target, await say(`CONNECT ${target} HTTP/1.1\r\nhost: x\r\n\r\n`, /\r\n\r\n/)]).toEqual([
      target,
      expect.stringMatching(/^HTTP\/1.1 40/),
    ])
  expect(asked).not.toContain('other')
})

it('says so when nobody is there', async () => {
  site.closeAllConnections()
  await new Promise((resolve) => site.close(resolve))
  expect((await get(`http://127.0.0.1:${ports.site}/`))[0]).toBe(502)
})

it.each<[string, readonly string[], boolean, number]>([
  ['this machine', ['127.0.0.1'], false, 403],
  ['a private network', ['10.1.2.3'], false, 403],
  ['the service that knows a machine in a cloud', ['169.254.169.254'], false, 403],
  ['this machine by IPv6', ['::1'], false, 403],
  ['this machine as IPv4 in IPv6', ['::ffff:127.0.0.1'], false, 403],
  ['one of several that is private', ['93.184.215.14', '127.0.0.1'], false, 403],
  ['nobody', [], false, 502],
  ['this machine, where the account may go near', ['127.0.0.1'], true, 200],
])('a name that leads to %s', async (_what, addresses, near, status) => {
  const here = createHttp((_incoming, response) => void response.end('near'))
  const port = await listen(here)
  const [https, http, way] = [createServer(), createServer(), createServer()]
  for (const server of [https, http, way]) await listen(server)
  const allow = [rule('*', null), rule('inner.example.com', port)]
  await wayOut(
    { allow, private: near },
    async () => addresses,
  )({
    https,
    http,
    proxy: way,
    dns: createSocket('udp4'),
  })
  const through = (way.address() as AddressInfo).port
  const [plain] = await get(`http://inner.example.com:${port}/`, through)
  expect(plain).toBe(status)
  const tunnelled = await say(
    `CONNECT inner.example.com:${port} HTTP/1.1\r\nhost: x\r\n\r\n`,
    /\r\n\r\n/,
    through,
  )
  expect(tunnelled).toMatch(new RegExp(`^HTTP/1.1 ${status}`))
  // `*` is every name, and no address of this machine.
  expect((await get(`http://127.0.0.1:${port}/`, through))[0]).toBe(near ? 200 : 403)
  here.closeAllConnections()
  for (const server of [here, way]) server.close()
})
