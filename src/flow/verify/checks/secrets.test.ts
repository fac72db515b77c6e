import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../action/json.ts'
import type { CheckFinding, CheckSetup, CheckSubject } from '../../../policy/check.ts'
import { secrets } from './secrets.ts'
import { FORMAT_COUNT } from '../../../secrets/find.ts'
import { TOKEN_FORMATS } from '../../../secrets/formats.ts'
import { findSecrets } from './secrets/find.ts'
import { redactHits } from './secrets/redact.ts'

const redactSecrets = (text: string): string => redactHits(text, findSecrets(text))

const setup: CheckSetup = { readLines: () => [], lists: {} }

function findings(input: JsonObject, options: JsonObject = {}): readonly CheckFinding[] {
  const subject: CheckSubject = { action: 'mail.send', agent: 'a', effect: 'write', input, provenance: {} }
  const found = secrets.prepare(options, setup)(subject)
  if (found instanceof Promise) throw new Error('secrets must answer at once')
  return found
}

const ALPHABETS: Readonly<Record<string, string>> = {
  digit: '0123456789',
  hex: '0123456789abcdef',
  xdigit: '0123456789abcdefABCDEF',
  lower: 'abcdefghijklmnopqrstuvwxyz0123456789',
  upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789',
  caps: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  b32: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567',
  bech: '023456789ACDEFGHJKLMNPQRSTUVWXYZ',
}
const ALNUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

let state = 20_260_101
/** Seeded, so that a failure comes again; at run time, so that no scanner takes this file for a leak. */
function random(length: number, alphabet: string = ALNUM): string {
  let text = ''
  while (text.length < length) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    text += alphabet[Math.floor((state / 2 ** 32) * alphabet.length)]
  }
  return text
}

function fromTemplate(template: string): string {
  return template.replace(/\{(\w+)(?::(\d+)(?:-\d*)?)?\}/g, (_, name: string, length: string) =>
    name === 'uuid'
      ? [8, 4, 4, 4, 12].map((part) => random(part, ALPHABETS['hex'])).join('-')
      : random(Number(length), ALPHABETS[name] ?? ALNUM),
  )
}

describe('token formats', () => {
  it('has at least the breadth that it promises', () => {
    expect(FORMAT_COUNT).toBeGreaterThanOrEqual(300)
  })

  const own = Object.entries(TOKEN_FORMATS).filter(([kind]) => kind !== 'basic_auth')
  it.each(own)('%s is found in a sentence and wholly replaced', (_kind, templates) => {
    const missed: string[] = []
    for (const template of templates) {
      const token = fromTemplate(template)
      const out = redactSecrets(`Here it is: ${token} (keep it).`)
      if (!/^Here it is: .*\[secret:\w+\].* \(keep it\)\.$/.test(out)) missed.push(template)
      const rest = out.replace(/\[secret:\w+\]/, '').slice('Here it is: '.length)
      // A part that stands for itself may stay: the path of a webhook, the name before a key.
      if (rest.length >= 24) missed.push(`${template} leaves ${rest.length}`)
    }
    expect(missed).toEqual([])
  })

  it.each([
    ['github', 'ghp_{alnum:36}'],
    ['aws', 'AKIA{b32:16}'],
    ['anthropic', 'sk-ant-api03-{url:95}'],
    ['openai', 'sk-proj-{url:80}'],
    ['slack', 'xoxb-{digit:12}-{digit:12}-{alnum:24}'],
    ['google', 'AIza{url:35}'],
    ['stripe', 'sk_live_{alnum:24}'],
    ['belay', 'blk_{url:32}'],
    ['npm', 'npm_{alnum:36}'],
    ['telegram', '{digit:10}:AA{url:33}'],
    ['azure', '{alnum:3}8Q~{alnum:34}'],
    ['discord', 'M{alnum:23}.{alnum:6}.{alnum:30}'],
  ])('%s is called by its name', (kind, template) => {
    expect(redactSecrets(`a ${fromTemplate(template)} b`)).toBe(`a [secret:${kind}] b`)
  })

  it('is not fooled by letters glued to the end, by a name before it, or by invisible characters inside', () => {
    const token = fromTemplate('ghp_{alnum:36}')
    expect(redactSecrets(`${token}AndMore`)).toBe('[secret:github]')
    expect(redactSecrets(`token=${token}`)).toBe('token=[secret:github]')
    expect(redactSecrets(`a ${token.slice(0, 9)}\u200b${token.slice(9)} b`)).toBe('a [secret:github] b')
  })
})

