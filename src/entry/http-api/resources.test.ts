import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { APPROVER, startTestServer } from '../../../test/setup/http-server.ts'
import type { Json, TestServer } from '../../../test/setup/http-server.ts'

let server: TestServer
let writer: string
beforeAll(async () => {
  server = await startTestServer()
  writer = await server.key('writer')
})
afterAll(() => server.close())

const as = (person: string) => ({ headers: { 'belay-acting-as': person } })

describe('approvals', () => {
  test('pending ones are listed with the action that people decide on', async () => {
    const held = await server.propose('note.publish', writer)
    const list = await server.call('GET', '/v1/approvals?state=pending')
    const item = list.body.items.find((each: { id: string }) => each.id === held.approval.id)
    expect(item).toMatchObject({
      state: 'pending',
      step: 0,
      action: { id: held.id, input: { text: 'hello' } },
    })
    expect((await server.call('GET', `/v1/approvals/${held.approval.id}`)).body).toEqual(item)
  })

  test('a member approves once; a second click is too late', async () => {
    const held = await server.propose('note.publish', writer)
    const path = `/v1/approvals/${held.approval.id}`
    const vote = await server.call('POST', path, { outcome: 'approve', reason: 'fine' }, as(APPROVER))
    expect(vote).toMatchObject({ status: 200, body: { id: held.id, state: 'ready' } })
    const late = await server.call('POST', path, { outcome: 'reject' }, as('second@example.com'))
    expect(late).toMatchObject({ status: 409, body: { code: 'approval:not_pending' } })
    expect((await server.call('GET', path)).body).toMatchObject({
      state: 'closed',
      action: { state: 'ready' },
    })
    const records = await server.harness.store.recordsOf(held.id)
    const recorded = records.find((record) => record.kind === 'vote')
    expect(JSON.parse(recorded!.text)).toMatchObject({ by: APPROVER })
  })

  test('a reject denies', async () => {
    const held = await server.propose('note.publish', writer)
    const vote = await server.call(
      'POST',
      `/v1/approvals/${held.approval.id}`,
      { outcome: 'reject', reason: 'no' },
      as(APPROVER),
    )
    expect(vote).toMatchObject({ status: 200, body: { state: 'denied' } })
    const closed = await server.call('GET', `/v1/approvals/${held.approval.id}`)
    expect([200, 404]).toContain(closed.status)
  })

  test('who is no member may not decide; the bare admin token counts as one', async () => {
    const held = await server.propose('note.publish', writer)
    const vote = (options: object) =>
      server.call('POST', `/v1/approvals/${held.approval.id}`, { outcome: 'approve' }, options)
    const stranger = await vote(as('stranger@example.com'))
    expect(stranger).toMatchObject({ status: 403, body: { code: 'approval:not_a_member' } })
    expect(await vote({})).toMatchObject({ status: 200, body: { state: 'ready' } })
  })

  test('who asked as a person may not decide', async () => {
    const body = { agent: 'writer', action: 'note.publish', input: { text: 'mine' } }
    const held = await server.call('POST', '/v1/actions', body, as(APPROVER))
    expect(held.body.proposed_by).toBe(APPROVER)
    const vote = await server.call(
      'POST',
      `/v1/approvals/${held.body.approval.id}`,
      { outcome: 'approve' },
      as(APPROVER),
    )
    expect(vote).toMatchObject({ status: 403, body: { code: 'approval:four_eyes' } })
  })

  test.each([
    [{ outcome: 'expire' }, 'body.outcome: expected one of approve, reject, got "expire".'],
    [
      { outcome: 'approve', by: APPROVER },
      'body: expected only outcome, reason, digest, got the unknown field "by".',
    ],
    [{}, 'body.outcome: expected a value, got nothing.'],
  ])('refuses the vote %j', async (body, detail) => {
    const answer = await server.call('POST', '/v1/approvals/apr_nothing', body)
    expect(answer).toMatchObject({ status: 400, body: { detail } })
  })

  test('an approval that does not exist is a 404, another list of states a 400', async () => {
    expect(await server.call('GET', '/v1/approvals/nothing')).toMatchObject({
      status: 404,
      body: { code: 'approval:not_found' },
    })
    const vote = await server.call('POST', '/v1/approvals/nothing', { outcome: 'approve' }, as(APPROVER))
    expect(vote).toMatchObject({ status: 404, body: { code: 'approval:not_found' } })
    expect((await server.call('GET', '/v1/approvals?state=decided')).status).toBe(400)
  })

  test.each(['', 'two people', 'x'.repeat(201)])('refuses to act as %j', async (person) => {
    const answer = await server.call('GET', '/v1/agents', undefined, as(person))
    expect(answer).toMatchObject({ status: 400, body: { details: { where: 'Belay-Acting-As' } } })
  })
})

