import { describe, expect, it, test } from 'vitest'
import { firstUnsettled, isEmojiAt, normaliseForMatching } from './normalise.ts'

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

describe('the fast path', () => {
  // The long way round, for a text that holds nothing but characters which the fast path leaves to it.
  const settled = (text: string) => firstUnsettled(text) === text.length

  it('holds only characters that no normal form changes or joins with what is before them', () => {
    const wrong: string[] = []
    for (let code = 128; code < 0x20000; code++) {
      const character = String.fromCodePoint(code)
      if (!settled(character)) continue
      const alike = character.toLowerCase().normalize('NFKC')
      if (
        character.normalize('NFKC') !== character ||
        alike !== character.toLowerCase() ||
        /[\p{Cf}\p{M}\p{Variation_Selector}]/u.test(character) ||
        `a${character}`.normalize('NFKC') !== `a${character}` ||
        normaliseForMatching(`\u200b${character}x`) !== `${character.toLowerCase()}x`.trim()
      )
        wrong.push(code.toString(16))
    }
    expect(wrong).toEqual([])
  })

  it('knows an emoji that is a sign of its own', () => {
    for (let code = 0x10000; code < 0x20000; code++) {
      const character = String.fromCodePoint(code)
      if (isEmojiAt(character, 0)) expect(character).toMatch(/^[^\p{L}\p{N}\p{M}]$/u)
    }
    expect(isEmojiAt('\ud83d', 0)).toBe(false)
    expect(isEmojiAt('\ud83dx', 0)).toBe(false)
  })

  it.each([
    ['caf\u00e9 cafe\u0301', 'caf\u00e9 caf\u00e9'],
    ['a \u0301b', 'a b'],
    ['\u03a3\u0391\u03a3 ok', 'oas ok'],
    ['One ｗｏｒｄ in – a “long” tеxt 😀', 'one word in – a “long” text 😀'],
    ['x\u00a0\u00a0y  z', 'x y z'],
  ])('leaves words to the long way where they need it: %j', (text, normal) => {
    expect(normaliseForMatching(text)).toBe(normal)
  })
})

it('does not let a text grow without end', () => {
  const long = normaliseForMatching('\ufdfa'.repeat(100_000))
  expect(long.length).toBeLessThan(20_000)
  expect(long.startsWith(normaliseForMatching('\ufdfa'))).toBe(true)
})
