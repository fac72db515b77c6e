import { describe, expect, it } from 'vitest'
import { mentions } from './mentions.ts'
import { prepareCheck } from '../../../../test/prepare-check.ts'

const lists = { competitors: ['Hootsuite', 'Buffer Inc'] }

describe('mentions', () => {
  it.each([
    'Have you tried Hootsuite?',
    "hootsuite's prices",
    '@hootsuite is cheaper',
    'see hootsuite.com',
    'Ноotsuite',
    'h o o t s u i t e',
    'BUFFER  inc.',
  ])('holds %j for a person', (text) => {
    const findings = prepareCheck(mentions, { field: 'text', list: 'competitors' }, { lists })({ text })
    expect(findings).toMatchObject([{ decision: 'require_approval' }])
  })

  it.each(['hootsuited', 'a buffer in memory', 'nobody'])('passes %j', (text) => {
    expect(prepareCheck(mentions, { list: 'competitors' }, { lists })({ text })).toEqual([])
  })

  it('finds given handles, whole ones only, and no e-mail addresses', () => {
    const run = prepareCheck(mentions, { handles: ['@Acme', 'other'] })
    expect(run({ text: 'thanks @acme.' })[0]?.evidence).toEqual({ path: ['text'], names: ['@acme'] })
    expect(run({ text: 'cc ＠other!' })).toHaveLength(1)
    expect(run({ text: '@acme_shop @acme.shop x@acme acme' })).toEqual([])
  })

  it('finds any handle but those allowed', () => {
    const run = prepareCheck(mentions, { handles: 'any', allow: ['@us'] })
    expect(run({ text: 'from @us' })).toEqual([])
    expect(run({ text: 'from @us to @them' })[0]?.evidence).toEqual({ path: ['text'], names: ['@them'] })
  })

  it('says which lists there are', () => {
    expect(() => prepareCheck(mentions, { list: 'rivals' }, { lists })).toThrow('there is: competitors')
    expect(() => prepareCheck(mentions, { list: 'constructor' }, { lists })).toThrow('no list constructor')
  })
})
