import { expect, test } from 'vitest'
import { normaliseForMatching } from './normalise.ts'

test('lower-cases ASCII and collapses white space', () => {
  expect(normaliseForMatching('  Guaranteed\t\nReturns   NOW ')).toBe('guaranteed returns now')
})

test('folds full-width and ligature forms', () => {
  expect(normaliseForMatching('ＧＵＡＲＡＮＴＥＥＤ ﬁnance')).toBe('guaranteed finance')
})

test.each([
  ['zero-width space', 'gua\u200branteed'],
  ['zero-width joiner', 'gua\u200dranteed'],
  ['soft hyphen', 'gua\u00adranteed'],
  ['bidi control', 'gua\u202eranteed'],
  ['byte-order mark', 'gua\ufeffranteed'],
  ['variation selector', 'gua\ufe0franteed'],
  ['supplementary variation selector', 'gua\u{e0101}ranteed'],
  ['Unicode tag', 'gua\u{e0041}ranteed'],
  ['Hangul filler', 'gua\u3164ranteed'],
  ['loose combining mark', 'gu\u0337aranteed'],
])('removes a %s', (_name, text) => {
  expect(normaliseForMatching(text)).toBe('guaranteed')
})

test('reads Cyrillic and Greek look-alikes as Latin letters', () => {
  expect(normaliseForMatching('Ноοtѕuіtе')).toBe('hootsuite')
  expect(normaliseForMatching('раураl')).toBe('paypal')
})

test('keeps letters that look like no other, with their accents', () => {
  expect(normaliseForMatching('Größe É 日本語')).toBe('grösse é 日本語')
})

test('is the same when applied twice', () => {
  for (const text of [
    'Ноοtѕuіtе',
    'a\u0345\u0300',
    'İstanbul',
    'ẞ',
    '\u00a0x\u2003y',
    'e\u200b\u0301',
    'µΣς',
  ]) {
    const once = normaliseForMatching(text)
    expect(normaliseForMatching(once)).toBe(once)
  }
})

test('takes hostile text in linear time', () => {
  for (const piece of [' ', '\u0300', '\u200b', 'а']) {
    const before = performance.now()
    normaliseForMatching(piece.repeat(1_000_000))
    expect(performance.now() - before).toBeLessThan(2000)
  }
})
