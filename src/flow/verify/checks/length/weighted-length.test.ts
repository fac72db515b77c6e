import * as fc from 'fast-check'
import { twitterText } from './twitter-text.ts'
import { describe, expect, it } from 'vitest'
import { weightedLength } from './weighted-length.ts'

const FAMILY = '👨\u200d👩\u200d👧\u200d👦'

describe('weightedLength', () => {
  it.each([
    ['', 0],
    ['Hello. Is it 3.50?', 18],
    ['Hi http://test.co', 26],
    ['http://test.co', 23],
    ['https://example.com/a '.repeat(10), 240],
    ['x'.repeat(285), 285],
    ['烟花三月下扬州', 14],
    ['the 烟花', 8],
    ['A\u0301B', 2],
    ['A\ufb2c', 4],
    ['“quoted” – dash … ‖', 20],
    ['😷👾😡🔥💩', 10],
    [FAMILY, 2],
    [FAMILY.repeat(140), 280],
    ['🙋🏽👨\u200d🎤', 4],
    ['1\u20e3', 2],
    ['H🐱☺', 5],
    ['🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}', 2],
    ['ABC\u202a\uffffABC\ufffe', 12],
    ['\u2066\u202ahttp://foobar.پاکستان/\u202c\u2069', 31],
    [`${'r'.repeat(64)}.com`, 68],
    [`https://${'long'.repeat(900)}.com/foo https://example.com`, 3600 + 8 + 8 + 24],
  ])('counts %j', (text, length) => {
    expect(weightedLength(text)).toBe(length)
  })

  it('counts the parts of an emoji under the older rules', () => {
    expect(weightedLength(`H🐱☺${FAMILY}`, Infinity, 'v2')).toBe(16)
    expect(weightedLength('🙋🏽👨\u200d🎤', Infinity, 'v2')).toBe(9)
  })

  it('agrees with the library on any mix', () => {
    const part = fc.constantFrom(
      'a',
      'b.c',
      ' ',
      '\n',
      'http://',
      'x.com',
      '.',
      '/',
      'é',
      'e\u0301',
      'の',
      '漢',
      '，',
      '〜',
      '〰',
      '㊗',
      '😀',
      FAMILY,
      '©',
      '1\ufe0f\u20e3',
      '-',
      '@',
      '#',
      'q=1',
      '안',
      'ᄀ',
      'ᅡ',
      'café.fr',
      '…',
      '\u200d',
      '(',
      '!',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 15 }), (parts) => {
        const text = parts.join('')
        expect(weightedLength(text)).toBe(twitterText().parseTweet(text).weightedLength)
      }),
      { numRuns: 2000 },
    )
  })

  it('stops when it has seen enough', () => {
    const length = weightedLength('a.b '.repeat(100_000), 280)
    expect(length).toBeGreaterThan(280)
    expect(length).toBeLessThan(400)
  })

  it('counts very long runs without asking the library, and never too little', () => {
    expect(weightedLength('の.c'.repeat(50_000))).toBe(200_000)
  })

  it('keeps the polyfills of the library out of the process', () => {
    expect('__core-js_shared__' in globalThis).toBe(false)
  })
})
