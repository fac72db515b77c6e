import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestServer } from '../../../../test/setup/http-server.ts'
import type { TestServer } from '../../../../test/setup/http-server.ts'
import { logIn } from '../../../../test/setup/people.ts'
import type { Browser } from '../../../../test/setup/people.ts'
import { ROLES } from '../../../policy/compile-people.ts'
import type { Role } from '../../../policy/compile-people.ts'
import { KNOWN_ROUTES, PERMISSIONS, permissionFor, permissionsOf } from './permissions.ts'

let server: TestServer
let routes: (readonly [method: string, path: string])[]
const browsers = new Map<Role, Browser>()
let reader: string

beforeAll(async () => {
  server = await startTestServer()
  const { paths } = (await server.call('GET', '/openapi.json', undefined, { token: null })).body
  routes = Object.entries<object>(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(
      (method) => [method.toUpperCase(), path.replaceAll(/\{(\w+)\}/g, ':$1').replace('{*}', '*')] as const,
    ),
  )
  for (const role of ROLES) browsers.set(role, await logIn(server, `${role}@example.com`, [role]))
  reader = await server.key('reader')
})
afterAll(() => server.close())

test('the table names every route, and only those', () => {
  expect(KNOWN_ROUTES.toSorted()).toEqual(routes.map((route) => route.join(' ')).toSorted())
})

test('what it does not name is for no person', () => {
  expect(permissionFor('GET', '/v1/nowhere')).toBeNull()
  expect(permissionFor('GET', undefined)).toBeNull()
  expect(permissionFor('constructor', '')).toBeNull()
})

test('who decides does not administer, and who administers does not decide', () => {
  const holders = (permission: string) =>
    ROLES.filter((role) => permissionsOf([role]).includes(permission as 'read'))
  expect(holders('approve')).toEqual(['approver'])
  expect(holders('operate')).toEqual(['operator'])
  expect(holders('audit')).toEqual(['auditor'])
  expect(holders('erase')).toEqual(['auditor'])
  expect(holders('keys')).toEqual(['admin'])
  expect(holders('people')).toEqual(['admin'])
  expect(permissionsOf(ROLES)).toEqual(PERMISSIONS)
  expect(permissionsOf([])).toEqual([])
})

/** Written out again, by hand: the answer to each role is decided here, not by the table under test. */
const EXPECTED: Readonly<Record<string, readonly Role[] | 'public'>> = {
  'DELETE /v1/absences/:id': ['approver'],
  'DELETE /v1/browsers/:id': [],
  'DELETE /v1/keys/:id': ['admin'],
  'DELETE /v1/logins/:id': ROLES,
  'DELETE /v1/standing-approvals/:id': ['approver'],
  'GET /healthz': 'public',
  'GET /login': 'public',
  'GET /metrics': ROLES,
  'GET /openapi.json': 'public',
  'GET /readyz': 'public',
  'GET /v1/absences': ROLES,
  'GET /v1/actions': ROLES,
  'GET /v1/actions/:id': ROLES,
  'GET /v1/actions/:id/explain': ROLES,
  'GET /v1/actions/:id/pictures/:when': ROLES,
  'GET /v1/agents': ROLES,
  'GET /v1/agents/:name/budget': ROLES,
  'GET /v1/agents/:name/logs': ROLES,
  'POST /v1/snippets': [],
  'GET /v1/agents/:name/baseline': ROLES,
  'POST /v1/agents/:name/baseline/accept': ['operator'],
  'GET /v1/approvals': ROLES,
  'GET /v1/approvals/:id': ROLES,
  'GET /v1/browsers': ROLES,
  'GET /v1/browsers/:id/calls/:action': [],
  'GET /v1/budgets': ROLES,
  'GET /v1/alarms': ['viewer', 'operator', 'approver', 'auditor', 'admin'],
  'GET /v1/alarms/:id': ['viewer', 'operator', 'approver', 'auditor', 'admin'],
  'POST /v1/alarms/:id': ['operator'],
  'GET /v1/quality/scores': ['viewer', 'operator', 'approver', 'auditor', 'admin'],
  'GET /v1/quality/agreement': ['viewer', 'operator', 'approver', 'auditor', 'admin'],
  'GET /v1/channels': ['admin'],
  'GET /v1/events': ROLES,
  'GET /v1/keys': ['admin'],
  'GET /v1/ledger/checkpoint': ROLES,
  'GET /v1/ledger/log/:chain/checkpoint': ROLES,
  'GET /v1/ledger/log/:chain/tile/*': ROLES,
  'GET /v1/ledger/logs': ROLES,
  'GET /v1/ledger/export': ['auditor'],
  'GET /v1/ledger/proof/:action': ROLES,
  'GET /v1/login': 'public',
  'GET /v1/login/oidc': 'public',
  'GET /v1/login/oidc/callback': 'public',
  'GET /v1/logins': ROLES,
  'GET /v1/me': ROLES,
  'GET /v1/people': ['admin'],
  'GET /v1/policy': ROLES,
  'GET /v1/policy/file': ROLES,
  'GET /v1/prompts': ROLES,
  'GET /v1/prompts/:name': ROLES,
  'GET /v1/prompts/:name/versions/:version': ROLES,
  'GET /v1/sessions': ROLES,
  'GET /v1/sessions/:id': ROLES,
  'GET /v1/sessions/:id/recordings': ['auditor'],
  'GET /v1/stats': ROLES,
  'GET /v1/stats/tags': ROLES,
  'GET /v1/standing-approvals': ROLES,
  'GET /v1/standing-approvals/:id': ROLES,
  'PATCH /v1/agents/:name': ['operator'],
  'POST /v1/absences': ['approver'],
  'POST /v1/actions': [],
  'POST /v1/actions/:id/cancel': ['operator'],
  'POST /v1/actions/:id/outcome': [],
  'POST /v1/actions/:id/exchanges': [],
  'POST /v1/actions/:id/start': [],
  'POST /v1/actions/:id/undo': ['operator'],
  'POST /v1/approvals/:id': ['approver'],
  'POST /v1/approvals/:id/break-glass': ['approver'],
  'POST /v1/approvals/:id/delegate': ['approver'],
  'POST /v1/approvals/:id/edit': ['approver'],
  'POST /v1/approvals/batch': ['approver'],
  'POST /v1/browsers': [],
  'POST /v1/browsers/:id/calls': [],
  'POST /v1/channels/:name/test': ['admin'],
  'POST /v1/keys': ['admin'],
  'POST /v1/ledger/erase': ['auditor'],
  'POST /v1/ledger/erase/preview': ['auditor'],
  'POST /v1/ledger/purge': ['auditor'],
  'POST /v1/ledger/verify': ['auditor'],
  'POST /v1/login': 'public',
  'POST /v1/login-links': ['admin'],
  'POST /v1/logout': ROLES,
  'POST /v1/policy/backtest': ROLES,
  'POST /v1/policy/lint': ROLES,
  'POST /v1/prompts': ['operator'],
  'POST /v1/prompts/:name/render': ROLES,
  'POST /v1/sessions/:id/undo': ['operator'],
  'POST /v1/standing-approvals': ['approver'],
  'POST /v1/standing-approvals/:id/grant': ['approver'],
  'POST /v1/undos': ['operator'],
  'PUT /v1/prompts/:name/labels/:label': ['operator'],
}

