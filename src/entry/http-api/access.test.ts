import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ADMIN, startTestServer } from '../../../test/setup/http-server.ts'
import type { Json, TestServer } from '../../../test/setup/http-server.ts'

let server: TestServer
let writer: string
let reader: string
let ready: string
let done: string
let held: { id: string; approval: { id: string } }
beforeAll(async () => {
  server = await startTestServer()
  writer = await server.key('writer')
  reader = await server.key('reader')
  ready = (await server.propose('note.add', writer)).id
  done = (await server.propose('note.add', writer, { start: true })).id
  await server.call(
    'POST',
    `/v1/actions/${done}/outcome`,
    { outcome: 'succeeded', result: 'secret' },
    { token: writer },
  )
  held = await server.propose('note.publish', writer)
})
afterAll(() => server.close())

describe("another agent's key", () => {
  test('finds none of what is not its own, on any route that takes an id', async () => {
    const state = async () => JSON.stringify((await server.call('GET', '/v1/actions')).body)
    const before = await state()
    const calls: [string, string, Json?][] = []
    for (const id of [ready, done, held.id]) {
      calls.push(
        ['GET', `/v1/actions/${id}`],
        ['GET', `/v1/actions/${id}?wait=1`],
        ['GET', `/v1/actions/${id}/explain`],
        ['POST', `/v1/actions/${id}/start`],
        ['POST', `/v1/actions/${id}/outcome`, { outcome: 'succeeded' }],
        ['POST', `/v1/actions/${id}/undo`],
        ['POST', `/v1/actions/${id}/undo`, { outcome: 'succeeded' }],
        ['POST', `/v1/actions/${id}/cancel`],
        ['GET', `/v1/ledger/proof/${id}`],
      )
    }
    calls.push(['GET', `/v1/approvals/${held.approval.id}`], ['GET', '/v1/agents/writer/budget'])
    for (const [method, path, body] of calls) {
      const theirs = await server.call(method, path, body, { token: reader })
      expect(theirs.status, `${method} ${path}`).toBe(404)
      // What does not exist is refused in the very same words.
      const nowhere = path.replace(/act_[^/?]+|apr_[^/?]+|writer/, 'act_none')
      const nothing = await server.call(method, nowhere, body, { token: reader })
      const without = (answer: Json) => ({ ...answer, instance: '', detail: '', details: {} })
      expect(without(theirs.body)).toEqual(without(nothing.body))
    }
    expect(await state()).toBe(before)
  })

  test('sees only its own in every list', async () => {
    const own = (await server.propose('note.read', reader)).id
    const actions = await server.call('GET', '/v1/actions', undefined, { token: reader })
    expect(actions.body.items.map((item: { id: string }) => item.id)).toEqual([own])
    expect((await server.call('GET', '/v1/approvals', undefined, { token: reader })).body.items).toEqual([])
    const agents = await server.call('GET', '/v1/agents', undefined, { token: reader })
    expect(agents.body.items.map((item: { name: string }) => item.name)).toEqual(['reader'])
  })

  test('may not speak or list for another agent', async () => {
    const proposal = { agent: 'writer', action: 'note.read', input: {} }
    expect(await server.call('POST', '/v1/actions', proposal, { token: reader })).toMatchObject({
      status: 403,
      body: { code: 'auth:forbidden' },
    })
    expect((await server.call('GET', '/v1/actions?agent=writer', undefined, { token: reader })).status).toBe(
      403,
    )
  })

  test('may do nothing that is for people', async () => {
    const calls: [string, string, Json?][] = [
      ['POST', `/v1/approvals/${held.approval.id}`, { outcome: 'approve' }],
      ['PATCH', '/v1/agents/writer', { state: 'active', reason: 'x' }],
      ['PATCH', '/v1/agents/reader', { state: 'active', reason: 'x' }],
      ['POST', '/v1/undos', { agent: 'reader', since: '1h' }],
      ['POST', '/v1/keys', { agent: 'reader' }],
      ['GET', '/v1/keys'],
      ['DELETE', '/v1/keys/key_x'],
      ['GET', '/v1/policy'],
      ['GET', '/v1/ledger/export'],
      ['POST', '/v1/ledger/verify'],
      ['POST', '/v1/ledger/erase', { subject: 'x' }],
      ['GET', '/metrics'],
    ]
    for (const [method, path, body] of calls) {
      for (const token of [reader, writer]) {
        const answer = await server.call(method, path, body, { token })
        expect(answer, `${method} ${path}`).toMatchObject({ status: 403, body: { code: 'auth:forbidden' } })
      }
    }
  })

  test('may not act as a person', async () => {
    const answer = await server.call('GET', '/v1/actions', undefined, {
      token: reader,
      headers: { 'belay-acting-as': 'lead@example.com' },
    })
    expect(answer).toMatchObject({ status: 403, body: { code: 'auth:forbidden' } })
  })
})

