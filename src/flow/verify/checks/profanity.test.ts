import { describe, expect, it } from 'vitest'
import { prepareCheck } from '../../../../test/prepare-check.ts'
import { profanity } from './profanity.ts'

const run = prepareCheck(profanity, { field: 'text' })

describe('profanity', () => {
  it.each([
    'what a load of shit',
    'SHIT!',
    'sh1t happens',
    '$h!t',
    's h i t',
    's.h.i.t',
    'sh\u200bit',
    'ѕhіt',
    'ｓｈｉｔ',
  ])('refuses %j', (text) => {
    expect(run({ text })).toHaveLength(1)
  })

  it.each([
    'Scunthorpe and Essex',
    'a classic assessment',
    'We open at 9 a.m.',
    'Thanks a lot!',
    'I am 5 ft 7',
    '',
  ])('passes %j', (text) => {
    expect(run({ text })).toEqual([])
  })

  it('offers the censored text where that is harmless, and only there', () => {
    const [plain] = run({ text: 'what a shit show' })
    expect(plain?.edits).toEqual([{ path: ['text'], value: 'what a *** show' }])
    expect(run({ text: 'what a ***  show' })).toEqual([])
    expect(run({ text: 's h i t' })[0]?.edits).toBeUndefined()
  })

  it('names the words as evidence, not in the message', () => {
    const [finding] = run({ text: 'shit happens' })
    expect(finding?.evidence).toEqual({ path: ['text'], words: ['shit'] })
    expect(finding?.message).not.toContain('shit')
  })

  it('allows words and takes other languages', () => {
    expect(prepareCheck(profanity, { allow: ['Shit'] })({ text: 'shit' })).toEqual([])
    const german = prepareCheck(profanity, { languages: ['de'] })
    expect(german({ text: 'du arschloch' })).toHaveLength(1)
    expect(german({ text: 'what a motherfucker' })).toEqual([])
    expect(() => prepareCheck(profanity, { languages: ['tlh'] })).toThrow('must be of ar, de')
  })
})
