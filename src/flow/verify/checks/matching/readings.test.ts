import { describe, expect, it } from 'vitest'
import { readingsOf } from './disguises.ts'
import { compileWords, hashOf } from './word-table.ts'
import { isLetterBeyondAscii, isPunctuation, spaced } from './words.ts'

describe('readings', () => {
  it.each([
    ['f.r.e.e', ['free']],
    ['f–r–e–e', ['free']],
    ['f 😀 r 😀 e 😀 e', ['free']],
    ['f r e', ['fre']],
    ['f r', []],
    ['é à ô', ['éàô']],
    ['漢・字・漢', ['漢字漢']],
  ])('spell out %s', (text, words) => {
    expect(readingsOf(text).spelledOut).toEqual(words)
  })

  it.each([
    ['guar.anteed', ' guaranteed '],
    ['gu4ranteed', ' guaranteed '],
    ['guar•anteed', ' guaranteed '],
    ['sh1t', ' shit '],
    ['1dea', ' idea '],
    ['we’rex', ' werex '],
  ])('of %s include %s', (text, reading) => {
    expect(readingsOf(text).others).toContain(reading)
  })

  it.each(["we're open, it's fine!", 'We’re open – 9 to 5.', '100 of 200', 'great! 😀'])(
    'of %s are one',
    (text) => {
      expect(readingsOf(text)).toMatchObject({ others: [], spelledOut: [] })
    },
  )
})

describe('words', () => {
  const SIGN = /[^\p{L}\p{N}\p{M}]/u

  it('are told at a glance as Unicode has it', () => {
    const wrong = Array.from({ length: 0x10000 - 128 }, (_, at) => String.fromCharCode(128 + at)).filter(
      (unit) =>
        (isLetterBeyondAscii(unit.charCodeAt(0)) && SIGN.test(unit)) ||
        (isPunctuation(unit.charCodeAt(0)) && !SIGN.test(unit)),
    )
    expect(wrong).toEqual([])
  })

  it.each([
    '',
    ' ',
    '...',
    'a',
    'a b',
    ' a,b!',
    'a – b',
    'naïve',
    'a\u{1f600}b',
    'a\ud83db',
    'a±b',
    'привет мир',
  ])('of %j have one space around each', (text) => {
    expect(spaced(text)).toBe(`${text} `.replace(/[^\p{L}\p{N}\p{M}]+/gu, ' ').replace(/^ ?/, ' '))
  })

  it.each(['a b, ', 'é b – ', '漢 b。'])('of a text longer than the room for one are all there', (part) => {
    for (const length of [4094, 4095, 4096, 4097, 8192, 10_000]) {
      const text = part.repeat(length).slice(0, length)
      expect(spaced(text)).toBe(` ${text.match(/[\p{L}\p{N}\p{M}]+/gu)!.join(' ')} `)
    }
  })
})

it('a table of words finds each of them, and no part of one', () => {
  const words = Array.from({ length: 500 }, (_, at) => [`word${at * 7}`, at] as const)
  const find = compileWords(words)
  const look = (text: string) => find(`(${text})`, 1, 1 + text.length, hashOf(text, 0, text.length))
  for (const [word, value] of words) expect(look(word)).toBe(value)
  expect(look('word')).toBeUndefined()
  expect(look('word70 ')).toBeUndefined()
  expect(look('')).toBeUndefined()
})
