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

describe('POST /v1/actions', () => {
  test('answers an allowed action with all its fields', async () => {
    const answer = await server.call(
      'POST',
      '/v1/actions',
      {
        action: 'note.add',
        input: { text: 'hi' },
        session: 's1',
        confidence: 0.9,
        cost_usd: 0.25,
        reason: 'asked',
      },
      { token: writer },
    )
    expect(answer.status).toBe(201)
    expect(answer.headers.get('location')).toBe(`/v1/actions/${answer.body.id}`)
    expect(answer.body).toMatchObject({
      agent: 'writer',
      action: 'note.add',
      session: 's1',
      decision: 'allow',
      effective: 'allow',
      mode: 'enforce',
      state: 'ready',
      input: { text: 'hi' },
      cost_usd: 0.25,
      confidence: 0.9,
    })
    expect(answer.body.policy_version).toMatch(/^sha256:[0-9a-f]{64}$/)
    for (const time of ['proposed_at', 'updated_at', 'expires_at']) {
      expect(new Date(answer.body[time]).toISOString()).toBe(answer.body[time])
    }
  })

  test('a denial is an answer with reasons', async () => {
    const denied = await server.propose('nobody.declared.this', writer)
    expect(denied).toMatchObject({ decision: 'deny', state: 'denied' })
    expect(denied.reasons[0].code).toMatch(/^[a-z_]+:[a-z_]+$/)
    expect(denied.reasons[0].message).not.toBe('')
  })

  test('a held action tells what it waits for', async () => {
    const held = await server.propose('note.publish', writer)
    expect(held).toMatchObject({ decision: 'require_approval', state: 'held' })
    expect(held.approval).toMatchObject({ step: 0, steps: [{ group: 'editors', quorum: 1, approved: 0 }] })
    expect(Date.parse(held.approval.expires_at)).toBeGreaterThan(Date.now())
  })

  test('with start, an allowed action is executing', async () => {
    const started = await server.propose('note.add', writer, { start: true })
    expect(started.state).toBe('executing')
    expect(Date.parse(started.deadline)).toBeGreaterThan(Date.now())
  })

  test('the same idempotency key answers the same action, and refuses other content', async () => {
    const body = { action: 'note.add', input: { text: 'once' }, idempotency_key: 'order-1' }
    const first = await server.call('POST', '/v1/actions', body, { token: writer })
    // The store's clock has moved on once it has recorded something else.
    while (server.harness.store.now() <= Date.parse(first.body.proposed_at))
      await server.propose('note.read', writer)
    const again = await server.call('POST', '/v1/actions', body, { token: writer })
    expect([first.status, again.status]).toEqual([201, 200])
    expect(again.body.id).toBe(first.body.id)
    const other = await server.call(
      'POST',
      '/v1/actions',
      { ...body, input: { text: 'other' } },
      { token: writer },
    )
    expect(other).toMatchObject({ status: 409, body: { code: 'action:idempotency_mismatch' } })
  })

  test('records the trace of the caller', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const answer = await server.call(
      'POST',
      '/v1/actions',
      { action: 'note.read', input: {} },
      { token: writer, headers: { traceparent } },
    )
    const stored = await server.harness.store.action(answer.body.id)
    expect(stored?.trace).toEqual({ traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' })
  })

  test('the admin token proposes for the agent that it names', async () => {
    expect((await server.propose('note.read')).agent).toBe('writer')
    const nameless = await server.call('POST', '/v1/actions', { action: 'note.read', input: {} })
    expect(nameless).toMatchObject({
      status: 400,
      body: { detail: 'body.agent: expected the name of the agent, got nothing.' },
    })
  })

  const good = { agent: 'writer', action: 'note.read', input: {} }
  test.each([
    [{ agent: 'writer', input: {} }, 'body.action: expected a value, got nothing.'],
    [{ ...good, imput: {} }, 'got the unknown field "imput".'],
    [{ ...good, input: 'text' }, 'body.input: expected an object, got "text".'],
    [{ ...good, input: [] }, 'body.input: expected an object, got an array.'],
    [{ ...good, action: 7 }, 'body.action: expected a string, got the number 7.'],
    [{ ...good, confidence: '0.9' }, 'body.confidence: expected a number, got "0.9".'],
    [{ ...good, confidence: 1.5 }, 'body.confidence: expected a number up to 1, got the number 1.5.'],
    [{ ...good, cost_usd: -1 }, 'body.cost_usd: expected a number from 0, got the number -1.'],
    [{ ...good, cost_usd: 1e300 }, 'body.cost_usd: expected a number up to 9000000'],
    [{ ...good, action: 'a b' }, 'body.action: expected a name of letters, digits'],
    [{ ...good, agent: '../admin' }, 'body.agent: expected a name of letters, digits'],
    [{ ...good, agent: '' }, 'body.agent: expected at least 1 character(s), got "".'],
    [{ ...good, action: 'x'.repeat(201) }, 'body.action: expected at most 200 characters, got 201.'],
    [{ ...good, session: 'line\nbreak' }, 'body.session: expected a name of visible ASCII characters'],
    [{ ...good, subjects: [1] }, 'body.subjects[0]: expected a string, got the number 1.'],
    [{ ...good, start: 'yes' }, 'body.start: expected true or false, got "yes".'],
    [[], 'body: expected an object, got an array.'],
    ['text', 'body: expected an object, got "text".'],
  ])('refuses %j', async (body, detail) => {
    const answer = await server.call('POST', '/v1/actions', body)
    expect(answer).toMatchObject({ status: 400, body: { code: 'input:invalid' } })
    expect(answer.body.detail).toContain(detail)
  })

  test('refuses a missing body', async () => {
    const answer = await server.call('POST', '/v1/actions')
    expect(answer).toMatchObject({ status: 400, body: { detail: 'body: expected an object, got nothing.' } })
  })
})

describe('an action that runs in the agent', () => {
  test('is started once, reported once, undone once', async () => {
    const { id } = await server.propose('note.add', writer)
    const call = (verb: string, body?: Json) =>
      server.call('POST', `/v1/actions/${id}/${verb}`, body, { token: writer })

    expect(await call('outcome', { outcome: 'succeeded' })).toMatchObject({
      status: 409,
      body: { code: 'action:wrong_state' },
    })
    const taken = await Promise.all([call('start'), call('start', {}), call('start')])
    expect(taken.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409])
    expect(taken.find(({ status }) => status === 200)?.body).toMatchObject({
      state: 'executing',
      input: { text: 'hello' },
    })

    const done = await call('outcome', { outcome: 'succeeded', result: { note: 7 }, cost_usd: 0.01 })
    expect(done).toMatchObject({
      status: 200,
      body: { state: 'succeeded', result: { note: 7 }, cost_usd: 0.01 },
    })

    const asked = await call('undo')
    expect(asked).toMatchObject({ status: 200, body: { state: 'succeeded', undo: { status: 'requested' } } })
    const half = await call('undo', { error: 'no outcome' })
    expect(half).toMatchObject({
      status: 400,
      body: { detail: 'body.outcome: expected a value beside error, got nothing.' },
    })
    const undone = await call('undo', { outcome: 'succeeded' })
    expect(undone).toMatchObject({ status: 200, body: { state: 'undone', undo: { status: 'undone' } } })
  })

  test('can be cancelled before it starts and not after', async () => {
    const { id } = await server.propose('note.add', writer)
    const cancelled = await server.call('POST', `/v1/actions/${id}/cancel`, {}, { token: writer })
    expect(cancelled).toMatchObject({ status: 200, body: { state: 'cancelled' } })
    const started = await server.call('POST', `/v1/actions/${id}/start`, undefined, { token: writer })
    expect(started).toMatchObject({ status: 409, body: { code: 'action:wrong_state' } })
  })

  test('tells what the checks of results said, now and in the list', async () => {
    const { id } = await server.propose('note.fetch', writer, { start: true })
    const report = { outcome: 'succeeded', result: { text: 'this is top secret' }, judge: true }
    const reported = await server.call('POST', `/v1/actions/${id}/outcome`, report, { token: writer })
    expect(reported.body.judged).toMatchObject({
      effective: 'deny',
      result: { belay_withheld: [{ code: 'banned_phrases:found' }] },
    })
    const { body } = await server.call('GET', '/v1/actions?action=note.fetch', undefined, { token: writer })
    expect(body.items[0]).toMatchObject({
      state: 'succeeded',
      decision: 'allow',
      judged: { decision: 'deny', effective: 'deny', reasons: [{ code: 'banned_phrases:found' }] },
    })
  })

  test('refuses an undo that the policy does not declare', async () => {
    const { id } = await server.propose('note.read', writer, { start: true })
    await server.call('POST', `/v1/actions/${id}/outcome`, { outcome: 'succeeded' }, { token: writer })
    const refused = await server.call('POST', `/v1/actions/${id}/undo`, undefined, { token: writer })
    expect(refused).toMatchObject({ status: 409, body: { code: 'undo:not_declared' } })
  })

  test.each([
    [{}, 'body.outcome: expected a value, got nothing.'],
    [{ outcome: 'fine' }, 'body.outcome: expected one of succeeded, failed, unknown, got "fine".'],
    [
      { outcome: 'failed', retry: true },
      'body: expected only outcome, result, error, cost_usd, judge, got the unknown field "retry".',
    ],
  ])('refuses the report %j', async (body, detail) => {
    const { id } = await server.propose('note.add', writer, { start: true })
    const answer = await server.call('POST', `/v1/actions/${id}/outcome`, body, { token: writer })
    expect(answer).toMatchObject({ status: 400, body: { detail } })
  })

  test('everything about an action that does not exist is a 404', async () => {
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/explain'],
      ['POST', '/start'],
      ['POST', '/undo'],
      ['POST', '/cancel'],
    ] as const) {
      const answer = await server.call(method, `/v1/actions/act_nothing${path}`)
      expect(answer).toMatchObject({
        status: 404,
        body: { code: 'action:not_found', details: { id: 'act_nothing' } },
      })
    }
  })
})

