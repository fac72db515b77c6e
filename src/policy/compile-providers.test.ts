import { describe, expect, test } from 'vitest'
import { loadPolicy } from './load-policy.ts'
import type { Policy } from './policy.ts'

function faults(providers: string): string[] {
  const text = `version: 1\nproviders:\n${providers}`
  return loadPolicy({ text, path: 'p.yaml' }, { checks: [] }).faults.map(
    ({ code, line, expected, found }) => `${code} ${line} ${expected} | ${found}`,
  )
}

function load(providers: string): Policy {
  const { policy, faults: found } = loadPolicy(
    { text: `version: 1\nproviders:\n${providers}`, path: null },
    { checks: [] },
  )
  expect(found).toEqual([])
  return policy!
}

test('a provider with everything', () => {
  const { providers } = load(`
  house:
    protocol: anthropic
    base_url: https://models.example.com/v1//
    api_key: $HOUSE_KEY
    headers: { X-Team: agents, X-Token: $TOKEN }
    models:
      big/one: { input_usd_per_mtok: 3, output_usd_per_mtok: 15, cache_read_usd_per_mtok: 0.3, cache_write_usd_per_mtok: 3.75, context_window: 200000, max_output_tokens: 8192 }
    timeouts: { connect: 2s, first_byte: 30s, idle: 10s }
    drain: 10s`)
  expect(providers).toEqual({
    house: {
      protocol: 'anthropic',
      baseUrl: 'https://models.example.com/v1',
      apiKey: '$HOUSE_KEY',
      headers: { 'X-Team': 'agents', 'X-Token': '$TOKEN' },
      models: {
        'big/one': {
          input: 3,
          output: 15,
          cacheRead: 0.3,
          cacheWrite: 3.75,
          contextWindow: 200_000,
          maxOutput: 8192,
        },
      },
      timeouts: { connect: 2000, firstByte: 30_000, idle: 10_000 },
      drain: 10_000,
    },
  })
})

test('what an entry leaves out is taken from the vendor', () => {
  expect(load('  openai:').providers['openai']).toEqual({
    protocol: null,
    baseUrl: null,
    apiKey: null,
    headers: {},
    models: {},
    timeouts: {},
    drain: null,
  })
})

test('an address without a protocol speaks that of OpenAI', () => {
  expect(load('  house: { base_url: http://127.0.0.1:9/v1 }').providers['house']?.protocol).toBe('openai')
})

test('without providers there are none', () => {
  const { policy } = loadPolicy({ text: 'version: 1', path: null }, { checks: [] })
  expect(policy!.providers).toEqual({})
})

test.each([
  ['a path of Belay itself', '  v1: { base_url: https://x.example }', 'policy:provider 3'],
  ['a name that is no path segment', '  Open_AI: { base_url: https://x.example }', 'policy:schema 3'],
  ['no vendor and no address', '  opnai: {}', 'did you mean openai?'],
  ['an unknown field', '  openai: { baseurl: https://x.example }', 'did you mean base_url?'],
  ['an unknown protocol', '  openai: { protocol: grpc }', 'one of openai, anthropic, gemini'],
  ['an address that is no URL', "  openai: { base_url: 'https://' }", 'policy:provider 3'],
  ['an address of something else', '  openai: { base_url: file:///etc/passwd }', 'policy:schema 3'],
  ['a password in the address', '  openai: { base_url: https://u:hunter2@x.example }', 'without a user'],
  ['a query in the address', '  openai: { base_url: https://x.example/v1?k=hunter2 }', 'without ? and #'],
  ['a header that frames', '  openai: { headers: { Content-Length: hunter2 } }', 'does not set itself'],
  [
    'a header with a line break',
    '  openai: { headers: { X-A: "hunter2\\r\\nX-B: c" } }',
    'control character',
  ],
  ['a header with another name', '  openai: { headers: { "X A": hunter2 } }', 'the name of a header'],
  ['a key with a line break', '  openai: { api_key: "hunter2\\n" }', 'control character'],
  ['a key that is half a variable', '  openai: { api_key: $hunter2-x }', 'or $NAME'],
  ['no time to connect', '  openai: { timeouts: { connect: 0s } }', 'more than 0'],
  [
    'a negative price',
    '  openai: { models: { m: { input_usd_per_mtok: -1, output_usd_per_mtok: 1 } } }',
    '>= 0',
  ],
  ['half a price', '  openai: { models: { m: { input_usd_per_mtok: 1 } } }', 'output_usd_per_mtok'],
  [
    'a cache price alone',
    '  openai: { models: { m: { cache_read_usd_per_mtok: 1 } } }',
    'input_usd_per_mtok',
  ],
])('refuses %s, and quotes no secret', (_name, text, expected) => {
  const found = faults(text)
  expect(found.join('\n')).toContain(expected)
  expect(found.join('\n')).not.toContain('hunter2')
})

describe('the document that is shown', () => {
  const { document } = load(
    '  openai: { api_key: sk-literal, headers: { X-A: literal, X-B: $B } }\n  groq: { api_key: $GROQ }\n  ollama:',
  )
  test('hides literal keys and values of headers, not names of variables', () => {
    expect(document['providers']).toEqual({
      openai: { api_key: '(hidden)', headers: { 'X-A': '(hidden)', 'X-B': '$B' } },
      groq: { api_key: '$GROQ' },
      ollama: null,
    })
    expect(JSON.stringify(document)).not.toContain('literal')
  })
})

test('another key is another policy, though neither is shown', () => {
  const one = load('  openai: { api_key: sk-one }')
  const two = load('  openai: { api_key: sk-two }')
  expect(one.digest).not.toBe(two.digest)
})
