import { describe, expect, it } from 'vitest'
import { prepareCheck } from '../../../../test/prepare-check.ts'
import { maxLength } from './max-length.ts'

const check = (options: Parameters<typeof prepareCheck>[1]) => prepareCheck(maxLength, options)

describe('max_length', () => {
  it.each([
    ['x', 'a'.repeat(280), 'a'.repeat(281)],
    [
      'twitter',
      `${'a'.repeat(256)} https://example.com/${'p'.repeat(500)}`,
      `${'a'.repeat(257)} https://example.com/p`,
    ],
    ['x', '漢'.repeat(140), '漢'.repeat(141)],
    ['x', '👨‍👩‍👧‍👦'.repeat(140), '👨‍👩‍👧‍👦'.repeat(141)],
    ['instagram', 'é'.repeat(2200), 'é'.repeat(2201)],
    ['bluesky', '👩🏽‍🚀'.repeat(300), '👩🏽‍🚀'.repeat(301)],
    ['threads', '😀'.repeat(125), '😀'.repeat(126)],
    ['youtube', 'é'.repeat(2500), `${'é'.repeat(2500)}a`],
    ['sms', 'a'.repeat(160), 'a'.repeat(161)],
    ['sms', 'ы'.repeat(70), 'ы'.repeat(71)],
  ])('counts as %s counts', (platform, fits, tooLong) => {
    const run = check({ field: 'text', platform })
    expect(run({ text: fits })).toEqual([])
    expect(run({ text: tooLong })).toHaveLength(1)
  })

  it('lets max and unit win over the platform', () => {
    expect(check({ field: 'text', platform: 'sms', max: 2 })({ text: 'a'.repeat(306) })).toEqual([])
    expect(check({ field: 'text', platform: 'x', unit: 'utf16', max: 3 })({ text: '😀😀' })).toHaveLength(1)
    expect(check({ field: 'text', max: 2 })({ text: '😀😀' })).toEqual([])
  })

  it('refuses what X refuses', () => {
    expect(check({ platform: 'x' })({ text: 'a\ufeffb' })[0]?.code).toBe('max_length:invalid_character')
  })

  it('does not quote the text, and says where', () => {
    const [finding] = check({ field: 'text', max: 3 })({ text: 'secret' })
    expect(finding?.message).toBe('The text is longer than 3 characters.')
    expect(finding?.evidence).toEqual({ path: ['text'], max: 3, unit: 'codepoints', counted: 6 })
  })

  it('refuses a field that is no string and passes an absent one', () => {
    const run = check({ field: 'text', max: 3 })
    expect(run({ text: ['a'] })[0]?.code).toBe('verify:wrong_type')
    expect(run({})).toEqual([])
  })

  it('checks every string when no field is named', () => {
    expect(check({ max: 3 })({ a: { b: ['long'] } })).toHaveLength(1)
  })

  it('says at load time what is wrong', () => {
    expect(() => check({ field: 'text' })).toThrow('needs a platform or max')
    expect(() => check({ platform: 'myspace' })).toThrow('known: x, twitter')
  })
})