describe('GET /v1/actions/{id}?wait=', () => {
  test('answers when a person has decided, and at once when that is known already', async () => {
    const held = await server.propose('note.publish', writer)
    const waiting = server.call('GET', `/v1/actions/${held.id}?wait=20`, undefined, { token: writer })
    await waitUntil(async () =>
      (await server.call('GET', '/metrics')).body.includes('belay_waiting_requests 1\n'),
    )
    const headers = { 'belay-acting-as': APPROVER }
    const vote = await server.call(
      'POST',
      `/v1/approvals/${held.approval.id}`,
      { outcome: 'approve' },
      { headers },
    )
    expect(vote).toMatchObject({ status: 200, body: { state: 'ready' } })
    expect((await waiting).body).toMatchObject({ id: held.id, state: 'ready' })

    const began = performance.now()
    expect(
      (await server.call('GET', `/v1/actions/${held.id}?wait=20&version=${held.version}`)).body.state,
    ).toBe('ready')
    expect((await server.call('GET', `/v1/actions/${held.id}?wait=20`)).body.state).toBe('ready')
    expect(performance.now() - began).toBeLessThan(5_000)
  })

  test('answers what is when the wait ends', async () => {
    const held = await server.propose('note.publish', writer)
    const answer = await server.call('GET', `/v1/actions/${held.id}?wait=0.05`, undefined, { token: writer })
    expect(answer).toMatchObject({ status: 200, body: { state: 'held', version: held.version } })
  })

  test('a client that hangs up ends its wait', async () => {
    const held = await server.propose('note.publish', writer)
    const hangUp = new AbortController()
    const waiting = server.call('GET', `/v1/actions/${held.id}?wait=50`, undefined, {
      token: writer,
      signal: hangUp.signal,
    })
    const count = async () =>
      Number(/belay_waiting_requests (\d+)/.exec((await server.call('GET', '/metrics')).body)?.[1])
    await waitUntil(async () => (await count()) === 1)
    hangUp.abort()
    await expect(waiting).rejects.toThrow('aborted')
    await waitUntil(async () => (await count()) === 0)
  })

  test.each(['61', '-1', 'soon', ''])('refuses wait=%s', async (wait) => {
    const { id } = await server.propose('note.read', writer)
    expect((await server.call('GET', `/v1/actions/${id}?wait=${wait}`)).status).toBe(400)
  })

  test('only so many may wait', async () => {
    const small = await startTestServer({ limits: { waiters: 1 } })
    const held = await small.propose('note.publish')
    const first = small.call('GET', `/v1/actions/${held.id}?wait=30`)
    await waitUntil(async () =>
      (await small.call('GET', '/metrics')).body.includes('belay_waiting_requests 1\n'),
    )
    const second = await small.call('GET', `/v1/actions/${held.id}?wait=30`)
    expect(second).toMatchObject({ status: 503, body: { code: 'server:busy' } })
    expect(second.headers.get('retry-after')).toBe('1')
    // Closing ends the wait with an answer.
    const closing = small.close()
    expect((await first).body.state).toBe('held')
    await closing
  })
})