describe('credentials', () => {
  test('every route but the public ones asks for them', async () => {
    const { paths } = (await server.call('GET', '/openapi.json', undefined, { token: null })).body
    const open: string[] = []
    for (const [path, methods] of Object.entries<Record<string, unknown>>(paths)) {
      for (const method of Object.keys(methods)) {
        const address = path.replaceAll(/\{\w+\}/g, 'x')
        const answer = await server.call(method.toUpperCase(), address, undefined, { token: null })
        const challenge = answer.headers.get('www-authenticate')
        if (answer.status !== 401 || challenge !== 'Bearer realm="belay"') open.push(path)
      }
    }
    expect(open.toSorted()).toEqual([
      '/healthz',
      '/login',
      '/openapi.json',
      '/readyz',
      '/v1/login',
      '/v1/login',
      '/v1/login/oidc',
      '/v1/login/oidc/callback',
    ])
    expect((await server.call('GET', '/nowhere', undefined, { token: null })).status).toBe(401)
  })

  test.each([
    ['no token', 'Bearer'],
    ['another scheme', `Basic ${ADMIN}`],
    ['more than the token', `Bearer ${ADMIN}x`],
    ['less than the token', `Bearer ${ADMIN.slice(0, -1)}`],
    ['two tokens', `Bearer ${ADMIN} ${ADMIN}`],
    ['a key that was never given', `Bearer blk_${'A'.repeat(43)}`],
    ['no key at all', `Bearer blk_' OR 1=1 --`],
    ['a very long token', `Bearer ${'x'.repeat(5_000)}`],
  ])('refuses %s', async (_what, authorization) => {
    const answer = await server.call('GET', '/v1/actions', undefined, {
      token: null,
      headers: { authorization },
    })
    expect(answer).toMatchObject({ status: 401, body: { code: 'auth:required' } })
  })

  test('a key that another process revoked stops working within its second', async () => {
    const key = await server.key('reader')
    expect((await server.call('GET', '/v1/actions', undefined, { token: key })).status).toBe(200)
    const { store } = server.harness
    const row = (await store.keys()).findLast((each) => each.agent === 'reader' && each.revokedAt === null)!
    // Past this server, as another replica would.
    await store.commit({
      key: { value: { ...row, revokedAt: store.now() }, replaces: 'present' },
      records: [],
    })
    const revokedAt = performance.now()
    while ((await server.call('GET', '/v1/actions', undefined, { token: key })).status !== 401) {
      expect(performance.now() - revokedAt).toBeLessThan(1_500)
    }
  })

  test('a short admin token is not accepted at all', async () => {
    await expect(startTestServer({ adminToken: 'short' })).rejects.toThrow('at least 16 characters')
  })
})

test('what else is served stands behind the same guard', async () => {
  const more = await startTestServer({
    doors: [
      (app) => {
        app.get('/more/unsaid', async () => 'for people')
        app.get('/more/agents', { config: { access: 'agent' } }, async (request) => request.principal?.by)
      },
    ],
  })
  const key = await more.key('reader')
  const status = async (path: string, token: string | null) =>
    (await more.call('GET', path, undefined, { token })).status
  expect(await status('/more/unsaid', null)).toBe(401)
  expect(await status('/more/unsaid', key)).toBe(403)
  expect(await status('/more/unsaid', ADMIN)).toBe(200)
  expect((await more.call('GET', '/more/agents', undefined, { token: key })).body).toBe('agent:reader')
  await more.close()
})