describe('agents', () => {
  test('are listed, also those that have done nothing yet', async () => {
    const { items } = (await server.call('GET', '/v1/agents')).body
    expect(items.map((item: { name: string }) => item.name)).toEqual(
      expect.arrayContaining(['reader', 'writer']),
    )
  })

  test('a paused agent is denied until it is resumed', async () => {
    const pause = await server.call(
      'PATCH',
      '/v1/agents/reader',
      { state: 'paused', reason: 'looking into it' },
      as(APPROVER),
    )
    expect(pause.body).toMatchObject({
      name: 'reader',
      state: 'paused',
      reason: 'looking into it',
      changed_by: APPROVER,
    })
    const denied = await server.call('POST', '/v1/actions', {
      agent: 'reader',
      action: 'note.read',
      input: {},
    })
    expect(denied.body.decision).toBe('deny')
    await server.call('PATCH', '/v1/agents/reader', { state: 'active', reason: 'fine again' })
    const allowed = await server.call('POST', '/v1/actions', {
      agent: 'reader',
      action: 'note.read',
      input: {},
    })
    expect(allowed.body.decision).toBe('allow')
  })

  test.each([
    [{ state: 'asleep', reason: 'x' }, 'body.state: expected one of active, paused, stopped, got "asleep".'],
    [{ state: 'paused' }, 'body.reason: expected a value, got nothing.'],
    [{ state: 'paused', reason: '' }, 'body.reason: expected at least 1 character(s), got "".'],
  ])('refuses %j', async (body, detail) => {
    expect(await server.call('PATCH', '/v1/agents/reader', body)).toMatchObject({
      status: 400,
      body: { detail },
    })
  })

  test('a budget shows limits, reservations and what was spent', async () => {
    const own = await server.key('metered')
    const { id } = await server.propose('note.add', own, { session: 'budget', cost_usd: 0.5, start: true })
    const line = async (unit: string, window: string) => {
      const answer = await server.call('GET', '/v1/agents/metered/budget?session=budget', undefined, {
        token: own,
      })
      return answer.body.find((each: Json) => each.unit === unit && each.window === window)
    }
    const reserved = await line('usd', 'day')
    expect(reserved.limit_usd).toBe(10)
    expect(reserved.reserved_usd).toBeGreaterThanOrEqual(0.5)
    expect(Date.parse(reserved.ends_at) - Date.parse(reserved.starts_at)).toBe(86_400_000)
    expect(await line('usd', 'session')).toMatchObject({
      limit_usd: 1,
      reserved_usd: 0.5,
      session: 'budget',
      starts_at: null,
    })
    expect(await line('actions', 'hour')).toMatchObject({ limit: 1000 })
    await server.call('POST', `/v1/actions/${id}/outcome`, { outcome: 'succeeded', cost_usd: 0.2 })
    expect(await line('usd', 'session')).toMatchObject({ reserved_usd: 0, spent_usd: 0.2 })
    expect((await line('usd', 'day')).spent_usd).toBeCloseTo(reserved.spent_usd + 0.2, 9)
  })

  test('limits that nobody has drawn on are shown too, and unknown agents are a 404', async () => {
    const fresh = await startTestServer()
    const lines = (await fresh.call('GET', '/v1/agents/metered/budget')).body
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatchObject({
      window: 'day',
      unit: 'usd',
      limit_usd: 10,
      reserved_usd: 0,
      spent_usd: 0,
    })
    expect(await fresh.call('GET', '/v1/agents/nobody/budget')).toMatchObject({
      status: 404,
      body: { code: 'agent:not_found' },
    })
    await fresh.close()
  })
})

describe('keys', () => {
  test('are shown once, stored hashed, recorded, and work until they are revoked', async () => {
    const made = await server.call('POST', '/v1/keys', { agent: 'reader' }, as(APPROVER))
    expect(made.status).toBe(201)
    const { id, key } = made.body
    expect(key).toMatch(/^blk_[A-Za-z0-9_-]{43}$/)
    const listed = await server.call('GET', '/v1/keys')
    expect(listed.body.items.find((each: { id: string }) => each.id === id)).toMatchObject({
      agent: 'reader',
      revoked_at: null,
    })
    expect(JSON.stringify(listed.body)).not.toContain(key)
    expect(JSON.stringify(await server.harness.store.keys())).not.toContain(key)
    expect((await server.call('GET', '/v1/actions', undefined, { token: key })).status).toBe(200)

    const revoked = await server.call('DELETE', `/v1/keys/${id}`)
    expect(revoked.body.revoked_at).not.toBeNull()
    expect((await server.call('GET', '/v1/actions', undefined, { token: key })).status).toBe(401)
    expect((await server.call('DELETE', `/v1/keys/${id}`)).body).toEqual(revoked.body)

    const export_ = (await server.call('GET', '/v1/ledger/export')).body
    expect(export_).toContain(id)
    expect(export_).not.toContain(key)
  })

  test('a key that does not exist is a 404, and an agent has to be named', async () => {
    expect(await server.call('DELETE', '/v1/keys/key_nothing')).toMatchObject({
      status: 404,
      body: { code: 'key:not_found' },
    })
    expect((await server.call('POST', '/v1/keys', {})).status).toBe(400)
    expect((await server.call('POST', '/v1/keys', { agent: 'a/b' })).status).toBe(400)
  })
})

