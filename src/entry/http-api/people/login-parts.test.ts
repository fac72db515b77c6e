import fc from 'fast-check'
import type { FastifyRequest } from 'fastify'
import { describe, expect, test } from 'vitest'
import { NOBODY } from '../../../policy/compile-people.ts'
import { readCookie, transportOf, writeCookie } from './login-cookies.ts'
import { LoginLimit } from './login-limit.ts'
import { ownPath } from './own-path.ts'
import { checkSameOrigin, csrfTokenOf, isFromElsewhere } from './same-origin.ts'
import { rolesOf } from './logins.ts'

const requestOf = (headers: Record<string, string>, method = 'POST') =>
  ({ headers: { host: 'belay.example.com', ...headers }, method }) as unknown as FastifyRequest

describe('where one is led after a log-in', () => {
  test.each(['/', '/actions', '/actions/act_1?tab=why#reasons', '/a//b', '/%2f%2fevil.example'])(
    '%s',
    (path) => {
      expect(ownPath(path)).toBe(path)
    },
  )

  test.each([
    undefined,
    '',
    'x',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/.//evil.example',
    '/a/..//evil.example',
    '/%2e//evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    '/\tevil',
    '/ü',
    ' /',
    '/\n/evil.example',
    `/${'x'.repeat(1000)}`,
  ])('not %j', (path) => {
    expect(ownPath(path)).toBe('/')
  })

  test('never to another origin, whatever is asked', () => {
    const pieces = fc.constantFrom(
      '/',
      '\\',
      '.',
      '..',
      '%2f',
      '%5c',
      '@',
      ':',
      '?',
      '#',
      'evil.example',
      '\t',
      'a',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const url = new URL(ownPath(parts.join('')), 'https://belay.example.com')
        expect(url.origin).toBe('https://belay.example.com')
        expect(url.pathname.startsWith('//')).toBe(false)
      }),
    )
  })
})

describe('cookies', () => {
  test('belong to the port over http and to the host over https', () => {
    const here = transportOf(requestOf({ host: '127.0.0.1:7300' }), 'https://belay.example.com')
    expect(writeCookie('login', 'v', here, { seconds: 9, sameSite: 'Strict' })).toBe(
      'belay-login-7300=v; Path=/; HttpOnly; SameSite=Strict; Max-Age=9',
    )
    const there = transportOf(requestOf({ host: 'Belay.example.com' }), 'https://belay.example.com')
    expect(writeCookie('login', 'v', there, { seconds: 9, sameSite: 'Strict' })).toBe(
      '__Host-belay-login=v; Path=/; HttpOnly; SameSite=Strict; Max-Age=9; Secure',
    )
    expect(readCookie('belay-login-80=v', 'login', there)).toBeUndefined()
    expect(readCookie('a=1; __Host-belay-login=v', 'login', there)).toBe('v')
  })

  test('what cannot be parsed is none, never a fault', () => {
    const transport = { secure: false, port: '1' }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (header) => {
        expect(readCookie(header, 'login', transport)).toBeUndefined()
        expect(readCookie(`${header.replaceAll(';', '')}; belay-login-1=v`, 'login', transport)).toBe('v')
      }),
    )
  })
})

describe('from where a request comes', () => {
  test.each([
    [{}, null, false],
    [{ 'sec-fetch-site': 'same-origin' }, null, false],
    [{ 'sec-fetch-site': 'none' }, null, false],
    [{ 'sec-fetch-site': 'same-site' }, null, true],
    [{ 'sec-fetch-site': 'cross-site' }, null, true],
    [{ 'sec-fetch-site': 'nonsense' }, null, true],
    [{ origin: 'https://belay.example.com' }, null, false],
    [{ origin: 'http://belay.example.com' }, null, false],
    [{ origin: 'http://belay.example.com' }, 'https://belay.example.com', true],
    [{ origin: 'https://belay.example.com' }, 'https://belay.example.com', false],
    [{ origin: 'https://belay.example.com.evil.example' }, null, true],
    [{ origin: 'https://belay.example.com:444' }, null, true],
    [{ origin: 'https://belay.example.com/' }, null, true],
    [{ origin: 'null' }, null, true],
    [{ origin: '' }, null, true],
    [{ origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }, null, true],
  ])('%j, public at %s: elsewhere %s', (headers, publicUrl, elsewhere) => {
    expect(isFromElsewhere(requestOf(headers as Record<string, string>), publicUrl)).toBe(elsewhere)
  })

  test('reads need no token, changes do', () => {
    const csrf = { 'belay-csrf': csrfTokenOf('secret') }
    const ok = { 'sec-fetch-site': 'same-origin' }
    expect(() => checkSameOrigin(requestOf({}, 'GET'), 'secret', null)).not.toThrow()
    expect(() => checkSameOrigin(requestOf({ ...ok, ...csrf }), 'secret', null)).not.toThrow()
    for (const method of ['POST', 'PATCH', 'DELETE', 'PUT', 'get'])
      expect(() => checkSameOrigin(requestOf(ok, method), 'secret', null)).toThrow('Belay-CSRF')
    expect(() => checkSameOrigin(requestOf(csrf), 'secret', null)).toThrow('Origin')
    expect(() => checkSameOrigin(requestOf({ ...ok, ...csrf }), 'another', null)).toThrow('Belay-CSRF')
  })
})

describe('the limit of refused log-ins', () => {
  test('holds for an address, for all together, and for a minute', () => {
    let now = 0
    const limit = new LoginLimit(2, () => now)
    for (let n = 0; n < 2; n++) limit.count('a')
    expect(() => limit.count('a')).toThrow('try again in 60 seconds')
    limit.count('b')
    for (let n = 0; n < 37; n++) limit.count(`c${n}`)
    expect(() => limit.count('d')).toThrow('Too many')
    now = 60_000
    limit.count('a')
  })

  test('a log-in that succeeds is not counted', () => {
    const limit = new LoginLimit(1, () => 0)
    for (let n = 0; n < 100; n++) {
      limit.count('a')
      limit.forgive('a')
    }
    limit.count('a')
    expect(() => limit.count('a')).toThrow('Too many')
  })
})

test('a name is no group and a group no name', () => {
  const rule = { ...NOBODY, roles: { admin: ['ops', 'boss@example.com'], viewer: ['everybody'] } }
  expect(rolesOf(rule, 'boss@example.com', [])).toEqual(['admin'])
  expect(rolesOf(rule, 'x@example.com', ['everybody', 'ops'])).toEqual(['viewer', 'admin'])
  expect(rolesOf(rule, 'ops', [])).toEqual([])
  expect(rolesOf(rule, 'x@example.com', ['boss@example.com'])).toEqual([])
  expect(rolesOf(rule, 'Boss@example.com', [])).toEqual([])
})
