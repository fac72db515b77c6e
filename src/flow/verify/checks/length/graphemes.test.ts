import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { countGraphemes } from './graphemes.ts'

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })

it.each([
  ['', 0],
  ['plain', 5],
  ['a\r\nb', 3],
  ['e\u0301', 1],
  ['👩🏽\u200d🚀!', 2],
  ['🇩🇪🇫🇷', 2],
  ['한국어', 3],
  ['नमस्ते', 3],
])('counts %j', (text, count) => {
  expect(countGraphemes(text)).toBe(count)
})

it('agrees with the full segmentation', () => {
  const part = fc.constantFrom(
    'a',
    'b',
    '\r',
    '\n',
    '\u0301',
    'の',
    '\u3099',
    '😀',
    '👨\u200d👩\u200d👧',
    '\u200d',
    '🇩',
    'ᄀ',
    'ᅡ',
    '각',
    'ᆨ',
    '가',
    'กำ',
    'न्',
    'ि',
    '\u0600',
    '©',
    '\u00ad',
    '\u3030',
    '\u2764',
    '\ufe0f',
    ' ',
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const text = parts.join('')
      expect(countGraphemes(text)).toBe([...segmenter.segment(text)].length)
    }),
    { numRuns: 3000 },
  )
})

it('stops when it has seen enough', () => {
  expect(countGraphemes('😀'.repeat(100_000), 300)).toBe(301)
})