describe('ledger, policy and health', () => {
  test('an action is explained and proved, the ledger verified and exported', async () => {
    const { id } = await server.propose('note.read', writer)
    const get = (path: string) => server.call('GET', path)
    expect((await get(`/v1/actions/${id}/explain`)).status).toBe(200)
    expect((await get(`/v1/ledger/proof/${id}`)).status).toBe(200)
    expect(await get('/v1/ledger/proof/act_nothing')).toMatchObject({
      status: 404,
      body: { code: 'ledger:not_found' },
    })
    const checkpoint = await get('/v1/ledger/checkpoint')
    expect(checkpoint.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(checkpoint.body).toMatch(/^belay-[0-9a-f]{16}\/main\n\d+\n[A-Za-z0-9+/]{43}=\n\n— belay-/)
    expect(await server.call('POST', '/v1/ledger/verify')).toMatchObject({ status: 200, body: { ok: true } })
    await server.propose('note.read', writer)
    const kept = await server.call('POST', '/v1/ledger/verify', { checkpoint: checkpoint.body })
    expect(kept).toMatchObject({ status: 200, body: { ok: true } })
    expect((await server.call('POST', '/v1/ledger/verify', { checkpoint: 'x' })).status).toBe(400)
    expect((await server.call('POST', '/v1/ledger/verify', { witnesses: true })).status).toBe(400)
    const exported = await get('/v1/ledger/export')
    expect(exported.headers.get('content-type')).toBe('application/x-ndjson')
    const documents = exported.body
      .trim()
      .split('\n')
      .map((line: string) => JSON.parse(line))
    expect(JSON.stringify(documents)).toContain(id)
  })

  test('erasing needs exactly one of subject and action', async () => {
    for (const body of [{}, { subject: 'a', action: 'act_b' }, { person: 'a' }, { subject: '' }]) {
      expect((await server.call('POST', '/v1/ledger/erase', body)).status).toBe(400)
    }
    const { id } = await server.propose('note.read', writer)
    expect((await server.call('POST', '/v1/ledger/erase', { action: id })).status).toBe(200)
  })

  test('the policy is told with its digest', async () => {
    const { body } = await server.call('GET', '/v1/policy')
    expect(body).toMatchObject({
      digest: server.harness.policies.current().digest,
      mode: 'enforce',
      document: { version: 1 },
    })
  })

  test('health is public and says little, metrics are not', async () => {
    const anonymous = { token: null }
    expect((await server.call('GET', '/healthz', undefined, anonymous)).body).toEqual({
      status: 'ok',
      version: '0.0.0-test',
    })
    expect(await server.call('GET', '/readyz', undefined, anonymous)).toMatchObject({
      status: 200,
      body: { status: 'ready' },
    })
    expect((await server.call('GET', '/metrics', undefined, anonymous)).status).toBe(401)
    const metrics = (await server.call('GET', '/metrics')).body
    expect(metrics).toMatch(
      /^belay_actions_total\{agent="[^"]+",action="note\.read",decision="allow"\} \d+$/m,
    )
    expect(metrics).toMatch(
      /^belay_http_request_duration_seconds_count\{method="GET",route="\/readyz",status="200"\} 1$/m,
    )
  })

  test('not ready, and no more than that, when the store gives no sign of life', async () => {
    const { store } = server.harness
    const dead = new Proxy(store, {
      get: (target, name) => {
        if (name === 'heartbeat') return () => Promise.reject(new Error('disk on fire at /secret/path'))
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const sick = await startTestServer({ store: dead })
    const answer = await sick.call('GET', '/readyz', undefined, { token: null })
    expect(answer).toMatchObject({ status: 503, body: { code: 'store:unavailable' } })
    expect(JSON.stringify(answer.body)).not.toContain('fire')
    await sick.close()
  })
})
