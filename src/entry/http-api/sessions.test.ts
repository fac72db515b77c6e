import { afterEach, beforeEach, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../../../test/setup/http-server.ts'

let server: TestServer
beforeEach(async () => {
  server = await startTestServer()
})
afterEach(() => server.close())

async function act(
  agent: string,
  session: string,
  outcome: 'succeeded' | 'failed',
  cost = 0,
): Promise<string> {
  const more = { agent, session, start: true, release: 'r1', cost_usd: 0.5 }
  const { id } = await server.propose('note.add', undefined, more)
  await server.call('POST', `/v1/actions/${id}/outcome`, { outcome, cost_usd: cost })
  return id as string
}

test('a session is one tree of what was proposed, approved and undone in it', async () => {
  const done = await act('writer', 's-1', 'succeeded', 0.25)
  const failed = await act('writer', 's-1', 'failed')
  const held = await server.propose('note.publish', undefined, { session: 's-1' })
  const denied = await server.propose('note.burn', undefined, { session: 's-1' })
  await server.call('POST', `/v1/approvals/${held.approval.id}`, { outcome: 'reject', reason: 'no' })
  await server.call('POST', `/v1/actions/${done}/undo`)
  await server.propose('note.read', undefined, { session: 's-2' })
  await server.propose('note.read')

  const listed = await server.call('GET', '/v1/sessions')
  expect(listed.body.items.map(({ id }: { id: string }) => id)).toEqual(['s-2', 's-1'])
  const { status, body } = await server.call('GET', '/v1/sessions/s-1?agent=writer')
  expect(status).toBe(200)
  expect(body.session).toEqual(listed.body.items[1])
  expect(body.session).toMatchObject({
    id: 's-1',
    agent: 'writer',
    actions: 4,
    denied: 2,
    held: 1,
    failed: 1,
    cost_usd: 0.25,
    releases: ['r1'],
  })
  expect(body.session.decisions.toSorted()).toEqual(['allow', 'deny', 'require_approval'])
  const shape = body.spans.map((span: Record<string, unknown>) => [
    span['kind'],
    span['id'],
    span['parent'],
    span['state'],
  ])
  expect(shape).toEqual([
    ['session', 'session', null, null],
    ['tool', done, 'session', 'succeeded'],
    ['undo', `${done}/undo`, done, 'requested'],
    ['tool', failed, 'session', 'failed'],
    ['tool', held.id, 'session', 'denied'],
    ['approval', `${held.id}/approval`, held.id, 'rejected'],
    ['tool', denied.id, 'session', 'denied'],
  ])
  expect(body.next).toBeNull()
})

test('sums by the hour, by agent and decision, with outcomes, cost and durations', async () => {
  await act('writer', 's-1', 'succeeded', 0.25)
  await act('writer', 's-1', 'failed', 0.5)
  await act('reader', 's-2', 'succeeded')
  await server.propose('note.burn')

  const all = await server.call('GET', '/v1/stats')
  expect(all.body.rows).toHaveLength(1)
  expect(all.body.rows[0]).toMatchObject({
    actions: 4,
    decisions: { allow: 3, transform: 0, require_approval: 0, deny: 1 },
    outcomes: { succeeded: 2, failed: 1, unknown: 0 },
    cost_usd: 0.75,
    tokens: { input: 0, output: 0 },
  })
  expect(all.body.rows[0].latency_ms.p95).toBeGreaterThan(0)
  const by = async (query: string): Promise<unknown[]> =>
    (await server.call('GET', `/v1/stats?${query}`)).body.rows.map(
      ({ key, actions }: { key: unknown; actions: number }) => [key, actions],
    )
  expect(await by('by=agent')).toEqual([
    ['writer', 3],
    ['reader', 1],
  ])
  expect(await by('by=decision,action')).toEqual([
    [['allow', 'note.add'], 3],
    [['deny', 'note.burn'], 1],
  ])
  expect(await by('by=reason&agent=writer&decision=deny')).toEqual([[expect.stringContaining(':'), 1]])
  const series = await server.call('GET', '/v1/stats?by=hour&agent=reader')
  expect(series.body.rows).toMatchObject([{ actions: 1 }])
  expect(series.body.rows[0].at).toMatch(/T\d\d:00:00\.000Z$/)
  expect(series.body.rows[0].key).toBe(series.body.rows[0].at)
  expect(await by('by=agent&from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z')).toEqual([])
})

test("an agent's key sees its own alone", async () => {
  await act('writer', 's-1', 'succeeded')
  await act('reader', 's-1', 'succeeded')
  const token = await server.key('reader')
  const get = (path: string) => server.call('GET', path, undefined, { token })
  expect((await get('/v1/stats?by=agent')).body.rows).toMatchObject([{ key: 'reader', actions: 1 }])
  expect((await get('/v1/sessions')).body.items).toMatchObject([{ agent: 'reader', actions: 1 }])
  expect((await get('/v1/sessions/s-1')).body.session).toMatchObject({ agent: 'reader', actions: 1 })
  for (const path of ['/v1/stats?agent=writer', '/v1/sessions?agent=writer', '/v1/sessions/s-1?agent=writer'])
    expect(await get(path)).toMatchObject({ status: 403, body: { code: 'auth:forbidden' } })
})

test('pages of sessions lead to all of them, each once', async () => {
  for (let n = 0; n < 5; n++) await server.propose('note.read', undefined, { session: `s-${n}` })
  const seen: string[] = []
  for (let next: string | null = ''; next !== null;) {
    const page = await server.call('GET', `/v1/sessions?limit=2${next === '' ? '' : `&before=${next}`}`)
    seen.push(...page.body.items.map(({ id }: { id: string }) => id))
    next = page.body.next as string | null
  }
  expect(seen.toSorted()).toEqual(['s-0', 's-1', 's-2', 's-3', 's-4'])
})

test('what cannot be meant is refused', async () => {
  for (const path of [
    '/v1/stats?by=shoe_size',
    '/v1/stats?by=agent,agent',
    '/v1/stats?from=2020-01-01T00:00:00Z',
    '/v1/stats?from=yesterday',
    '/v1/sessions?before=nonsense',
    '/v1/sessions?limit=0',
    '/v1/sessions/s-1',
  ])
    expect(await server.call('GET', path)).toMatchObject({ status: 400 })
  expect(await server.call('GET', '/v1/sessions/s-1?agent=writer')).toMatchObject({
    status: 404,
    body: { code: 'session:not_found' },
  })
  expect(await server.call('GET', '/v1/sessions', undefined, { token: null })).toMatchObject({ status: 401 })
})

test('cost by campaign, customer, agent, session, model and prompt version', async () => {
  const tagged = async (tags: Record<string, string>, cost: number, agent = 'writer'): Promise<void> => {
    const { id } = await server.propose('note.add', undefined, {
      agent,
      session: 's-1',
      start: true,
      cost_usd: 1,
      tags,
    })
    await server.call('POST', `/v1/actions/${id}/outcome`, { outcome: 'succeeded', cost_usd: cost })
  }
  await tagged({ campaign: 'spring', customer: 'acme' }, 0.25)
  await tagged({ campaign: 'spring' }, 0.5, 'reader')
  await tagged({ campaign: '<b>\u202e' }, 0.125)
  await act('writer', 's-2', 'succeeded', 0.0625)
  const sums = async (query: string): Promise<unknown[]> =>
    (await server.call('GET', `/v1/stats?${query}`)).body.rows.map(
      ({ key, cost_usd: cost }: { key: unknown; cost_usd: number }) => [key, cost],
    )
  expect(await sums('by=tag:campaign')).toEqual([
    ['spring', 0.75],
    ['<b>\u202e', 0.125],
  ])
  expect(await sums('by=tag:customer')).toEqual([['acme', 0.25]])
  expect(await sums('by=tag:campaign,agent&agent=reader')).toEqual([[['spring', 'reader'], 0.5]])
  expect(await sums('by=agent&tag=campaign%3Dspring')).toEqual(
    expect.arrayContaining([
      ['writer', 0.25],
      ['reader', 0.5],
    ]),
  )
  expect(await sums('by=agent')).toEqual([
    ['writer', 0.4375],
    ['reader', 0.5],
  ])
  expect(await sums('by=model')).toEqual([[null, 0.9375]])
  expect(await sums('by=prompt')).toEqual([[null, 0.9375]])
  const sessions = await server.call('GET', '/v1/sessions?agent=writer')
  expect(sessions.body.items.map((one: Record<string, unknown>) => [one['id'], one['cost_usd']])).toEqual([
    ['s-2', 0.0625],
    ['s-1', 0.375],
  ])
})

test('tags are bounded, and what is asked of them too', async () => {
  const nine = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`t${n}`, 'x']))
  for (const tags of [
    nine,
    { Campaign: 'x' },
    { c: '' },
    { c: 'x'.repeat(101) },
    { c: 'a\u0007' },
    { c: 1 },
    [],
    { __proto__x: 'a', 'a b': 'c' },
  ]) {
    const body = { agent: 'writer', action: 'note.add', input: {}, tags }
    expect(await server.call('POST', '/v1/actions', body)).toMatchObject({ status: 400 })
  }
  for (const query of ['by=tag:Shoe', 'by=tag:', 'by=tag:a,tag:b', 'tag=campaign', 'by=tag:a&tag=b%3Dc'])
    expect(await server.call('GET', `/v1/stats?${query}`)).toMatchObject({ status: 400 })
})
