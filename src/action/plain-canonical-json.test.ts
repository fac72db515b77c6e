import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from './digest.ts'
import type { JsonValue } from './json.ts'
import { plainCanonicalJson } from './plain-canonical-json.ts'

describe('plainCanonicalJson', () => {
  it('writes what the library writes, whatever the data', () => {
    const json = fc.jsonValue({ depthSize: 'large', maxDepth: 6, stringUnit: 'binary' })
    fc.assert(
      fc.property(json, (value) => {
        expect(plainCanonicalJson(value as JsonValue)).toBe(canonicalize(value))
      }),
      { numRuns: 500 },
    )
  })

  it('sorts many names and few, by UTF-16 code units', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.integer(), { maxKeys: 60 }), (value) => {
        expect(plainCanonicalJson(value)).toBe(canonicalize(value))
      }),
    )
    expect(plainCanonicalJson({ '\u{1F600}': 1, '\uFB33': 2, 10: 3, 9: 4, '': 5 })).toBe(
      canonicalize({ '\u{1F600}': 1, '\uFB33': 2, 10: 3, 9: 4, '': 5 }),
    )
  })

  it('writes numbers as the RFC does', () => {
    const numbers = [-0, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, 0.1 + 0.2, 333333333.3333333, 2 ** 53]
    expect(plainCanonicalJson(numbers)).toBe(canonicalize(numbers))
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(plainCanonicalJson(value)).toBe(canonicalize(value))
      }),
    )
  })

  it('leaves out members without a value', () => {
    expect(plainCanonicalJson({ a: undefined, b: 1, c: undefined } as unknown as JsonValue)).toBe('{"b":1}')
  })

  it.each([
    ['NaN', { a: Number.NaN }],
    ['an infinity', [Infinity]],
    ['a lone surrogate', 'x\ud800'],
    ['a lone surrogate in a name', { '\udc00': 1 }],
    ['a date', new Date(0)],
    ['a boxed value', [Object(1)]],
    ['an own toJSON', { toJSON: () => 1 }],
    ['a hole of an array', [undefined]],
    ['a function', { f: () => 1 }],
    ['a big integer', [1n]],
  ])('leaves %s to the library', (_, value) => {
    expect(plainCanonicalJson(value as unknown as JsonValue)).toBeUndefined()
  })

  it('leaves cycles and great depth to the library', () => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    expect(() => canonicalJson(cycle as JsonValue)).toThrow('Circular')
    let deep: JsonValue = 1
    for (let level = 0; level < 5_000; level++) deep = [deep]
    expect(plainCanonicalJson(deep)).toBeUndefined()
    expect(canonicalJson(deep)).toBe(`${'['.repeat(5_000)}1${']'.repeat(5_000)}`)
  })
})
