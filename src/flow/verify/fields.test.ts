import { describe, expect, it } from 'vitest'
import type { JsonValue } from '../../action/json.ts'
import { checkTexts, compileField } from './fields.ts'

describe('compileField', () => {
  const input = {
    text: 'a',
    message: { body: 'b', to: 7 },
    items: [{ caption: 'c' }, { caption: 'd' }, { other: 'e' }],
  }

  it.each([
    ['text', [[['text'], 'a']]],
    ['message.body', [[['message', 'body'], 'b']]],
    [
      'items.*.caption',
      [
        [['items', 0, 'caption'], 'c'],
        [['items', 1, 'caption'], 'd'],
      ],
    ],
    ['items.1.caption', [[['items', 1, 'caption'], 'd']]],
    ['items.7.caption', []],
    ['absent', []],
    ['message.absent.deeper', []],
  ])('finds %s', (field, expected) => {
    const { texts, wrongType } = compileField(field)(input)
    expect(texts.map(({ path, text }) => [path, text])).toEqual(expected)
    expect(wrongType).toEqual([])
  })

  it('takes several fields', () => {
    expect(compileField(['text', 'message.body'])(input).texts.map(({ text }) => text)).toEqual(['a', 'b'])
  })

  it.each([
    ['message.to', ['message', 'to']],
    ['message', ['message']],
    ['text.body', ['text']],
    ['items.caption', ['items']],
    ['items', ['items']],
  ])('calls %s a wrong type', (field, path) => {
    expect(compileField(field)(input)).toEqual({ texts: [], wrongType: [path] })
  })

  it('treats null as present', () => {
    expect(compileField('text')({ text: null }).wrongType).toEqual([['text']])
  })

  it('does not look at inherited properties', () => {
    expect(compileField('constructor.name')({})).toEqual({ texts: [], wrongType: [] })
  })

  it('finds every string in order when no field is named, and keys on request', () => {
    const everything = { a: 'one', b: ['two', { c: 'three' }], d: 4 }
    expect(compileField(undefined)(everything).texts.map(({ text }) => text)).toEqual(['one', 'two', 'three'])
    const withKeys = compileField(undefined, { keys: true })(everything).texts
    expect(withKeys.filter(({ isKey }) => isKey).map(({ text }) => text)).toEqual(['a', 'b', 'd', 'c'])
  })

  it('survives nesting deeper than the call stack', () => {
    let deep: JsonValue = 'bottom'
    for (let level = 0; level < 20_000; level++) deep = [deep]
    expect(compileField(undefined)({ deep }).texts.map(({ text }) => text)).toEqual(['bottom'])
  })

  it.each(['', 'a..b', '.a', 'a.'])('refuses the path %j', (field) => {
    expect(() => compileField(field)).toThrow('empty part')
  })

  it('refuses an option of the wrong shape', () => {
    expect(() => compileField(7)).toThrow('dotted path')
    expect(() => compileField([])).toThrow('dotted path')
  })
})

it('checkTexts denies a field of the wrong type without quoting it', () => {
  const findings = checkTexts(
    'text',
    () => undefined,
  )({
    action: 'a',
    agent: 'b',
    effect: 'write',
    provenance: {},
    input: { text: { hidden: 'words' } },
  })
  expect(findings).toEqual([
    expect.objectContaining({ code: 'verify:wrong_type', decision: 'deny', evidence: { path: ['text'] } }),
  ])
})
