import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { BelayError } from '../../errors/catalogue.ts'
import { parseJsonBody } from './json-body.ts'

const LIMITS = { depth: 64, nodes: 100_000 }
const parse = (text: string, limits = LIMITS) => parseJsonBody(new TextEncoder().encode(text), limits)

function refusal(text: string, limits = LIMITS): { code: string; message: string } {
  try {
    parse(text, limits)
  } catch (error) {
    if (error instanceof BelayError) return { code: error.code, message: error.message }
    throw error
  }
  throw new Error(`nothing was refused in ${text.slice(0, 80)}`)
}

function attempt(text: string): string {
  try {
    parse(text)
    return 'read'
  } catch (error) {
    return error instanceof BelayError ? error.code : String(error)
  }
}

describe('parseJsonBody', () => {
  test('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 10 }), (value) => {
        const text = JSON.stringify(value, (key, each: unknown) =>
          key === '__proto__' || key === 'constructor' ? undefined : each,
        )
        expect(parse(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  test.each([
    [
      '{"a":{"__proto__":{"admin":true}}}',
      'input:forbidden_key',
      'body.a: the key __proto__ is not allowed.',
    ],
    ['{"\\u005f_proto__":1}', 'input:forbidden_key', 'body: the key __proto__ is not allowed.'],
    [
      '[0,{"constructor":{"prototype":{}}}]',
      'input:forbidden_key',
      'body[1]: the key constructor is not allowed.',
    ],
    ['{"a":1,"b":2,"a":3}', 'input:invalid', 'body: expected every key once, got the key "a" twice.'],
    ['{"a":1,"\\u0061":3}', 'input:invalid', 'body: expected every key once, got the key "a" twice.'],
    [
      '{"a":[1,1e999]}',
      'input:invalid',
      'body.a[1]: expected a number that a double holds exactly (send larger ones as strings), got 1e999.',
    ],
    [
      '{"a":9007199254740993}',
      'input:invalid',
      'body.a: expected a number that a double holds exactly (send larger ones as strings), got 9007199254740993.',
    ],
    [
      '{"a":"\\ud800"}',
      'input:not_canonical',
      'The value cannot be written as canonical JSON (RFC 8785): body.a holds a lone surrogate.',
    ],
    ['{"a":NaN}', 'input:invalid_json', 'The body is not valid JSON:'],
    ['{"a":1', 'input:invalid_json', 'The body is not valid JSON:'],
    ['{"a":"', 'input:invalid_json', 'The body is not valid JSON: a string does not end.'],
    ['{"a":"\\x"}', 'input:invalid_json', 'The body is not valid JSON:'],
    ['{"a":1.2.3}', 'input:invalid_json', 'The body is not valid JSON: a number is malformed.'],
    ['}{', 'input:invalid_json', 'The body is not valid JSON:'],
  ])('refuses %s', (text, code, message) => {
    const refused = refusal(text)
    expect(refused.code).toBe(code)
    expect(refused.message).toContain(message)
  })

  test('takes integers that a double holds exactly, however large', () => {
    expect(parse('[9007199254740991, 100000000000000000000, -0, 1e300, 590295810358705700000]')).toEqual([
      9007199254740991, 1e20, -0, 1e300, 590295810358705700000,
    ])
  })

  test('the same key may stand in different objects, and be a value', () => {
    expect(parse('[{"a":"a"},{"a":{"a":"constructor"}}]')).toEqual([{ a: 'a' }, { a: { a: 'constructor' } }])
  })

  test('takes the deepest allowed nesting and refuses one more', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect(parse(nested(64))).toBeInstanceOf(Array)
    expect(refusal(nested(65)).code).toBe('input:too_deep')
    expect(refusal('{"a":'.repeat(500_000)).code).toBe('input:too_deep')
  })

  test('counts values of every kind, and not the keys', () => {
    expect(parse('[1,"2",null,{"k":true}]', { depth: 9, nodes: 6 })).toBeInstanceOf(Array)
    expect(refusal('[1,"2",null,{"k":true}]', { depth: 9, nodes: 5 })).toEqual({
      code: 'input:too_large',
      message: 'body: at most 5 values, got more.',
    })
  })

  test('refuses what is not UTF-8', () => {
    expect(() => parseJsonBody(Uint8Array.of(0x22, 0xff, 0x22), LIMITS)).toThrow('it is not UTF-8')
  })

  test('brackets within strings do not count as nesting', () => {
    const text = '['.repeat(1_000)
    expect(parse(JSON.stringify({ text, quote: '\\"[{' }))).toEqual({ text, quote: '\\"[{' })
  })

  test('strings end where their quote is not escaped, whatever stands before it', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('\\', '"', 'a', '[', ',', 'ü'), { maxLength: 40 }), (parts) => {
        const value = [parts.join(''), { [`k${parts.join('')}`]: parts.join('') }]
        expect(parse(JSON.stringify(value))).toEqual(value)
      }),
    )
  })

  test('takes pairs of surrogates, escaped backslashes before a u, and a byte order mark', () => {
    expect(parse('["\\ud83d\\ude00","\\\\ud800"]')).toEqual(['😀', '\\ud800'])
    expect(parse('\ufeff{"a":1}')).toEqual({ a: 1 })
    expect(refusal('[0,"\\uDC00"]').message).toContain('body[1] holds a lone surrogate')
  })

  test('numbers with few digits are as strictly read as others', () => {
    for (const text of ['01', '1.', '-', '1-2', '1e', '+1', '1+1', '--1'])
      expect(attempt(`[${text}]`)).toBe('input:invalid_json')
    expect(parse('[0,-1,999999999999999,12.5,1e3,-0]')).toEqual([0, -1, 999999999999999, 12.5, 1000, -0])
  })

  test('megabytes of base64 cost about as much as parsing them', () => {
    const text = JSON.stringify({ image: 'iVBORw0K'.repeat(600_000) })
    const began = performance.now()
    expect(parse(text)).toHaveProperty('image')
    expect(performance.now() - began).toBeLessThan(500)
  })

  test('reads the worst megabyte in time that is linear', () => {
    const worst = [
      '{"":'.repeat(60) + '"\\u0041'.repeat(150_000),
      `[${'1,'.repeat(99_000)}1]`,
      `"${'\\\\'.repeat(520_000)}"`,
    ]
    for (const text of worst) {
      const began = performance.now()
      expect(attempt(text)).toMatch(/^(read|input:[a-z_]+)$/)
      expect(performance.now() - began).toBeLessThan(2_000)
    }
  })
})