describe('GET /v1/actions', () => {
  test('pages through everything once, newest first', async () => {
    const session = 'paging'
    const ids: string[] = []
    for (let index = 0; index < 7; index++)
      ids.unshift((await server.propose('note.read', writer, { session })).id)
    const seen: string[] = []
    let next: string | null = null
    do {
      const page: Json = await server.call(
        'GET',
        `/v1/actions?session=${session}&limit=3${next === null ? '' : `&before=${next}`}`,
      )
      expect(page.body.items.length).toBeLessThanOrEqual(3)
      seen.push(...page.body.items.map((item: { id: string }) => item.id))
      next = page.body.next
    } while (next !== null)
    expect(seen).toEqual(ids)
  })

  test('filters', async () => {
    await server.propose('nobody.declared.that', writer, { session: 'filters' })
    await server.propose('note.read', writer, { session: 'filters' })
    const get = async (query: string) =>
      (await server.call('GET', `/v1/actions?session=filters&${query}`)).body.items.length
    expect(await get('')).toBe(2)
    expect(await get('state=denied')).toBe(1)
    expect(await get('decision=allow')).toBe(1)
    expect(await get('action=note.read')).toBe(1)
    expect(await get('agent=reader')).toBe(0)
    expect(await get('since=1h')).toBe(2)
    expect(await get('since=9999-01-01T00:00:00Z')).toBe(0)
  })

  test.each([
    'limit=0',
    'limit=201',
    'limit=ten',
    'state=asleep',
    'colour=red',
    'state=held&state=ready',
    'before=%00',
    'since=yesterday',
  ])('refuses %s', async (query) => {
    expect(await server.call('GET', `/v1/actions?${query}`)).toMatchObject({
      status: 400,
      body: { code: 'input:invalid' },
    })
  })
})

