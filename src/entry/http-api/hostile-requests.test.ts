import { request } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BelayError, CATALOGUE } from '../../errors/catalogue.ts'
import { ADMIN, startTestServer } from '../../../test/setup/http-server.ts'
import type { Json, TestServer } from '../../../test/setup/http-server.ts'
import { DEFAULT_LIMITS } from './server-limits.ts'

let server: TestServer
let lines: string[]
beforeAll(async () => {
  lines = []
  server = await startTestServer({
    log: { level: 'debug', stream: { write: (line) => void lines.push(line) } },
  })
})
afterAll(() => server.close())

async function post(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}/v1/actions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json', ...headers },
    body,
  })
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: (await response.json()) as Json,
  }
}

/** Sends raw bytes and reads until the server closes. */
function raw(text: string, to = server): Promise<string> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(to.url)
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk))
    socket.on('close', () => resolve(answer)).on('error', reject)
  })
}

const withInput = (input: string) => `{"agent":"writer","action":"note.read","input":${input}}`

describe('bodies', () => {
  test.each([
    [
      'a prototype in the input',
      withInput('{"__proto__":{"polluted":true}}'),
      400,
      'input:forbidden_key',
      'body.input: the key __proto__ is not allowed.',
    ],
    [
      'a constructor in the input',
      withInput('{"a":{"constructor":{"prototype":{}}}}'),
      400,
      'input:forbidden_key',
      'body.input.a: the key constructor is not allowed.',
    ],
    [
      'a prototype in the body',
      '{"__proto__":{}}',
      400,
      'input:forbidden_key',
      'body: the key __proto__ is not allowed.',
    ],
    [
      'ten thousand levels',
      withInput('{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000)),
      400,
      'input:too_deep',
      'at most 64 levels',
    ],
    [
      'a hundred thousand values',
      withInput(`{"a":[${'0,'.repeat(100_001)}0]}`),
      413,
      'input:too_large',
      '100000 values',
    ],
    ['NaN', withInput('{"a":NaN}'), 400, 'input:invalid_json', 'not valid JSON'],
    [
      'a number too large',
      withInput('{"a":1e400}'),
      400,
      'input:invalid',
      'body.input.a: expected a number that a double holds exactly',
    ],
    ['a lone surrogate', withInput('{"a":"\\udead"}'), 400, 'input:not_canonical', 'lone surrogate'],
    [
      'a key twice',
      withInput('{}').replace('{', '{"agent":"reader",'),
      400,
      'input:invalid',
      'the key "agent" twice',
    ],
    ['half a document', '{"agent":"writer"', 400, 'input:invalid_json', 'not valid JSON'],
    ['null', 'null', 400, 'input:invalid', 'body: expected an object'],
  ])('refuses %s', async (_what, body, status, code, detail) => {
    const answer = await post(body)
    expect(answer).toMatchObject({ status, type: 'application/problem+json', body: { code } })
    expect(answer.body.detail).toContain(detail)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('refuses other media types and bytes that are no UTF-8', async () => {
    expect(await post('{}', { 'content-type': 'text/plain' })).toMatchObject({
      status: 415,
      body: { code: 'input:unsupported_media_type' },
    })
    expect(await post(Uint8Array.of(0x7b, 0xff, 0x7d))).toMatchObject({
      status: 400,
      body: { code: 'input:invalid_json' },
    })
  })

  test('refuses 100 MB at its announcement, and closes', async () => {
    const answer = await upload({ 'content-length': String(100 * 1024 * 1024) })
    expect(answer).toMatchObject({
      status: 413,
      closes: true,
      body: { code: 'input:too_large', details: { max: '1048576 bytes' } },
    })
    expect(answer.sent).toBeLessThan(100 * 1024 * 1024)
  })

  test('refuses 100 MB that come unannounced, without keeping them, and closes', async () => {
    const before = process.memoryUsage.rss()
    const answer = await upload({ 'transfer-encoding': 'chunked' })
    expect(answer).toMatchObject({ status: 413, closes: true, body: { code: 'input:too_large' } })
    expect(process.memoryUsage.rss() - before).toBeLessThan(80 * 1024 * 1024)
  })

  test('without credentials nothing of a body is read either', async () => {
    const answer = await upload({
      'content-length': String(100 * 1024 * 1024),
      authorization: 'Bearer wrong',
    })
    expect(answer).toMatchObject({ status: 401, closes: true, body: { code: 'auth:required' } })
  })

  /** Sends 100 MB as fast as they are taken, and stops when an answer has come. */
  function upload(
    headers: Record<string, string>,
  ): Promise<{ status: number; closes: boolean; body: Json; sent: number }> {
    return new Promise((resolve, reject) => {
      const chunk = Buffer.alloc(64 * 1024, 'x')
      let sent = 0
      let answered = false
      const outgoing = request(`${server.url}/v1/actions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json', ...headers },
      })
      outgoing.on('response', (incoming) => {
        answered = true
        let text = ''
        incoming.setEncoding('utf8').on('data', (part: string) => (text += part))
        incoming.on('end', () => {
          const { statusCode: status = 0, headers: given } = incoming
          outgoing.destroy()
          resolve({ status, closes: given.connection === 'close', body: JSON.parse(text), sent })
        })
      })
      outgoing.on('error', (error) => (answered ? undefined : reject(error)))
      const send = (): void => {
        while (!answered && sent < 100 * 1024 * 1024) {
          sent += chunk.length
          if (!outgoing.write(chunk)) {
            outgoing.once('drain', send)
            return
          }
        }
        if (!answered) outgoing.end()
      }
      send()
    })
  }
})

describe('connections', () => {
  test('slow and idle ones are cut off', () => {
    const { server: http } = server.app
    expect(http.headersTimeout).toBe(DEFAULT_LIMITS.headersTimeout)
    expect(http.requestTimeout).toBe(DEFAULT_LIMITS.requestTimeout)
    expect(http.timeout).toBe(DEFAULT_LIMITS.idleTimeout)
    expect(http.maxConnections).toBe(DEFAULT_LIMITS.connections)
    // A wait and the pause between two heartbeats must fit in.
    expect(DEFAULT_LIMITS.idleTimeout).toBeGreaterThan(
      Math.max(DEFAULT_LIMITS.wait, DEFAULT_LIMITS.heartbeat),
    )
  })

  test('headers and bodies that trickle in are cut off with a problem', async () => {
    const hasty = await startTestServer({ limits: { headersTimeout: 100, requestTimeout: 300 } })
    const timeout = /^HTTP\/1\.1 408 .*"code":"server:timeout"/s
    expect(await raw('GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: y', hasty)).toMatch(timeout)
    const headers = `host: localhost\r\nauthorization: Bearer ${ADMIN}\r\ncontent-type: application/json\r\ncontent-length: 9`
    expect(await raw(`POST /v1/actions HTTP/1.1\r\n${headers}\r\n\r\n{`, hasty)).toMatch(timeout)
    await hasty.close()
  })

  test('headers that are too long, and what is no HTTP, are answered with a problem', async () => {
    const long = await raw(`GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`)
    expect(long).toMatch(/^HTTP\/1\.1 413 .*application\/problem\+json.*"code":"input:too_large"/s)
    const address = await raw(`GET /${'y'.repeat(40_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    expect(address).toMatch(/^HTTP\/1\.1 413 /)
    const nonsense = await raw('GET /healthz HTTP/9.9\r\n\r\n')
    expect(nonsense).toMatch(/^HTTP\/1\.1 400 .*"code":"input:invalid"/s)
  })

  test('malformed addresses are answered with a problem', async () => {
    const malformed = await raw(
      'GET /v1/actions/%zz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
    )
    expect(malformed).toMatch(/^HTTP\/1\.1 400 .*"code":"input:invalid"/s)
    const answer = await server.call('GET', `/v1/actions/${'y'.repeat(5_000)}`)
    expect([400, 404, 413]).toContain(answer.status)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
  })
})

describe('the Host header', () => {
  const get = (host: string) => raw(`GET /healthz HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)

  test.each(['127.0.0.1', '127.0.0.1:7300', 'localhost', 'LOCALHOST:1', '[::1]:7300'])(
    'takes %s',
    async (host) => {
      expect(await get(host)).toMatch(/^HTTP\/1\.1 200 /)
    },
  )

  test.each([
    'evil.example',
    'evil.example:7300',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    'localhost:1@evil.example',
    '[::2]',
    '',
  ])('refuses %s', async (host) => {
    expect(await get(host)).toMatch(/^HTTP\/1\.1 40[03] .*"code":"(auth:forbidden|input:invalid)"/s)
  })

  test('is no matter when the server is bound to the world', async () => {
    const open = await startTestServer({ host: '0.0.0.0' })
    const { port } = new URL(open.url)
    const status = await new Promise((resolve, reject) => {
      const headers = { host: 'belay.example' }
      request({ port, host: '127.0.0.1', path: '/healthz', headers }, (answer) => resolve(answer.statusCode))
        .on('error', reject)
        .end()
    })
    expect(status).toBe(200)
    await open.close()
  })

  test('no other site is allowed to read', async () => {
    const answer = await server.call('GET', '/healthz', undefined, {
      headers: { origin: 'https://evil.example' },
    })
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })
})

describe('problems', () => {
  test('have the shape of RFC 9457 and say what the catalogue says', async () => {
    const answer = await server.call('GET', '/v1/actions/act_nothing')
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.body).toEqual({
      type: 'urn:belay:error:action:not_found',
      title: CATALOGUE['action:not_found'].title,
      status: 404,
      detail: 'There is no action act_nothing.',
      code: 'action:not_found',
      instance: expect.stringMatching(/^urn:uuid:[0-9a-f-]{36}$/),
      details: { id: 'act_nothing' },
    })
  })

  test('unknown addresses and methods are one of them', async () => {
    const nowhere = await server.call('GET', '/v1/nowhere?x=1')
    expect(nowhere).toMatchObject({
      status: 404,
      body: { code: 'server:not_found', details: { method: 'GET', path: '/v1/nowhere' } },
    })
    expect((await server.call('PUT', '/v1/actions', {})).body.code).toBe('server:not_found')
  })

  test('a fault tells an id and nothing else; the log has the rest, without secrets', async () => {
    const failing = async (error: unknown) => {
      const flow = new Proxy(server.harness.flow, {
        get: (target, name) => {
          if (name === 'cancel') return () => Promise.reject(error)
          return Reflect.get(target, name) as unknown
        },
      })
      const log: string[] = []
      const sick = await startTestServer({
        flow,
        store: server.harness.store,
        log: { stream: { write: (line) => void log.push(line) } },
      })
      const { id } = await server.propose('note.add')
      const answer = await sick.call('POST', `/v1/actions/${id}/cancel`, {})
      await sick.close()
      return { answer, log: log.join('') }
    }
    const secret = new Error('connect postgres://belay:hunter2@db failed for blk_abcdefghijklmnop')
    const { answer, log } = await failing(secret)
    expect(answer).toMatchObject({ status: 500, body: { code: 'server:fault' } })
    const { id } = answer.body.details
    expect(answer.body.detail).toBe(`The request failed inside Belay; the log has the details under ${id}.`)
    expect(JSON.stringify(answer.body)).not.toMatch(/hunter2|stack|server\.ts|blk_/)
    expect(log).toContain(id)
    expect(log).not.toMatch(/hunter2|blk_abc/)

    const down = await failing(new BelayError('store:unavailable', { cause: 'disk full' }))
    expect(down.answer).toMatchObject({ status: 503, body: { code: 'store:unavailable' } })
    expect(down.answer.headers.get('retry-after')).toBe('1')
  })

  test('the log never has credentials, bodies or queries', async () => {
    const key = await server.key('writer')
    await server.propose('note.read', key, { input: { text: 'private words' } })
    await server.call('GET', '/v1/actions?session=private-session', undefined, { token: key })
    const log = lines.join('')
    expect(log).toContain('/v1/actions')
    for (const secret of [ADMIN, key, 'private words', 'private-session', 'Bearer'])
      expect(log).not.toContain(secret)
  })
})
