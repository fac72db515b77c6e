import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startTestServer } from '../../../../test/setup/http-server.ts'
import type { Answer, Json, TestServer } from '../../../../test/setup/http-server.ts'
import { CLIENT, CLIENT_SECRET, startProvider } from '../../../../test/setup/identity-provider.ts'
import type { TestProvider } from '../../../../test/setup/identity-provider.ts'
import { cookiesOf } from '../../../../test/setup/people.ts'
import { NOBODY } from '../../../policy/compile-people.ts'
import { Logins } from './logins.ts'

const ROLES = '{ admin: [platform], approver: [lead@example.com], viewer: [staff] }'
const VERIFIED = { email_verified: true }

let provider: TestProvider
let server: TestServer
/** The provider must know where to send people before the server has its port. */
let port: number

beforeAll(async () => {
  process.env['TEST_CLIENT_SECRET'] = CLIENT_SECRET
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  ;({ port } = probe.address() as AddressInfo)
  probe.close()
  await once(probe, 'close')
  provider = await startProvider([`http://127.0.0.1:${port}/v1/login/oidc/callback`])
})
afterAll(async () => {
  await server.close()
  await provider.close()
})
beforeEach(async () => {
  // Each test has its own limit of refusals.
  await server?.close()
  provider.people.clear()
  server = await open()
})

const open = (oidc = '', roles = ROLES) =>
  startTestServer({
    port,
    people: `{ oidc: { issuer: "${provider.issuer}", client_id: ${CLIENT}, client_secret: $TEST_CLIENT_SECRET${oidc} }, roles: ${roles} }`,
  })

const get = (path: string, cookie = '') =>
  fetch(new URL(path, server.url), { redirect: 'manual', headers: { cookie } })

/** The way there: what the browser keeps, and where it is sent. */
async function begin(to = ''): Promise<{ readonly cookie: string; readonly address: string }> {
  const response = await get(`/v1/login/oidc${to === '' ? '' : `?to=${encodeURIComponent(to)}`}`)
  expect(response.status).toBe(303)
  return { cookie: cookiesOf(response.headers).join('; '), address: response.headers.get('location')! }
}

async function logIn(login: string, to = ''): Promise<Response> {
  const { cookie, address } = await begin(to)
  const back = await provider.visit(address, login)
  return get(back.href, cookie)
}

async function me(response: Response): Promise<Answer> {
  const cookie = cookiesOf(response.headers).find((each) => each.startsWith('belay-login-')) ?? ''
  return server.call('GET', '/v1/me', undefined, { token: null, headers: { cookie } })
}

async function records(): Promise<Json[]> {
  const { store } = server.harness
  const [head] = await store.chains()
  const all = await store.records(head!.chain, 0, 1000)
  return all.filter(({ kind }) => kind === 'login').map(({ text }) => JSON.parse(text))
}

test('the browser is sent with code, PKCE, state and nonce, and keeps only a secret of its own', async () => {
  const { cookie, address } = await begin()
  const query = new URL(address).searchParams
  expect(Object.fromEntries(query)).toEqual({
    response_type: 'code',
    client_id: CLIENT,
    redirect_uri: `${server.url}/v1/login/oidc/callback`,
    scope: 'openid email profile',
    state: expect.stringMatching(/^[\w-]{43}$/),
    nonce: expect.stringMatching(/^[\w-]{43}$/),
    code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    code_challenge_method: 'S256',
  })
  for (const name of ['state', 'nonce', 'code_challenge']) expect(cookie).not.toContain(query.get(name))
  const line = (await get('/v1/login/oidc')).headers.getSetCookie()[0]
  expect(line).toMatch(/^belay-attempt-\d+=[\w.-]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/)
})

test('a person logs in, with the roles that the policy gives by e-mail address and by group', async () => {
  provider.people.set('lead', { ...VERIFIED, email: 'lead@example.com', groups: ['staff', 'others'] })
  const response = await logIn('lead', '/approvals?x=1')
  expect(response.status).toBe(200)
  expect(await response.text()).toContain('content="0;url=/approvals?x=1"')
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
  const answer = await me(response)
  expect(answer.body).toMatchObject({
    kind: 'person',
    by: 'lead@example.com',
    roles: ['viewer', 'approver'],
    login: { via: 'oidc' },
  })
  expect(await records()).toMatchObject([
    { event: 'opened', by: 'lead@example.com', via: 'oidc', roles: ['viewer', 'approver'] },
  ])
})

test('nobody is led elsewhere after the log-in', async () => {
  provider.people.set('lead', { ...VERIFIED, email: 'lead@example.com' })
  for (const to of ['https://evil.example/', '//evil.example', '/\\evil.example'])
    expect(await (await logIn('lead', to)).text()).toContain('content="0;url=/"')
})

