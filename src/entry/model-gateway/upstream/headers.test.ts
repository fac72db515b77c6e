import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { requestHeaders, responseHeaders } from './headers.ts'

const raw = (headers: Readonly<Record<string, string>>): string[] => Object.entries(headers).flat()

describe('requestHeaders', () => {
  test('what is meant for one connection stays behind, named ones too', () => {
    const headers = {
      Connection: 'keep-alive, X-Secret-Hop',
      'X-Secret-Hop': '1',
      'Keep-Alive': 'timeout=5',
      'Proxy-Authorization': 'Basic x',
      TE: 'trailers',
      Trailer: 'x',
      'Transfer-Encoding': 'chunked',
      Upgrade: 'h2c',
      Host: 'localhost:7300',
      'Content-Length': '5',
      'Accept-Encoding': 'gzip, br',
      'Content-Encoding': 'gzip',
      Expect: '100-continue',
      Accept: 'text/event-stream',
    }
    expect(requestHeaders(raw(headers))).toEqual({ accept: 'text/event-stream' })
    // The option may be said after the header that it names.
    expect(requestHeaders(['X-Hop', '1', 'A', 'b', 'Connection', 'x-hop'])).toEqual({ a: 'b' })
  })

  test('no credential for Belay goes on, wherever it lies', () => {
    const key = `blk_${'A'.repeat(43)}`
    const headers = {
      Authorization: `Bearer ${key}`,
      'X-Api-Key': key,
      'x-goog-api-key': key,
      'api-key': key,
      Cookie: `k=${key}`,
      'x-portkey-api-key': key,
      'Belay-Session': 's',
      'OpenAI-Organization': 'org',
      'OpenAI-Project': 'p',
      'x-goog-user-project': 'p',
      'X-Forwarded-For': '10.0.0.1',
      Forwarded: 'for=10.0.0.1',
      Origin: 'http://localhost',
      'Sec-Fetch-Mode': 'cors',
      'X-HTTP-Method-Override': 'DELETE',
    }
    expect(requestHeaders(raw(headers))).toEqual({})
  })

  test('trace context and the vendors’ own headers go on', () => {
    const headers = {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=1',
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'b',
      'openai-beta': 'assistants=v2',
      'idempotency-key': 'i',
      'user-agent': 'OpenAI/Python',
      'x-stainless-lang': 'python',
      'content-type': 'application/json',
    }
    expect(requestHeaders(raw(headers))).toEqual(headers)
  })

  test('repeated ones are joined; names of every object are names like others', () => {
    expect(requestHeaders(['Anthropic-Beta', 'a', 'anthropic-beta', 'b', 'constructor', 'c'])).toEqual({
      'anthropic-beta': 'a, b',
      constructor: 'c',
    })
    expect(requestHeaders(['__proto__', 'x', 'toString', 'y'])).toEqual({ tostring: 'y' })
  })

  test('never lets a header of a connection or a key through', () => {
    const name = fc.constantFrom(
      'Connection',
      'x-a',
      'X-B',
      'authorization',
      'cookie',
      'te',
      'belay-x',
      'host',
    )
    const value = fc.constantFrom('x-a', 'close', 'x-b,x-a', 'blk_key', 'v')
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), (pairs) => {
        const out = requestHeaders(pairs.flat())
        const named = pairs
          .filter(([key]) => key === 'Connection')
          .flatMap(([, options]) => options.split(','))
        for (const key of Object.keys(out)) {
          expect(['x-a', 'x-b']).toContain(key)
          expect(named).not.toContain(key)
          expect(out[key]).not.toContain('blk_')
        }
      }),
    )
  })
})

describe('responseHeaders', () => {
  const headers = {
    'content-type': 'application/json',
    'content-length': '10',
    etag: '"x"',
    connection: 'keep-alive, x-hop',
    'x-hop': '1',
    'keep-alive': 'timeout=5',
    'transfer-encoding': 'chunked',
    'set-cookie': ['a=b', 'c=d'],
    'strict-transport-security': 'max-age=1',
    'access-control-allow-origin': '*',
    'alt-svc': 'h3=":443"',
    'openai-organization': 'org',
    'belay-action': 'forged',
    'x-request-id': 'req_1',
    'request-id': 'req_2',
    'retry-after': '2',
    'x-ratelimit-remaining-tokens': '9',
    'anthropic-ratelimit-tokens-reset': '2026-01-01T00:00:00Z',
    location: '/elsewhere',
    vary: ['a', 'b'],
  }
  const kept = {
    'content-type': 'application/json',
    'x-request-id': 'req_1',
    'request-id': 'req_2',
    'retry-after': '2',
    'x-ratelimit-remaining-tokens': '9',
    'anthropic-ratelimit-tokens-reset': '2026-01-01T00:00:00Z',
    location: '/elsewhere',
    vary: ['a', 'b'],
  }

  test('keeps request ids and rate limits; nothing of the connection, the host or the account', () => {
    expect(responseHeaders(headers, { rewritten: true })).toEqual(kept)
  })

  test('what is true of the bytes stays when they stay', () => {
    expect(responseHeaders(headers, { rewritten: false })).toEqual({
      ...kept,
      'content-length': '10',
      etag: '"x"',
    })
  })
})
