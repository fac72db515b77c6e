import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { STORES } from '../../../../test/setup/flow-on.ts'
import { ADMIN, startTestServer } from '../../../../test/setup/http-server.ts'
import type { Json, TestServer } from '../../../../test/setup/http-server.ts'
import { browserOf, cookiesOf, linkFor, logIn } from '../../../../test/setup/people.ts'
import { freshDatabase } from '../../../../test/setup/start-postgres.ts'
import type { LoginRow } from '../../../storage/store.ts'
import { IdentityRefused } from './identity-provider.ts'
import type { Identity } from './identity-provider.ts'
import { CSRF_HEADER } from './same-origin.ts'

const PERSON = 'lead@example.com'

describe.each(STORES)('people log in with a link: %s', (dialect) => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer(
      dialect === 'postgres'
        ? { databaseUrl: await freshDatabase(inject('postgresUrl')), limits: { refusedLogins: 100 } }
        : { limits: { refusedLogins: 100 } },
    )
  })
  afterAll(() => server.close())

  const use = (token: string, headers: Record<string, string> = {}) =>
    server.call('POST', '/v1/login', { token }, { token: null, headers })

  /** Past the server, as time or another replica would. */
  async function change(id: string, changes: Partial<LoginRow>): Promise<void> {
    const { store } = server.harness
    const row = (await store.login(id))!
    const value = { ...row, ...changes, version: row.version + 1 }
    await store.commit({ login: { value, replaces: row.version }, records: [] })
  }

  async function records(): Promise<Json[]> {
    const { store } = server.harness
    const all = []
    for (const { chain } of await store.chains()) all.push(...(await store.records(chain, 0, 10_000)))
    return all.filter(({ kind }) => kind === 'login').map(({ text }) => JSON.parse(text))
  }

  test('a link gives a login, once, and both are records', async () => {
    const link = await linkFor(server, PERSON, ['approver'])
    expect(link.url).toBe(`${server.url}/login#${link.token}`)
    const answer = await use(link.token)
    expect(answer).toMatchObject({
      status: 200,
      body: { kind: 'person', by: PERSON, roles: ['approver'], permissions: ['self', 'read', 'approve'] },
    })
    const [line] = answer.headers.getSetCookie()
    expect(line).toMatch(
      /^belay-login-\d+=bls_[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800$/,
    )
    const browser = browserOf(server, answer)
    expect(await browser.call('GET', '/v1/me')).toMatchObject({ status: 200, body: answer.body })
    const again = await use(link.token)
    expect(again).toMatchObject({ status: 403, body: { code: 'login:refused' } })
    expect(again.headers.getSetCookie()).toEqual([])
    const about = (await records()).filter(({ login_id: id }) => id === link.id)
    expect(about).toMatchObject([
      { event: 'link_created', for: PERSON, roles: ['approver'], by: PERSON },
      { event: 'opened', by: PERSON, via: 'link', roles: ['approver'] },
    ])
    expect((await records()).at(-1)).toMatchObject({ event: 'refused', by: null })
  })

  test('what is stored opens nothing', async () => {
    const link = await linkFor(server, PERSON)
    const { store } = server.harness
    const stored = async () => (await store.login(link.id))!
    expect(JSON.stringify(await stored())).not.toContain(link.token)
    expect((await stored()).hash).toBe(createHash('sha256').update(link.token).digest('hex'))
    const browser = browserOf(server, await use(link.token))
    const secret = browser.cookie.split('=')[1]!
    expect(JSON.stringify(await stored())).not.toContain(secret)
    expect(JSON.stringify(await records())).not.toContain(secret)
    expect(JSON.stringify(await records())).not.toContain(link.token)
    for (const value of [(await stored()).hash, link.token, link.id])
      expect(
        await browser.call('GET', '/v1/me', undefined, { cookie: browser.cookie.replace(secret, value) }),
      ).toMatchObject({
        status: 401,
      })
  })

  test('one link used by many at once gives one login', async () => {
    const link = await linkFor(server, PERSON)
    const answers = await Promise.all(Array.from({ length: 8 }, () => use(link.token)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(7)
    const opened = (await records()).filter(({ login_id: id, event }) => id === link.id && event === 'opened')
    expect(opened).toHaveLength(1)
  })

  test('log-out ends the login at once', async () => {
    const browser = await logIn(server, PERSON)
    const other = await logIn(server, PERSON)
    const out = await browser.call('POST', '/v1/logout')
    expect(out).toMatchObject({ status: 200, body: { ended: browser.id } })
    expect(out.headers.getSetCookie()[0]).toMatch(/^belay-login-\d+=; .*Max-Age=0$/)
    expect((await browser.call('GET', '/v1/me')).status).toBe(401)
    expect((await other.call('GET', '/v1/me')).status).toBe(200)
    expect((await records()).at(-1)).toMatchObject({ event: 'logged_out', of: PERSON, by: PERSON })
  })

  test('logins and links end by expiry, idleness and revocation', async () => {
    const now = server.harness.store.now()
    const expired = await logIn(server, PERSON)
    await change(expired.id, { expiresAt: now })
    expect((await expired.call('GET', '/v1/me')).status).toBe(401)
    const idle = await logIn(server, PERSON)
    await change(idle.id, { seenAt: now - 8 * 3_600_000 })
    expect((await idle.call('GET', '/v1/me')).status).toBe(401)
    const used = await logIn(server, PERSON)
    await change(used.id, { seenAt: now - 7 * 3_600_000 })
    expect((await used.call('GET', '/v1/me')).status).toBe(200)
    expect((await server.harness.store.login(used.id))!.seenAt).toBeGreaterThanOrEqual(now)

    const revoked = await logIn(server, PERSON)
    const answer = await server.call('DELETE', `/v1/logins/${revoked.id}`)
    expect(answer).toMatchObject({ status: 200, body: { ended: revoked.id } })
    expect((await revoked.call('GET', '/v1/me')).status).toBe(401)
    expect((await records()).at(-1)).toMatchObject({ event: 'revoked', of: PERSON, by: 'admin' })

    const late = await linkFor(server, PERSON)
    await change(late.id, { expiresAt: now })
    const withdrawn = await linkFor(server, PERSON)
    await server.call('DELETE', `/v1/logins/${withdrawn.id}`)
    for (const { token } of [late, withdrawn])
      expect((await use(token)).body).toMatchObject({ code: 'login:refused' })
    expect(await server.call('DELETE', '/v1/logins/lgn_none')).toMatchObject({
      status: 404,
      body: { code: 'login:not_found' },
    })
  })

  test('a revocation ends the person’s open stream', async () => {
    const browser = await logIn(server, PERSON)
    const response = await fetch(`${server.url}/v1/events`, { headers: { cookie: browser.cookie } })
    expect(response.status).toBe(200)
    await server.call('DELETE', `/v1/logins/${browser.id}`)
    await server.propose('note.read')
    const text = await response.text()
    expect(text).not.toContain('note.read')
  })

  test('who manages people makes links for others, with no more than their own roles', async () => {
    const boss = await logIn(server, 'boss@example.com', ['admin', 'operator'])
    const make = (body: Json) => boss.call('POST', '/v1/login-links', body)
    const made = await make({ for: 'new@example.com', roles: ['operator', 'viewer'] })
    expect(made).toMatchObject({
      status: 201,
      body: { by: 'new@example.com', roles: ['viewer', 'operator'] },
    })
    const opened = await use(made.body.token)
    expect(opened.body).toMatchObject({ by: 'new@example.com', roles: ['viewer', 'operator'] })
    const said = (await records()).filter(({ login_id: id }) => id === made.body.id)
    expect(said[0]).toMatchObject({ event: 'link_created', for: 'new@example.com', by: 'boss@example.com' })

    for (const roles of [['approver'], ['auditor'], ['viewer', 'approver']])
      expect(await make({ for: 'new@example.com', roles })).toMatchObject({
        status: 403,
        body: { code: 'auth:forbidden' },
      })
    const all = await logIn(server, 'owner@example.com')
    expect(await all.call('POST', '/v1/login-links', { for: PERSON, roles: ['approver'] })).toMatchObject({
      status: 403,
    })
    for (const body of [
      {},
      { for: 'new@example.com' },
      { roles: ['viewer'] },
      { for: 'agent:writer', roles: ['viewer'] },
      { for: 'Admin', roles: ['viewer'] },
      { for: 'two words', roles: ['viewer'] },
      { for: '', roles: ['viewer'] },
      { for: 'new@example.com', roles: [] },
      { for: 'new@example.com', roles: ['viewer'], more: 1 },
    ])
      expect(await make(body)).toMatchObject({ status: 400, body: { code: 'input:invalid' } })
    const viewer = await logIn(server, 'looker@example.com', ['viewer'])
    expect(
      await viewer.call('POST', '/v1/login-links', { for: 'new@example.com', roles: ['viewer'] }),
    ).toMatchObject({ status: 403 })
  })

  test('one sees and ends one’s own logins; who manages people, all', async () => {
    const own = await logIn(server, 'viewer@example.com', ['viewer'])
    const others = await logIn(server, 'second@example.com', ['viewer'])
    const manager = await logIn(server, 'boss@example.com', ['admin'])
    const seen = async (browser: typeof own): Promise<Json[]> =>
      (await browser.call('GET', '/v1/logins')).body.items
    expect(await seen(own)).toMatchObject([{ id: own.id, by: own.by, roles: ['viewer'], current: true }])
    expect((await seen(manager)).map(({ id }) => id)).toEqual(
      expect.arrayContaining([own.id, others.id, manager.id]),
    )
    expect(await own.call('DELETE', `/v1/logins/${others.id}`)).toMatchObject({ status: 404 })
    expect((await others.call('GET', '/v1/me')).status).toBe(200)
    expect(await manager.call('DELETE', `/v1/logins/${others.id}`)).toMatchObject({ status: 200 })
    expect((await others.call('GET', '/v1/me')).status).toBe(401)
    expect(await own.call('DELETE', `/v1/logins/${own.id}`)).toMatchObject({ status: 200 })
    expect((await own.call('GET', '/v1/me')).status).toBe(401)
  })

  test('a person’s vote is that person’s, never the owner’s', async () => {
    const held = await server.propose('note.publish')
    const vote = (browser: Awaited<ReturnType<typeof logIn>>) =>
      browser.call('POST', `/v1/approvals/${held.approval.id}`, { outcome: 'approve' })
    const stranger = await logIn(server, 'stranger@example.com')
    expect(await vote(stranger)).toMatchObject({ status: 403, body: { code: 'approval:not_a_member' } })
    const admin = await server.call('POST', '/v1/login-links')
    const owner = browserOf(server, await use(admin.body.token))
    expect(owner.by).toBe('admin')
    expect(await vote(owner)).toMatchObject({ status: 403, body: { code: 'approval:not_a_member' } })
    expect(await vote(await logIn(server, PERSON))).toMatchObject({ status: 200, body: { state: 'ready' } })
    const { store } = server.harness
    const votes = (await store.recordsOf(held.id)).filter(({ kind }) => kind === 'vote')
    expect(votes.map(({ text }) => JSON.parse(text).by)).toEqual([PERSON])
  })

  test('what people administer is recorded as theirs', async () => {
    const manager = await logIn(server, 'boss@example.com', ['admin', 'operator'])
    const key = await manager.call('POST', '/v1/keys', { agent: 'reader' })
    expect(key.status).toBe(201)
    expect(
      (await manager.call('PATCH', '/v1/agents/reader', { state: 'paused', reason: 'x' })).body,
    ).toMatchObject({
      changed_by: 'boss@example.com',
    })
    await manager.call('PATCH', '/v1/agents/reader', { state: 'active', reason: 'x' })
    const { store } = server.harness
    const chain = (await store.chains()).find(({ live }) => live)!.chain
    const said = (await store.records(chain, 0, 10_000)).map(({ text }) => JSON.parse(text))
    expect(said.findLast(({ kind }) => kind === 'key')).toMatchObject({
      event: 'created',
      by: 'boss@example.com',
    })
    expect(said.findLast(({ kind }) => kind === 'agent')).toMatchObject({ by: 'boss@example.com' })
  })

  test('viewers do not follow who logs in', async () => {
    const kindsFor = async (browser: Awaited<ReturnType<typeof logIn>>) => {
      const response = await fetch(`${server.url}/v1/events?after=start`, {
        headers: { cookie: browser.cookie },
      })
      let text = ''
      for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
        text += part
        if (text.includes('still here') || text.includes('event: vote')) break
      }
      return new Set(text.match(/(?<=event: )\w+/g))
    }
    const viewer = await kindsFor(await logIn(server, 'viewer@example.com', ['viewer']))
    expect(viewer.has('decision')).toBe(true)
    expect(viewer.has('login')).toBe(false)
    expect(viewer.has('key')).toBe(false)
    expect((await kindsFor(await logIn(server, 'boss@example.com', ['auditor']))).has('login')).toBe(true)
  })
})