describe('each route answers each caller as it should', () => {
  const calls = Object.entries(EXPECTED).filter(
    ([route]) => !['POST /v1/logout', 'GET /v1/events'].includes(route),
  )
  test.each(calls)('%s', async (route, expected) => {
    const [method, path] = route.split(' ') as [string, string]
    const address = path.replaceAll(/:\w+/g, 'none')
    const nobody = await server.call(method, address, undefined, { token: null })
    expect(nobody.status === 401).toBe(expected !== 'public')
    for (const [role, browser] of browsers) {
      const { status, body } = await browser.call(method, address)
      const forbidden = status === 403 && body.code === 'auth:forbidden'
      expect({ role, status, forbidden }).toEqual({
        role,
        status,
        forbidden: expected !== 'public' && !expected.includes(role),
      })
      expect(status, `as ${role}`).not.toBe(401)
      expect(status, `as ${role}`).toBeLessThan(500)
    }
  })

  test('a log-out and the event stream, which every person may ask for', async () => {
    for (const role of ROLES) {
      const browser = await logIn(server, `${role}@example.com`, [role])
      const closing = new AbortController()
      const stream = await fetch(`${server.url}/v1/events`, {
        headers: { cookie: browser.cookie },
        signal: closing.signal,
      })
      expect(stream.status, `as ${role}`).toBe(200)
      closing.abort()
      expect((await browser.call('POST', '/v1/logout')).status, `as ${role}`).toBe(200)
    }
  })

  test('it is the whole of them', () => {
    expect(Object.keys(EXPECTED).toSorted()).toEqual(routes.map((route) => route.join(' ')).toSorted())
  })
})

test('agents are let in nowhere that they were not', async () => {
  for (const [method, path] of [
    ['POST', '/v1/login-links'],
    ['GET', '/v1/logins'],
    ['DELETE', '/v1/logins/x'],
    ['POST', '/v1/logout'],
  ] as const) {
    const answer = await server.call(method, path, undefined, { token: reader })
    expect(answer, `${method} ${path}`).toMatchObject({ status: 403, body: { code: 'auth:forbidden' } })
  }
  const me = await server.call('GET', '/v1/me', undefined, { token: reader })
  expect(me.body).toEqual({ kind: 'agent', by: 'agent:reader', agent: 'reader', roles: [], permissions: [] })
})

test('what other doors serve is not for people unless the table says so', async () => {
  const more = await startTestServer({
    doors: [
      (app) => {
        app.get('/more/unsaid', async () => 'x')
        app.get('/more/agents', { config: { access: 'agent' } }, async () => 'x')
      },
    ],
  })
  const browser = await logIn(more, 'boss@example.com')
  for (const path of ['/more/unsaid', '/more/agents'])
    expect((await browser.call('GET', path)).status).toBe(403)
  expect((await browser.call('GET', '/nowhere')).status).toBe(404)
  await more.close()
})
