import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../action/json.ts'
import type { CheckFinding, CheckSetup, CheckSubject } from '../../../policy/check.ts'
import { pii } from './pii.ts'
import { findPii } from './pii/find.ts'
import { PII_KINDS } from './pii/kinds.ts'

const setup: CheckSetup = { readLines: () => [], lists: {} }

function findings(input: JsonObject, options: JsonObject = {}): readonly CheckFinding[] {
  const subject: CheckSubject = { action: 'mail.send', agent: 'a', effect: 'write', input, provenance: {} }
  const found = pii.prepare(options, setup)(subject)
  if (found instanceof Promise) throw new Error('pii must answer at once')
  return found
}

function redacted(text: string, options: JsonObject = {}): string {
  const [finding] = findings({ text }, options)
  const value = finding?.edits?.[0]?.value
  if (finding !== undefined && typeof value !== 'string') throw new Error('a finding without an edit')
  return typeof value === 'string' ? value : text
}

describe('what is found', () => {
  it.each([
    ['Write to ann.lee+x@mail.example.co.uk, please.', 'Write to [email], please.'],
    ['<müller@bücher.example>', '<[email]>'],
    ['call (212) 555-0123 x44 today', 'call [phone] today'],
    ['+44 20 7946 0958', '[phone]'],
    ['my phone: 73 448 266', 'my phone: [phone]'],
    ['pay with 4111 1111 1111 1111 now', 'pay with [card] now'],
    ['amex 3782-822463-10005', 'amex [card]'],
    ['cc4111111111111111', 'cc[card]'],
    ['4111_1111_1111_1111', '[card]'],
    ['IBAN DE89 3704 0044 0532 0130 00.', 'IBAN [iban].'],
    ['gb82west12345698765432', '[iban]'],
    ['from 93.184.216.34:443', 'from [ip]:443'],
    ['at 2001:db8:85a3::8a2e:370:7334.', 'at [ip].'],
    ['ssn 219-09-9998', 'ssn [ssn]'],
    ['NINO AB 12 34 56 C', 'NINO [nino]'],
    ['nino: AB123456C', 'nino: [nino]'],
    ['Steuer-ID: 86095742719', 'Steuer-ID: [national_id]'],
    ['NIR 2 55 08 14 168 025 38', 'NIR [national_id]'],
    ['DNI 12345678Z', 'DNI [national_id]'],
    ['NIE X1234567L', 'NIE [national_id]'],
    ['BSN 111222333', 'BSN [national_id]'],
    ['CPF 529.982.247-25', 'CPF [national_id]'],
    ['CF RSSMRA85T10A562S', 'CF [national_id]'],
    ['Aadhaar 2341 2341 2346', 'Aadhaar [national_id]'],
    ['passport no. X12345678', 'passport no. [passport]'],
    ["driver's license number is A56319335", "driver's license number is [driver_licence]"],
    ['born on 12/15/1995 in Rome', 'born on [birth_date] in Rome'],
    ['DOB: 1980-02-29', 'DOB: [birth_date]'],
    ['date of birth: March 12, 1980', 'date of birth: [birth_date]'],
    ['born 12 March 1980', 'born [birth_date]'],
    ['mac 00:1A:2b:3c:4d:5e', 'mac [mac]'],
    ['mac 00-1A-2b-3c-4d-5e', 'mac [mac]'],
    ['0x52908400098527886E0F7030069857D2E4169EE7', '[crypto]'],
    ['1BoatSLRHtKNngkdXEeobR76b53LETtpyT', '[crypto]'],
    ['bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq', '[crypto]'],
    ['at 52.520008, 13.404954 now', 'at [location] now'],
  ])('%s', (text, expected) => {
    expect(redacted(text)).toBe(expected)
  })

  it('covers everything of a string with one edit, and names what was found without quoting it', () => {
    const found = findings({ note: { text: 'ann@example.com or 4111111111111111, bob@example.com' } })
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({
      code: 'pii:card',
      edits: [{ path: ['note', 'text'], value: '[email] or [card], [email]' }],
      evidence: { path: ['note', 'text'], count: 3 },
    })
    expect(found[0]?.message).toBe('The input holds personal data: payment card number, e-mail address (2).')
  })

  it('looks at property names, which no edit can make harmless', () => {
    const [finding] = findings({ 'ann@example.com': 'yes' })
    expect(finding?.code).toBe('pii:email')
    expect(finding?.edits).toBeUndefined()
  })

  it('sees through full-width digits, foreign digits and invisible characters, and redacts what was written', () => {
    expect(redacted('card ４１１１１１１１１１１１１１１１!')).toBe('card [card]!')
    expect(redacted('card ٤١١١١١١١١١١١١١١١!')).toBe('card [card]!')
    expect(redacted('a 4111\u200b1111\u20601111\u00ad1111 b')).toBe('a [card] b')
    expect(redacted('ann\u200b＠example.com')).toBe('[email]')
    expect(redacted('é\u200b 4111\u00a01111\u00a01111\u00a01111 é')).toBe('é\u200b [card] é')
  })
})

