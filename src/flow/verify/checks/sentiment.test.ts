import fc from 'fast-check'
import Sentiment from 'sentiment'
import { describe, expect, it } from 'vitest'
import { prepareCheck } from '../../../../test/prepare-check.ts'
import { sentiment, toneOf } from './sentiment.ts'

const run = prepareCheck(sentiment, { field: 'text' })

describe('sentiment', () => {
  it.each([
    'You are a horrible idiot and I hate you',
    'This is terrible, awful, the worst',
    'stupid and useless',
    'you hаte everybody, hate hate',
    'constructor hate, constructor awful',
  ])('refuses %j', (text) => {
    expect(run({ text })[0]).toMatchObject({ code: 'sentiment:too_negative', evidence: { min: -0.5 } })
  })

  it.each([
    'Thank you, what a great day!',
    'Sorry for the problem, we will send a new one.',
    'This is not bad at all',
    'We are open from nine to five.',
    'Wir haben geöffnet',
    '',
  ])('passes %j', (text) => {
    expect(run({ text })).toEqual([])
  })

  it('follows the formula', () => {
    expect(toneOf('hate')).toBeCloseTo(-3 / Math.sqrt(9 + 15), 10)
    expect(toneOf('nothing here')).toBe(0)
  })

  it('sums up as the library does', () => {
    const word = fc.constantFrom(
      'hate',
      'good',
      'not',
      "don't",
      'house',
      'awful',
      'superb',
      'never',
      'can',
      'bad',
      ',',
      '!',
    )
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), (words) => {
        const { score, words: toned } = new Sentiment().analyze(words.join(' '))
        const strength = toned.length === 0 ? 0 : score / Math.sqrt(toned.length)
        expect(toneOf(words.join(' '))).toBeCloseTo(strength / Math.sqrt(strength ** 2 + 15), 10)
      }),
    )
  })

  it('stays between -1 and 1 for any length', () => {
    expect(toneOf('catastrophic '.repeat(20_000))).toBeGreaterThanOrEqual(-1)
    expect(toneOf('superb '.repeat(20_000))).toBeLessThanOrEqual(1)
  })

  it('takes min, and refuses one out of range', () => {
    expect(prepareCheck(sentiment, { min: 0.1 })({ text: 'neutral words' })).toHaveLength(1)
    expect(() => prepareCheck(sentiment, { min: -2 })).toThrow('from -1 to 1')
  })
})
