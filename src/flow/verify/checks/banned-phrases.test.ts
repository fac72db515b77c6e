import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bannedPhrases } from './banned-phrases.ts'
import { prepareCheck } from '../../../../test/prepare-check.ts'

const PHRASES = [
  'guaranteed returns',
  'risk free',
  'C++',
  '100%',
  '!!!',
  '元本保証',
  'Größe',
  "can't lose",
  'cash',
]
const run = prepareCheck(bannedPhrases, { field: 'text', phrases: PHRASES })

describe('banned_phrases', () => {
  it.each([
    ['We offer Guaranteed Returns.', 'guaranteed returns'],
    ['guaranteed\n   returns', 'guaranteed returns'],
    ['guaranteed-returns', 'guaranteed returns'],
    ['guaranteed, returns', 'guaranteed returns'],
    ['ＧＵＡＲＡＮＴＥＥＤ ｒｅｔｕｒｎｓ', 'guaranteed returns'],
    ['gua\u200branteed re\u00adturns', 'guaranteed returns'],
    ['gυarаnteеd rеturns', 'guaranteed returns'],
    ['g u a r a n t e e d returns', 'guaranteed returns'],
    ['g u a r a n t e e d r e t u r n s', 'guaranteed returns'],
    ['g.u.a.r.a.n.t.e.e.d r.e.t.u.r.n.s', 'guaranteed returns'],
    ['guar.anteed ret*urns', 'guaranteed returns'],
    ['gu4r4nt33d returns', 'guaranteed returns'],
    ['it is R I S K F R E E today', 'risk free'],
    ['a c++ book', 'C++'],
    ['100% sure', '100%'],
    ['wow!!!', '!!!'],
    ['この商品は元本保証です', '元本保証'],
    ['この商品は元本 保証です', '元本保証'],
    ['die GRÖSSE zählt', 'Größe'],
    ["you can't lose", "can't lose"],
  ])('finds it in %j', (text, phrase) => {
    expect(run({ text })[0]?.evidence).toEqual({ path: ['text'], phrases: [phrase] })
  })

  it.each([
    'unguaranteed returnsx',
    'guaranteed nothing returns',
    'cashier and cashew',
    'a C compiler and C programs',
    '1000 of 100',
    'b a n a n a',
    'U.S.A. and E.U., e.g. in 3.5 h',
    'risk of a free fall',
    '',
  ])('leaves %j alone', (text) => {
    expect(run({ text })).toEqual([])
  })

  it('takes phrases from a file', () => {
    const fromFile = prepareCheck(
      bannedPhrases,
      { file: 'banned.txt', phrases: ['alpha'] },
      { readLines: (path) => (path === 'banned.txt' ? ['beta gamma'] : []) },
    )
    expect(fromFile({ any: 'alpha', other: ['Beta Gamma'] })).toHaveLength(2)
  })

  it('does not quote the text in the message', () => {
    expect(run({ text: 'cash' })[0]?.message).toBe('The text holds a banned phrase.')
  })

  it('refuses to be prepared without a phrase', () => {
    expect(() => prepareCheck(bannedPhrases, { file: 'empty.txt' })).toThrow('has no phrases')
    expect(() => prepareCheck(bannedPhrases, { phrases: [' ', '\u200b'] })).toThrow('has no phrases')
  })

  it('sees through any mix of disguises', () => {
    const disguise = fc.constantFrom<(letter: string) => string>(
      (letter) => letter,
      (letter) => letter.toUpperCase(),
      (letter) => `${letter}\u200b`,
      (letter) => `\u00ad${letter}`,
      (letter) => ({ a: 'а', e: 'е', o: 'о', c: 'с', r: 'r', s: 'ѕ' })[letter] ?? letter,
      (letter) => (/[a-z]/.test(letter) ? String.fromCodePoint(letter.charCodeAt(0) + 0xfee0) : letter),
      (letter) => ({ a: '4', e: '3', s: '5', t: '7' })[letter] ?? letter,
      (letter) => (letter === ' ' ? ' \u00a0\n' : letter),
    )
    const letters = Array.from('guaranteed returns')
    fc.assert(
      fc.property(
        fc.tuple(...letters.map(() => disguise)),
        fc.constantFrom('', 'so: ', 'these '),
        fc.constantFrom('', '!', ' now'),
        (disguises, before, after) => {
          const text = before + letters.map((letter, at) => disguises[at]?.(letter)).join('') + after
          expect(run({ text })).toHaveLength(1)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('stays linear on hostile text', () => {
    const started = performance.now()
    for (const text of [' a', 'a.', 'guaranteed ', 'g u ', '-', 'a1', 'a..'])
      run({ text: text.repeat(50_000) })
    expect(performance.now() - started).toBeLessThan(3000)
  })
})