describe('what is not personal data', () => {
  it.each([
    'order 4111111111111112',
    '41111111111111111111111111',
    'sum 1234567890 of 2,109 items at 12:30:45 on 2024-03-05 10:20:30',
    'git@github.com:org/repo.git and icon@2x.png',
    'postgres://user:password@db.example.com/x',
    'lodash@4.17.21',
    'ssn 000-12-3456, 666-12-3456, 900-12-3456, 123-00-4567, 123-45-0000',
    'version 1.2.3.4 listens on 127.0.0.1 and ::1, std::vector',
    'DE89370400440532013001',
    'IBAN XX82WEST12345698765432',
    'da39a3ee5e6b4b0d3255bfef95601890afd80709',
    '550e8400-e29b-41d4-a716-446655440000',
    'meeting on 12/15/1995',
    'invoice A56319335',
    '1BoatSLRHtKNngkdXEeobR76b53LETtpyX',
    'pi is 3.14159, e is 2.71828',
    'timestamp 1700000000000',
    'drafts 06/07/2019-09, server example2-3 127.10.12.3',
  ])('%s', (text) => {
    expect(redacted(text)).toBe(text)
  })
})

describe('options', () => {
  it('looks for the named kinds only', () => {
    expect(redacted('ann@example.com 4111111111111111', { kinds: ['card'] })).toBe('ann@example.com [card]')
    expect(redacted('12 Baker Street', {})).toBe('12 Baker Street')
    expect(redacted('at 12 Upper Baker Street, London', { kinds: ['address'] })).toBe('at [address], London')
  })

  it('reads national numbers by the plan of the default region', () => {
    expect(redacted('020 7946 0958')).toBe('020 7946 0958')
    expect(redacted('020 7946 0958', { default_region: 'GB' })).toBe('[phone]')
    expect(redacted('030 901820', { default_region: ['GB', 'DE'] })).toBe('[phone]')
  })

  it('refuses a field that is no text', () => {
    expect(findings({ text: 4 }, { field: 'text' })).toMatchObject([{ code: 'verify:wrong_type' }])
    expect(findings({ other: 'ann@example.com' }, { field: 'text' })).toEqual([])
  })

  it.each([{ kinds: ['names'] }, { kinds: [] }, { default_region: 'XX' }, { default_region: 4 }])(
    'rejects %j',
    (options) => {
      expect(() => pii.prepare(options, setup)).toThrow(/kinds|default_region/)
    },
  )
})

describe('hostile input', () => {
  const search = { kinds: new Set(PII_KINDS), regions: ['US'] as const }

  it('never throws, and answers sorted, disjoint spans within the text', () => {
    const piece = fc.constantFrom(
      '4111',
      '1',
      ' ',
      '-',
      '.',
      '(',
      '+',
      '@',
      'a',
      ':',
      'GB82',
      'born ',
      'phone ',
      '\u200b',
      '４',
      '\ud835\udfd9',
      '\udc00',
      '0x',
      'bc1',
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.array(piece, { maxLength: 80 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(text, (value) => {
        let reached = 0
        for (const { start, end } of findPii(value, search)) {
          expect(start).toBeGreaterThanOrEqual(reached)
          expect(end).toBeGreaterThan(start)
          reached = end
        }
        expect(reached).toBeLessThanOrEqual(value.length)
      }),
      { numRuns: 500 },
    )
  })

  it('finds a card wherever it stands among other text', () => {
    const around = fc.string({
      unit: fc.constantFrom('a', ' ', '\n', ',', 'é', '\u200b', '！', '中'),
      maxLength: 40,
    })
    fc.assert(
      fc.property(around, around, (before, after) => {
        expect(redacted(`${before} 4111-1111-1111-1111 ${after}`, { kinds: ['card'] })).toBe(
          `${before} [card] ${after}`,
        )
      }),
    )
  })

  // Quadratic work on this much would run for minutes and end at the time limit of the test.
  it.each([
    '1',
    'a@',
    'a@b.',
    '1 2 3 ',
    '(212) 555-0123 ',
    'a:',
    '1.',
    '+4',
    'born 1 ',
    'GB12 ',
    '(1',
    'passport 1',
    '\u200b1',
    'ab1',
  ])('gets through a long row of %j', (unit) => {
    const text = unit.repeat(Math.ceil(250_000 / unit.length))
    expect(findPii(text, search).every(({ end }) => end <= text.length)).toBe(true)
  })
})