describe('secrets without a format', () => {
  const key = random(40)

  it.each([
    ['password: hunter2', 'password: [secret:password]'],
    ['The password for staging is Tr0ub4dor&3.', 'The password for staging is [secret:password].'],
    ['"db_password": "s3cr!t-word"', '"db_password": "[secret:password]"'],
    [`my token is ${key}, keep it`, 'my token is [secret:named_secret], keep it'],
    [`API Key: ${key}`, 'API Key: [secret:named_secret]'],
    [`client_secret => '${key}'`, "client_secret => '[secret:named_secret]'"],
    [`{\\"access_token\\": \\"${key}\\"}`, '{\\"access_token\\": \\"[secret:named_secret]\\"}'],
    [`https://x.example/?api_key=${key}&a=b`, 'https://x.example/?api_key=[secret:named_secret]&a=b'],
    [`Authorization: Bearer ${key}`, 'Authorization: [secret:bearer_token]'],
    [
      `Authorization: Basic ${Buffer.from('user:pass').toString('base64')}`,
      'Authorization: [secret:basic_auth]',
    ],
    ['postgres://app:p4ss@word@db/x', 'postgres://app:[secret:database_url]@db/x'],
    ['https://user:hunter22@example.com/', 'https://user:[secret:url_password]@example.com/'],
    [`algolia: "${random(32, '0123456789abcdef')}"`, 'algolia: "[secret:algolia]"'],
  ])('%s', (text, expected) => {
    expect(redactSecrets(text)).toBe(expected)
  })

  it.each([
    'RSA PRIVATE KEY',
    'OPENSSH PRIVATE KEY',
    'EC PRIVATE KEY',
    'ENCRYPTED PRIVATE KEY',
    'PRIVATE KEY',
    'PGP PRIVATE KEY BLOCK',
  ])('a PEM %s, whole, escaped or cut off', (label) => {
    const body = `${random(64)}\n${random(64)}\n`
    const pem = `-----BEGIN ${label}-----\n${body}-----END ${label}-----`
    expect(redactSecrets(`key:\n${pem}\nthanks`)).toBe('key:\n[secret:private_key]\nthanks')
    expect(redactSecrets(JSON.stringify({ pem }))).toBe('{"pem":"[secret:private_key]"}')
    expect(redactSecrets(`x -----BEGIN ${label}-----\n${body}`)).toBe('x [secret:private_key]')
  })
})

describe('what is no secret', () => {
  it.each([
    'da39a3ee5e6b4b0d3255bfef95601890afd80709',
    'commit: da39a3ee5e6b4b0d3255bfef95601890afd80709',
    'id: 550e8400-e29b-41d4-a716-446655440000',
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'Lorem ipsum dolor sit amet: consectetur=adipiscing elit, sed do eiusmod tempor.',
    'const token = await getToken(process.env.API_TOKEN_NAME)',
    'api_key=${API_KEY_2}',
    'api_key: {{ secrets.API_KEY_2_FOR_PRODUCTION }}',
    'password: your-password-here-1',
    'token: "xxxxxxxxxxxxxxxxxxxx1"',
    'sk-your-api-key-goes-right-here-0000000000',
    'The password is too short. password: string; password = required',
    'next_page_token: "Q2hhcnRlcjEyMzQ1Njc4OTA5ODc2NTQz"',
    'http://localhost:3000/user@example',
    'task-force-management-and-development-of-things',
    'max_tokens: 4096, token_type: bearer',
    '-----BEGIN CERTIFICATE-----',
    'Basic understanding of Bearer authentication is enough',
  ])('%s', (text) => {
    expect(findSecrets(text)).toEqual([])
  })

  it('knows published examples for what they are', () => {
    expect(findSecrets(['AKIA', 'IOSFODNN7', 'EXAMPLE'].join(''))).toEqual([])
  })
})

