import { describe, expect, it } from 'vitest'
import { links } from './links.ts'
import { prepareCheck } from '../../../../test/prepare-check.ts'

const run = prepareCheck(links, { field: 'text', allow: ['example.com', 'пример.рф'] })

describe('links', () => {
  it.each([
    'see https://example.com/a?b=c.',
    'www.example.com and shop.example.com:8080/x',
    'EXAMPLE.COM',
    '(https://example.com).',
    '[here](https://example.com/path)',
    'https://bob@example.com/',
    'https://example.com?@evil.com',
    'на пример.рф',
    'read README.md, src/index.ts, main.rs and setup.py, e.g. with Node.js v1.2.3',
    'i.e. at 10.30 a.m. in the U.S., 10.0.0.1, 3.5 GB',
    'mail bob@evil.com or a.b@mail.evil.com',
    'say @evil.com',
    'note: data: none. https://',
    '',
  ])('passes %j', (text) => {
    expect(run({ text })).toEqual([])
  })

  it.each([
    ['https://evil.com', 'evil.com'],
    ['evil.com', 'evil.com'],
    ['evil.com.', 'evil.com'],
    ['//evil.com/x', 'evil.com'],
    ['https://example.com.evil.com', 'example.com.evil.com'],
    ['https://notexample.com', 'notexample.com'],
    ['https://example.com@evil.com/', 'evil.com'],
    ['https://example.com%2f@evil.com', 'evil.com'],
    ['https://user:p@ss@evil.com', 'evil.com'],
    ['example.com@evil.com/path', 'evil.com'],
    ['https://example.com\\@evil.com', null],
    ['https:evil.com', 'evil.com'],
    ['https:/\\evil.com', 'evil.com'],
    ['hxxps://evil[.]com/a', 'evil.com'],
    ['evil[dot]com', 'evil.com'],
    ['ev\u200bil.com', 'evil.com'],
    ['ｅｖｉｌ．ｃｏｍ', 'evil.com'],
    ['evil。com', 'evil.com'],
    ['https://еxample.com', 'xn--xample-2of.com'],
    ['еxample.com', 'xn--xample-2of.com'],
    ['http://0x7f000001/', '127.0.0.1'],
    ['http://2130706433', '127.0.0.1'],
    ['http://127.1', '127.0.0.1'],
    ['10.0.0.1/admin', '10.0.0.1'],
    ['http://[::1]:80/', '[::1]'],
    ['http://localhost:3000', 'localhost'],
    ['https://example.com,evil.com/', 'example.com,evil.com'],
    ['[x](https://example.com)evil.com', 'evil.com'],
    ['https://example.com/"https://evil.com', 'evil.com'],
    ['evil.md/path', 'evil.md'],
    ['report.zip', 'report.zip'],
    ['javascript:alert(1)', null],
    ['data:text/html,x', null],
    ['custom://evil.com', 'evil.com'],
  ])('refuses %j', (text, host) => {
    expect(run({ text })).toMatchObject([{ code: 'links:not_allowed', evidence: { links: [{ host }] } }])
  })

  it('lets the text repeat links of the fields it may know them from', () => {
    const knowing = prepareCheck(links, {
      field: 'reply',
      allow: ['example.com'],
      known_from: ['question', 'sources.*'],
    })
    const input = { question: 'is https://docs.site.org/a/ right?', sources: ['site.net/b?x=1'] }
    expect(knowing({ ...input, reply: 'yes, docs.site.org/a and https://site.net/b?x=1' })).toEqual([])
    expect(knowing({ ...input, reply: 'see https://docs.site.org/c' })).toMatchObject([
      { code: 'links:invented' },
    ])
    expect(knowing({ ...input, reply: 'see https://docs.site.org@evil.com/a' })).toHaveLength(1)
  })

  it('refuses every link when nothing is allowed', () => {
    expect(prepareCheck(links, {})({ a: ['https://example.com'] })).toHaveLength(1)
  })

  it('offers the text without the links, and that text passes', () => {
    const [finding] = run({ text: 'go to https://evil.com/x, or example.com, or evil.org!' })
    const value = finding?.edits?.[0]?.value
    expect(value).toBe('go to [link removed], or example.com, or [link removed]!')
    expect(run({ text: value ?? null })).toEqual([])
    expect(run({ text: 'evil[.]com' })[0]?.edits).toBeUndefined()
  })

  it.each(['com', 'co.uk', 'https://example.com', 'example.com/path', 'a b', ''])(
    'refuses to allow %j',
    (entry) => {
      expect(() => prepareCheck(links, { allow: [entry] })).toThrow('links: "')
    },
  )

  it('stays linear on hostile text', () => {
    const started = performance.now()
    for (const part of [
      'a',
      'a.',
      'a-',
      'http:',
      'http://',
      '[ ',
      'hxxp',
      'x@',
      '@a.b',
      'a.b/',
      '.',
      'a+',
      'a.co!',
    ])
      run({ text: `${part.repeat(100_000 / part.length)}@` })
    expect(performance.now() - started).toBeLessThan(5000)
  })
})