describe('POST /v1/undos', () => {
  test('undoes what an agent did since a time and names what it could not', async () => {
    const session = { session: 'mass-undo', start: true }
    const undoable = await server.propose('note.add', writer, session)
    await server.call(
      'POST',
      `/v1/actions/${undoable.id}/outcome`,
      { outcome: 'succeeded' },
      { token: writer },
    )
    const answer = await server.call('POST', '/v1/undos', {
      agent: 'writer',
      action: 'note.add',
      since: '1h',
    })
    expect(answer.status).toBe(200)
    expect(answer.body.requested).toContain(undoable.id)
    expect(Object.keys(answer.body).toSorted()).toEqual([
      'left',
      'refused',
      'requested',
      'stopped_at',
      'undone',
    ])
  })

  test('previews exactly what would be done, and does nothing', async () => {
    const done: string[] = []
    for (const action of ['note.add', 'note.add', 'note.read']) {
      const { id } = await server.propose(action, writer, { session: 'preview', start: true })
      await server.call('POST', `/v1/actions/${id}/outcome`, { outcome: 'succeeded' }, { token: writer })
      done.push(id)
    }
    const [first, second, read] = done
    const preview = await server.call('POST', '/v1/undos', { ids: done, preview: true })
    expect(preview.body).toMatchObject({
      undoable: [
        { id: second, action: 'note.add', how: 'agent' },
        { id: first, how: 'agent' },
      ],
      refused: [{ id: read, code: 'undo:not_declared' }],
      more: false,
    })
    expect(Date.parse(preview.body.undoable[0].until)).toBeGreaterThan(Date.now())
    expect((await server.call('GET', `/v1/actions/${first}`)).body.undo).toBeUndefined()

    const undone = await server.call('POST', '/v1/undos', { ids: [first!, read!] })
    expect(undone.body).toMatchObject({ requested: [first], refused: [{ id: read }] })
    expect((await server.call('GET', `/v1/actions/${second}`)).body.undo).toBeUndefined()

    const since = await server.call('POST', '/v1/undos', { agent: 'writer', since: '1h', preview: true })
    expect(since.body.undoable.map(({ id }: Json) => id)).toContain(second)
    expect(since.body.refused.map(({ id }: Json) => id)).toContain(first)
  })

  test.each([
    [{ agent: 'writer' }],
    [{ since: '1h' }],
    [{ ids: ['act_1'], agent: 'writer', since: '1h' }],
    [{ ids: [] }],
    [{ preview: true }],
  ])('refuses %j', async (body) => {
    expect((await server.call('POST', '/v1/undos', body)).status).toBe(400)
  })

  test('an unknown id undoes nothing of the others that come after it', async () => {
    const answer = await server.call('POST', '/v1/undos', { ids: ['act_unknown'] })
    expect(answer).toMatchObject({ status: 404, body: { code: 'action:not_found' } })
  })

  test.each(['yesterday', '2026-01-01', '2026-01-01T00:00:00', '1y', '-1h', '9999999999h'])(
    'refuses since %s',
    async (since) => {
      const answer = await server.call('POST', '/v1/undos', { agent: 'writer', since })
      expect(answer).toMatchObject({ status: 400, body: { details: { where: 'body.since' } } })
    },
  )
})

async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  for (let left = 500; left > 0; left--) if (await condition()) return
  throw new Error('it never came true')
}