describe('what comes with a login', () => {
  let server: TestServer
  let browser: Awaited<ReturnType<typeof logIn>>
  beforeAll(async () => {
    server = await startTestServer()
    browser = await logIn(server, PERSON)
  })
  afterAll(() => server.close())

  const forged = [
    ['none', ''],
    ['an empty one', 'belay-login-PORT='],
    ['another one', `belay-login-PORT=bls_${'A'.repeat(43)}`],
    ['the admin token', `belay-login-PORT=${ADMIN}`],
    ['SQL', "belay-login-PORT=' OR 1=1 --"],
    ['that of another port', 'belay-login-1=SECRET'],
    ['one of another name', '__Host-belay-login=SECRET'],
    ['two', 'belay-login-PORT=SECRET; belay-login-PORT=SECRET'],
    ['one with more', 'belay-login-PORT=SECRETx'],
    ['one with less', 'belay-login-PORT=SECRE'],
    ['one in a long header', `${'x'.repeat(17_000)}; belay-login-PORT=SECRET`],
  ] as const
  test.each(forged)('no login with %s', async (_what, cookie) => {
    const { port } = new URL(server.url)
    const secret = browser.cookie.split('=')[1]!
    const text = cookie
      .replaceAll('PORT', port)
      .replaceAll('SECRET', secret)
      .replaceAll('SECRE', secret.slice(0, -1))
    const answer = await browser.call('GET', '/v1/me', undefined, { cookie: text })
    expect(answer).toMatchObject({ status: 401, body: { code: 'auth:required' } })
  })

  test.each([
    ['no proof at all', { 'sec-fetch-site': '' }],
    ['no token', { [CSRF_HEADER]: '' }],
    ['another token', { [CSRF_HEADER]: 'A'.repeat(43) }],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a page of another port', { 'sec-fetch-site': 'same-site' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['another port as origin', { origin: 'http://127.0.0.1:1' }],
    ['no origin at all', { origin: 'null' }],
    ['what was typed', { 'sec-fetch-site': 'none' }],
  ])('no change with %s', async (_what, headers) => {
    const answer = await browser.call('POST', '/v1/keys', { agent: 'reader' }, headers)
    expect(answer).toMatchObject({ status: 403, body: { code: 'auth:csrf' } })
    expect((await server.harness.store.keys()).length).toBe(0)
  })

  test('nothing is read from elsewhere either', async () => {
    for (const site of ['cross-site', 'same-site']) {
      const answer = await browser.call('GET', '/v1/actions', undefined, { 'sec-fetch-site': site })
      expect(answer).toMatchObject({ status: 403, body: { code: 'auth:csrf' } })
    }
  })

  test('nobody is logged in from elsewhere', async () => {
    const { token } = await linkFor(server, PERSON)
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }])
      expect(await server.call('POST', '/v1/login', { token }, { token: null, headers })).toMatchObject({
        status: 403,
        body: { code: 'auth:csrf' },
      })
    expect((await server.call('POST', '/v1/login', { token }, { token: null })).status).toBe(200)
  })

  test('Origin is proof too, for browsers without Sec-Fetch-Site', async () => {
    const answer = await server.call(
      'POST',
      '/v1/keys',
      { agent: 'reader' },
      {
        token: null,
        headers: { cookie: browser.cookie, [CSRF_HEADER]: browser.csrf, origin: server.url },
      },
    )
    expect(answer.status).toBe(201)
  })

  test('the token of one login is no good for another', async () => {
    const other = await logIn(server, 'second@example.com')
    const answer = await browser.call('POST', '/v1/logout', undefined, { [CSRF_HEADER]: other.csrf })
    expect(answer).toMatchObject({ status: 403, body: { code: 'auth:csrf' } })
  })

  test('a person acts as nobody else, and is no agent', async () => {
    const as = await browser.call('GET', '/v1/actions', undefined, { 'belay-acting-as': 'cfo@example.com' })
    expect(as).toMatchObject({ status: 403, body: { code: 'auth:forbidden' } })
    const act = await browser.call('POST', '/v1/actions', { agent: 'writer', action: 'note.add', input: {} })
    expect(act).toMatchObject({ status: 403, body: { code: 'auth:forbidden' } })
  })

  test('the page of links is bound by its headers', async () => {
    const page = await server.call('GET', '/login?to=/agents', undefined, { token: null })
    expect(page.status).toBe(200)
    const policy = page.headers.get('content-security-policy')!
    const script = /<script>([\s\S]*)<\/script>/.exec(page.body)![1]!
    expect(policy).toContain(`script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`)
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    expect(page.headers.get('referrer-policy')).toBe('no-referrer')
    expect(page.headers.get('cross-origin-opener-policy')).toBe('same-origin')
    expect(page.body).toContain('data-to="/agents"')
    for (const to of ['//evil.example', 'https://evil.example', '/\\evil.example', '/"onload=x'])
      expect(
        (await server.call('GET', `/login?to=${encodeURIComponent(to)}`, undefined, { token: null })).body,
      ).toMatch(/data-to="\/(&#34;onload=x)?"/)
  })
})