describe('the check', () => {
  const token = fromTemplate('ghp_{alnum:36}')

  it('edits each string once and never tells the secret, neither in message nor in evidence', () => {
    const found = findings({ a: `x ${token} y AKIA${random(16, ALPHABETS['b32'])}`, list: [token] })
    expect(found).toMatchObject([
      {
        code: 'secrets:github',
        edits: [{ path: ['a'], value: 'x [secret:github] y [secret:aws]' }],
        evidence: { path: ['a'], count: 2 },
      },
      { code: 'secrets:github', edits: [{ path: ['list', 0], value: '[secret:github]' }] },
    ])
    expect(JSON.stringify(found)).not.toContain(token.slice(4, 12))
  })

  it('takes the name of a property for a name', () => {
    expect(findings({ login: { password: 'correct7horse' } })).toMatchObject([
      { code: 'secrets:password', edits: [{ path: ['login', 'password'], value: '[secret:password]' }] },
    ])
  })

  it('refuses a secret in a property name without an edit and without telling it', () => {
    const found = findings({ [token]: 'x' })
    expect(found).toMatchObject([{ code: 'secrets:github', evidence: { path: ['[secret:github]'] } }])
    expect(found[0]?.edits).toBeUndefined()
    expect(
      JSON.stringify(findings({ [token]: token }).map(({ message, evidence }) => ({ message, evidence }))),
    ).not.toContain(token.slice(4, 12))
  })

  it('lets allowed kinds and exact texts pass', () => {
    expect(findings({ a: token }, { allow: ['github'] })).toEqual([])
    expect(findings({ a: token }, { allow: [token] })).toEqual([])
    expect(findings({ a: token }, { allow: ['aws'] })).toHaveLength(1)
  })

  it('names a kind that does not exist, and refuses fields that are no text', () => {
    expect(() => secrets.prepare({ allow: ['githb'] }, setup)).toThrow('githb')
    expect(() => secrets.prepare({ allow: 'jwt' }, setup)).toThrow(/list/)
    expect(findings({ a: 1 }, { field: 'a' })).toMatchObject([{ code: 'verify:wrong_type' }])
  })
})

describe('hostile input', () => {
  it('never throws, and finds nothing new in what it has redacted', () => {
    const piece = fc.constantFrom(
      'ghp_',
      'sk-',
      'eyJ',
      'a1B2c3D4e5F6',
      '.',
      '-----BEGIN ',
      'PRIVATE KEY-----',
      'password',
      ': ',
      '=',
      '"',
      '://',
      '@',
      ':',
      '\u200b',
      '\ud800',
      'Q~',
      ' ',
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.array(piece, { maxLength: 60 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(text, (value) => {
        let reached = 0
        for (const { start, end } of findSecrets(value)) {
          expect(start).toBeGreaterThanOrEqual(reached)
          expect(end).toBeGreaterThan(start)
          reached = end
        }
        expect(reached).toBeLessThanOrEqual(value.length)
        redactSecrets(value)
      }),
      { numRuns: 500 },
    )
  })

  it('finds a token wherever it stands among other text', () => {
    const around = fc.string({
      unit: fc.constantFrom('a', ' ', '\n', ',', '=', ':', '"', 'é', '\u200b', '-', '.'),
      maxLength: 40,
    })
    const token = fromTemplate('ghp_{alnum:36}')
    fc.assert(
      fc.property(around, around, (before, after) => {
        expect(redactSecrets(`${before} ${token} ${after}`)).not.toContain(token)
      }),
    )
  })

  // Quadratic work on this much would run for minutes and end at the time limit of the test.
  it.each([
    'A',
    'eyJ',
    'eyJa-',
    'xoxb-',
    'a:',
    'token=',
    'password: ',
    'a://b:c',
    ['-----BEGIN ', 'PRIVATE KEY-----'].join(''),
    '-',
    'AQE',
    'Q~',
    'sl.',
    'token="',
    'https://',
    'Basic ',
    'password is ',
  ])('gets through a long row of %j', (unit) => {
    const text = unit.repeat(Math.ceil(250_000 / unit.length))
    expect(findSecrets(text).every(({ end }) => end <= text.length)).toBe(true)
  })
})
