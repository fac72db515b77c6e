import { describe, expect, test } from 'vitest'
import { loadPolicy } from '../../../policy/load-policy.ts'
import { VENDOR_PROTOCOLS } from '../../../policy/known-vendors.ts'
import type { Policy } from '../../../policy/policy.ts'
import { resolveProviders } from './resolve-providers.ts'
import { vendorOf, VENDORS } from './vendors.ts'

function policy(providers = ''): Policy {
  const { policy: loaded, faults } = loadPolicy(
    { text: `version: 1\n${providers}`, path: null },
    { checks: [] },
  )
  expect(faults).toEqual([])
  return loaded!
}

test('there is nothing without a declaration and without a key', () => {
  expect([...resolveProviders(policy(), {}).keys()]).toEqual([])
  expect([...resolveProviders(policy(), { OPENAI_API_KEY: ' ' }).keys()]).toEqual([])
})

test('a vendor whose key the environment holds needs no declaration', () => {
  const all = resolveProviders(policy(), { ANTHROPIC_API_KEY: 'k\n' })
  expect([...all.keys()]).toEqual(['anthropic'])
  expect(all.get('anthropic')).toEqual({
    name: 'anthropic',
    protocol: 'anthropic',
    baseUrl: 'https://api.anthropic.com/v1',
    keyVariable: 'ANTHROPIC_API_KEY',
    priceId: 'anthropic',
    telemetryName: 'anthropic',
    key: 'k',
    headers: {},
    timeouts: { connect: 5000, firstByte: 120_000, idle: 60_000 },
  })
})

test('models on one’s own machine only when declared', () => {
  expect(resolveProviders(policy('providers: { ollama: {} }'), {}).get('ollama')).toMatchObject({
    baseUrl: 'http://127.0.0.1:11434/v1',
    key: null,
    keyVariable: null,
    local: true,
  })
})

test('a declaration wins over the row of the vendor', () => {
  const declared = policy(`providers:
  openai: { base_url: http://127.0.0.1:9/v1, api_key: $MINE, timeouts: { idle: 5s }, headers: { X-Team: a, X-Token: $TOKEN } }
  groq: { drain: 1s }`)
  const all = resolveProviders(declared, { OPENAI_API_KEY: 'theirs', MINE: 'mine', TOKEN: 't' })
  expect(all.get('openai')).toMatchObject({
    baseUrl: 'http://127.0.0.1:9/v1',
    key: 'mine',
    keyVariable: 'MINE',
    priceId: 'openai',
    headers: { 'X-Team': 'a', 'X-Token': 't' },
    timeouts: { connect: 5000, firstByte: 120_000, idle: 5000 },
  })
  expect(all.get('groq')).toMatchObject({ drain: 1000, key: null, keyVariable: 'GROQ_API_KEY' })
})

test('a provider that only the policy knows', () => {
  const declared = policy('providers: { house: { base_url: https://m.example.com/v1, api_key: literal } }')
  expect(resolveProviders(declared, {}).get('house')).toMatchObject({
    name: 'house',
    protocol: 'openai',
    baseUrl: 'https://m.example.com/v1',
    key: 'literal',
    keyVariable: null,
    priceId: null,
    telemetryName: 'house',
  })
})

describe('a variable that is not set', () => {
  test.each([
    ['of the key', 'api_key: $NOT_SET'],
    ['of a header', 'api_key: literal, headers: { X-Token: $NOT_SET }'],
  ])('%s leaves no key, and its name', (_name, fields) => {
    const declared = policy(`providers: { openai: { ${fields} } }`)
    expect(resolveProviders(declared, { OPENAI_API_KEY: 'theirs' }).get('openai')).toMatchObject({
      key: null,
      keyVariable: 'NOT_SET',
    })
  })

  test('names of the prototype are no variables', () => {
    const declared = policy('providers: { openai: { api_key: $constructor } }')
    expect(resolveProviders(declared, {}).get('openai')?.key).toBeNull()
  })
})

test('is worked out once for each policy', () => {
  const env = {}
  const one = policy()
  expect(resolveProviders(one, env)).toBe(resolveProviders(one, env))
  expect(resolveProviders(policy('mode: observe'), env)).not.toBe(resolveProviders(one, env))
})

describe('the rows', () => {
  test('are those that policies may name', () => {
    expect(VENDORS.map(({ name, protocol }) => [name, protocol])).toEqual(Object.entries(VENDOR_PROTOCOLS))
    expect(vendorOf('__proto__')).toBeUndefined()
  })

  test.each(VENDORS.map((vendor) => [vendor.name, vendor] as const))('%s', (_name, vendor) => {
    const url = new URL(vendor.baseUrl)
    expect(vendor.baseUrl.endsWith('/')).toBe(false)
    expect(url.protocol).toBe(vendor.local === true ? 'http:' : 'https:')
    expect(vendor.keyVariable === null).toBe(vendor.local === true)
    expect(vendor.priceId === null).toBe(vendor.local === true)
  })
})
