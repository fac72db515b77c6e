import { describe, expect, test } from 'vitest'
import type { JsonObject, JsonValue } from '../action/json.ts'
import { compileInputSchema } from './input-schema.ts'

describe('what fits', () => {
  const judge = compileInputSchema({
    type: 'object',
    required: ['text'],
    additionalProperties: false,
    properties: {
      text: { type: 'string', maxLength: 10 },
      tags: { type: 'array', uniqueItems: true },
      code: { type: 'string', pattern: '^[A-Z]{2}\\d+$' },
      mail: { type: 'string', format: 'email' },
      kind: { enum: ['a', 'b'] },
      tree: { $ref: '#/$defs/tree' },
    },
    $defs: {
      tree: { type: 'object', properties: { left: { $ref: '#/$defs/tree' } }, additionalProperties: false },
    },
  })

  test.each<[JsonObject, string | undefined]>([
    [{ text: 'hello' }, undefined],
    [{}, ''],
    [{ text: 'hello', tree: { left: { left: {} } } }, undefined],
    [{ text: 'hello', tree: { left: { right: {} } } }, '/tree/left'],
    [{ text: 'far too long a text' }, '/text'],
    [{ text: 'x', tags: ['a', 'a'] }, '/tags'],
    [
      {
        text: 'x',
        tags: [
          { a: 1, b: 2 },
          { b: 2, a: 1 },
        ],
      },
      '/tags',
    ],
    [{ text: 'x', tags: [1, '1'] }, undefined],
    [{ text: 'x', code: 'AB12' }, undefined],
    [{ text: 'x', code: 'ab12' }, '/code'],
    [{ text: 'x', mail: 'a@example.com' }, undefined],
    [{ text: 'x', mail: 'a at example' }, '/mail'],
    [{ text: 'x', kind: 'secret-value' }, '/kind'],
    [{ text: 'x', other: 1 }, ''],
  ])('%j', (input, where) => {
    const fault = judge(input)
    expect(fault?.where).toBe(where)
    expect(fault?.message ?? '').not.toMatch(/secret-value|far too long a text|ab12|a at example/)
  })

  test('an inherited property is not there', () => {
    expect(compileInputSchema({ required: ['constructor'] })({})?.message).toMatch(/constructor/)
    expect(compileInputSchema({ required: ['toString'] })({})).toBeDefined()
  })

  test('schemas do not see the definitions and patterns of each other', () => {
    const [one, two] = ['^a+$', '^b+$'].map((pattern) =>
      compileInputSchema({
        properties: { x: { $ref: '#/$defs/x' } },
        $defs: { x: { $anchor: 'x', pattern } },
      }),
    )
    expect([one!({ x: 'a' }), two!({ x: 'b' })]).toEqual([undefined, undefined])
    expect([one!({ x: 'b' })?.where, two!({ x: 'a' })?.where]).toEqual(['/x', '/x'])
  })

  test('true accepts and false refuses everything', () => {
    expect(compileInputSchema(true)({ a: 1 })).toBeUndefined()
    expect(compileInputSchema(false)({})).toBeDefined()
  })
})

describe('what is refused when the policy loads', () => {
  test.each<[string, JsonValue, RegExp]>([
    ['an unknown type', { type: 'objekt' }, /type/],
    ['an unknown keyword', { requierd: ['a'] }, /requierd/],
    ['an unknown format', { type: 'string', format: 'iban-ish' }, /iban-ish/],
    ['a remote reference', { $ref: 'https://example.com/schema.json' }, /inside the schema/],
    ['a relative reference', { properties: { a: { $ref: 'other.json' } } }, /inside the schema/],
    ['a reference to nothing', { $ref: '#/$defs/none' }, /resolve/],
    [
      'a remote dynamic reference',
      { allOf: [{ $dynamicRef: 'https://example.com/#x' }] },
      /inside the schema/,
    ],
    ['an id', { $id: 'https://example.com/x' }, /\$id/],
    ['an asynchronous schema', { $async: true }, /\$async/],
    ['a pattern with look-ahead', { pattern: '(?=a)' }, /RE2/],
    ['a broken pattern', { patternProperties: { '(': {} } }, /missing closing/],
    ['a long pattern', { pattern: 'a'.repeat(2000) }, /1000 characters/],
    ['a huge schema', { enum: ['x'.repeat(70_000)] }, /64000/],
  ])('%s', (_name, schema, message) => {
    expect(() => compileInputSchema(schema)).toThrow(message)
  })

  test('a property called $ref or an example of one is no reference', () => {
    expect(compileInputSchema({ properties: { $id: { type: 'string' } } })({ $id: 'x' })).toBeUndefined()
    expect(compileInputSchema({ examples: [{ $ref: 'https://example.com' }] })({})).toBeUndefined()
  })
})

describe('hostile input', () => {
  const timed = (work: () => unknown): number => {
    const before = performance.now()
    work()
    return performance.now() - before
  }

  test('patterns that explode in a backtracking engine', () => {
    const judge = compileInputSchema({ properties: { a: { pattern: '^(([a-z])+.)+[A-Z]([a-z])+$' } } })
    expect(timed(() => expect(judge({ a: 'a'.repeat(20_000) })).toBeDefined())).toBeLessThan(3000)
  })

  test('unique items of a long list of objects', () => {
    const judge = compileInputSchema({ properties: { a: { uniqueItems: true } } })
    const a = Array.from({ length: 50_000 }, (_, at) => ({ at }))
    expect(timed(() => expect(judge({ a })).toBeUndefined())).toBeLessThan(3000)
  })

  test('a huge property name does not make a huge fault', () => {
    const judge = compileInputSchema({ additionalProperties: { type: 'string' } })
    expect(judge({ ['x'.repeat(100_000)]: 1 })!.where.length).toBeLessThan(300)
  })
})