test.each([
  ['whose address is not verified', { email: 'lead@example.com', email_verified: false }, 'verified'],
  ['of whose address nobody says so', { email: 'lead@example.com' }, 'verified'],
  ['without an address', { groups: ['platform'] }, 'no email'],
  ['without a role', { ...VERIFIED, email: 'stranger@example.com', groups: ['others'] }, 'no role'],
  [
    'whose group has the name of a person',
    { ...VERIFIED, email: 'x@example.com', groups: ['lead@example.com'] },
    'no role',
  ],
  [
    'with the name of the owner',
    { ...VERIFIED, email: 'admin', groups: ['platform'] },
    'a name that nobody may have',
  ],
  [
    'with the name of an agent',
    { ...VERIFIED, email: 'agent:x', groups: ['platform'] },
    'a name that nobody may have',
  ],
])('nobody is let in %s', async (_what, claims, cause) => {
  provider.people.set('somebody', claims)
  const response = await logIn('somebody')
  expect(response.status).toBe(403)
  expect(await response.text()).toContain(cause)
  expect((await me(response)).status).toBe(401)
  expect((await records()).at(-1)).toMatchObject({ event: 'refused', reason: expect.stringContaining(cause) })
})

test('a person who says no there is refused here', async () => {
  provider.people.set('lead', { ...VERIFIED, email: 'lead@example.com' })
  const { cookie, address } = await begin()
  const back = await provider.visit(address, 'lead', 'refuse')
  expect(back.searchParams.get('error')).toBe('access_denied')
  expect((await get(back.href, cookie)).status).toBe(403)
  expect((await records()).at(-1)).toMatchObject({ event: 'refused' })
})

test('what comes back counts once, in the browser that was sent, unchanged', async () => {
  provider.people.set('lead', { ...VERIFIED, email: 'lead@example.com' })
  const { cookie, address } = await begin()
  const other = await begin()
  const back = await provider.visit(address, 'lead')
  const refused = async (href: string, with_: string) => {
    const response = await get(href, with_)
    expect(response.status).toBe(403)
    expect(cookiesOf(response.headers)).toEqual([])
  }
  await refused(back.href, '')
  await refused(back.href, other.cookie)
  await refused(back.href, `${cookie}x`.replace('.', 'A.'))
  const changed = (name: string, value: string) => {
    const url = new URL(back)
    url.searchParams.set(name, value)
    return url.href
  }
  await refused(changed('state', 'A'.repeat(43)), cookie)
  await refused(changed('iss', 'https://evil.example'), cookie)
  await refused(changed('code', 'A'.repeat(43)), cookie)
  expect((await get(back.href, cookie)).status).toBe(200)
  await refused(back.href, cookie)
})

test('whom the policy stops naming is out at once', async () => {
  // The same rows under another policy, as after a reload.
  const { store, policies } = server.harness
  const before = policies.current().people
  let people = before
  const logins = new Logins(store, () => people)
  const { row, secret } = await logins.openFor('lead@example.com', ['staff', 'platform'])
  const found = (await logins.find(secret))!
  expect(found.roles).toEqual(['viewer', 'approver', 'admin'])
  people = { ...before, roles: { viewer: ['staff'] } }
  expect((await logins.find(secret))?.roles).toEqual(['viewer'])
  expect(await logins.confirm(found)).toBe(false)
  people = { ...before, oidc: null }
  expect(await logins.find(secret)).toBeUndefined()
  people = NOBODY
  expect(await logins.find(secret)).toBeUndefined()
  expect((await logins.list()).map(({ row: { id } }) => id)).not.toContain(row.id)
})

test('names and groups may come under other claims', async () => {
  await server.close()
  server = await open(', name_claim: preferred_username, roles_claim: realm_access.roles')
  provider.people.set('lead', {
    preferred_username: 'lead@example.com',
    realm_access: { roles: ['platform', 7] },
  })
  expect((await me(await logIn('lead'))).body).toMatchObject({
    by: 'lead@example.com',
    roles: ['approver', 'admin'],
  })
})

test('a provider that does not answer is said to be that, and a secret that is not set too', async () => {
  process.env['TEST_CLIENT_SECRET'] = ''
  const unset = await get('/v1/login/oidc')
  expect({ status: unset.status, body: await unset.json() }).toMatchObject({
    status: 502,
    body: { code: 'login:provider' },
  })
  process.env['TEST_CLIENT_SECRET'] = 'another secret'
  provider.people.set('lead', { ...VERIFIED, email: 'lead@example.com' })
  expect((await logIn('lead')).status).toBe(403)
  process.env['TEST_CLIENT_SECRET'] = CLIENT_SECRET
})

test('without a provider there is nothing to go to', async () => {
  await server.close()
  server = await startTestServer({ port })
  for (const path of ['/v1/login/oidc', '/v1/login/oidc/callback?code=x'])
    expect(await server.call('GET', path, undefined, { token: null })).toMatchObject({
      status: 404,
      body: { code: 'login:not_configured' },
    })
})
