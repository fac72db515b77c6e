import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { actionDigest, canonicalJson, digestOf, sha256 } from './digest.ts'
import type { JsonValue } from './json.ts'

describe('canonical JSON (RFC 8785)', () => {
  it('sorts keys by UTF-16 code units and writes numbers as ECMAScript does', () => {
    // The example of RFC 8785, section 3.2.2 and 3.2.3.
    const value = {
      numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001], // oxlint-disable-line no-loss-of-precision -- as the RFC has it
      literals: [null, true, false],
    }
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}',
    )
    const sorted = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }
    expect([...canonicalJson(sorted).matchAll(/:(\d)/g)].map(([, n]) => Number(n))).toEqual([
      2, 4, 6, 7, 1, 5, 3,
    ])
  })

  it('does not depend on the order of keys and reads back as the same value', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        const clean = JSON.parse(JSON.stringify(object)) as Record<string, JsonValue>
        const reversed = Object.fromEntries(Object.entries(clean).toReversed())
        expect(canonicalJson(reversed)).toBe(canonicalJson(clean))
        expect(JSON.parse(canonicalJson(clean))).toEqual(clean)
      }),
    )
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses %s', (value) => {
    expect(() => canonicalJson({ value })).toThrowError(
      expect.objectContaining({ code: 'input:not_canonical' }),
    )
  })

  it('gives an action the digest of its whole identity', () => {
    const identity = {
      agent: 'a"\u2028',
      release: null,
      operation: 'x.y',
      target: 't',
      tool_schema_version: null,
    }
    const input = { b: 1, a: [2, 'ü'] }
    expect(actionDigest(identity, canonicalJson(input))).toBe(digestOf({ ...identity, arguments: input }))
    expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })
})