test('refused log-ins are slowed down, whoever guesses', async () => {
  const server = await startTestServer()
  const tries = await Promise.all(
    Array.from({ length: 30 }, () =>
      server.call('POST', '/v1/login', { token: `bll_${'A'.repeat(43)}` }, { token: null }),
    ),
  )
  const statuses = tries.map(({ status }) => status)
  expect(statuses.filter((status) => status === 403)).toHaveLength(10)
  expect(statuses.filter((status) => status === 429)).toHaveLength(20)
  const late = tries.find(({ status }) => status === 429)!
  expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0)
  const { store } = server.harness
  const chain = (await store.chains())[0]!.chain
  const refused = (await store.records(chain, 0, 1000)).filter(({ kind }) => kind === 'login')
  expect(refused).toHaveLength(10)
  await server.close()
})

test('over https the cookie is bound to its host', async () => {
  const server = await startTestServer({ people: '{ public_url: "https://belay.example.com" }' })
  // Only node:http lets a test choose the Host header.
  const { request } = await import('node:http')
  const login = (host: string, token: string) =>
    new Promise<string[]>((resolve, reject) => {
      const call = request(
        `${server.url}/v1/login`,
        { method: 'POST', headers: { host, 'content-type': 'application/json' } },
        (answer) => {
          answer.resume()
          answer.once('end', () => resolve(answer.headers['set-cookie'] ?? [String(answer.statusCode)]))
        },
      )
      call.once('error', reject)
      call.end(JSON.stringify({ token }))
    })
  const link = await linkFor(server, PERSON)
  expect(link.url).toBe(`https://belay.example.com/login#${link.token}`)
  expect((await login('belay.example.com', link.token))[0]).toMatch(
    /^__Host-belay-login=bls_[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+; Secure$/,
  )
  expect(await login('evil.example', (await linkFor(server, PERSON)).token)).toEqual(['403'])
  await server.close()
})

test('cookies of an answer are read as a browser does', () => {
  const headers = new Headers()
  headers.append('set-cookie', 'a=1; Path=/')
  headers.append('set-cookie', 'b=; Max-Age=0')
  expect(cookiesOf(headers)).toEqual(['a=1'])
})

test('whom an identity provider names is let in by the policy, whom it refuses is not', async () => {
  const said = new Map<string, Identity | Error>([
    ['?code=lead', { name: 'lead@example.com', claims: ['staff'] }],
    ['?code=stranger', { name: 'stranger@example.com', claims: [] }],
    ['?code=refused', new IdentityRefused('it is not so')],
    ['?code=broken', new Error('connection reset')],
  ])
  const server = await startTestServer({
    people:
      '{ oidc: { issuer: "https://id.example.com", client_id: belay }, roles: { approver: [lead@example.com], viewer: [staff] } }',
    openIdentityProvider: async () => ({
      addressFor: async (_rule, { redirectUri }) =>
        new URL(`https://id.example.com/?redirect_uri=${encodeURIComponent(redirectUri)}`),
      identify: async (_rule, _attempt, query) => {
        const found = said.get(`?${query}`)!
        if (found instanceof Error) throw found
        return found
      },
    }),
  })
  const get = (path: string, cookie = '') =>
    fetch(server.url + path, { redirect: 'manual', headers: { cookie } })
  const begun = await get('/v1/login/oidc?to=/approvals')
  expect(begun.status).toBe(303)
  expect(new URL(begun.headers.get('location')!).searchParams.get('redirect_uri')).toBe(
    `${server.url}/v1/login/oidc/callback`,
  )
  const cookie = cookiesOf(begun.headers).join('; ')
  const statusOf = async (code: string, with_ = cookie) =>
    (await get(`/v1/login/oidc/callback?code=${code}`, with_)).status
  expect(await statusOf('lead', '')).toBe(403)
  expect(await statusOf('stranger')).toBe(403)
  expect(await statusOf('refused')).toBe(403)
  expect(await statusOf('broken')).toBe(502)
  const back = await get('/v1/login/oidc/callback?code=lead', cookie)
  expect(await back.text()).toContain('content="0;url=/approvals"')
  const me = await get('/v1/me', cookiesOf(back.headers).join('; '))
  expect(await me.json()).toMatchObject({ by: 'lead@example.com', roles: ['viewer', 'approver'] })
  await server.close()
})
