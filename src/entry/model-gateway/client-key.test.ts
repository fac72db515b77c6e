import { describe, expect, test } from 'vitest'
import { keyOf, withoutKey } from './client-key.ts'

const KEY = `blk_${'A'.repeat(43)}`

describe('keyOf', () => {
  test.each([
    ['the bearer', { authorization: `Bearer ${KEY}` }, '/v1'],
    ['the bearer in small letters', { authorization: `bearer ${KEY}` }, '/v1'],
    ['Anthropic’s header', { 'x-api-key': KEY }, '/v1'],
    ['Azure’s header', { 'api-key': KEY }, '/v1'],
    ['Gemini’s header', { 'x-goog-api-key': KEY }, '/v1'],
    ['Gemini’s query', {}, `/v1beta/models?alt=sse&key=${KEY}`],
    ['a query in escapes', {}, `/v1beta/models?%6Bey=${KEY.replace('_', '%5F')}`],
  ])('reads %s', (_what, headers, url) => {
    expect(keyOf(headers, url)).toBe(KEY)
  })

  test('prefers what looks like a key of Belay to what else a client sends', () => {
    expect(keyOf({ authorization: 'Bearer sk-ant', 'x-api-key': KEY }, '/')).toBe(KEY)
    expect(keyOf({ 'x-goog-api-key': 'AIza' }, `/?key=${KEY}`)).toBe(KEY)
    expect(keyOf({ authorization: 'Bearer sk-a', 'x-api-key': 'sk-b' }, '/?key=c')).toBe('sk-a')
  })

  test.each([
    [{}, '/v1'],
    [{ authorization: `Basic ${KEY}` }, '/v1?x=1'],
    [{ authorization: 'Bearer ' }, '/v1?key='],
    [{ authorization: `Bearer ${'x'.repeat(5_000)}` }, '/v1?key'],
    [{}, '/v1?monkey=blk_x&key%'],
  ])('finds none in %j %s', (headers, url) => {
    expect(keyOf(headers, url)).toBeUndefined()
  })
})

describe('withoutKey', () => {
  test.each([
    ['/v1/chat', '/v1/chat'],
    [`/v1?key=${KEY}`, '/v1'],
    [`/v1?alt=sse&key=${KEY}&x=1`, '/v1?alt=sse&x=1'],
    [`/v1?%6BEY=${KEY}&alt=sse`, '/v1?alt=sse'],
    ['/v1?access_token=a&key=b&key=c&keys=d', '/v1?keys=d'],
    [`/v1?other=${KEY}&a`, '/v1?a'],
    ['/v1?%zz=1', '/v1?%zz=1'],
  ])('%s → %s', (url, expected) => {
    expect(withoutKey(url)).toBe(expected)
  })
})
