import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptySum } from '../../flow/audit/sessions/count.ts'
import { startTestServer } from '../../../test/setup/http-server.ts'
import type { TestServer } from '../../../test/setup/http-server.ts'

const POLICY = `
version: 1
budget: [{ limit_usd: 50, per: day }]
agents:
  spender: { budget: [{ limit_usd: 10, per: day }, { limit_usd: 1, per: session }], rate: [{ limit: 20, per: hour }] }
  idle: { budget: [{ limit_usd: 5, per: month }] }
  free: {}
actions: { note.add: { effect: write } }
`

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ policy: POLICY })
})
afterAll(() => server.close())

test('tells the limits of every agent and of all together, drawn on or not', async () => {
  await server.propose('note.add', undefined, { agent: 'spender', cost_usd: 0.25, session: 's1' })
  const { body } = await server.call('GET', '/v1/budgets')
  const seen = (body.items as { agent: string | null; lines: Record<string, unknown>[] }[]).map(
    ({ agent, lines }) => [
      agent,
      lines.map(({ window, unit, limit, limit_usd, reserved, reserved_usd }) => [
        `${String(window)} ${String(unit)}`,
        limit_usd ?? limit,
        reserved_usd ?? reserved,
      ]),
    ],
  )
  expect(seen).toEqual([
    [null, [['day usd', 50, 0.25]]],
    ['idle', [['month usd', 5, 0]]],
    [
      'spender',
      [
        ['day usd', 10, 0.25],
        ['hour actions', 20, 1],
      ],
    ],
  ])
  for (const { lines } of body.items)
    for (const { starts_at, ends_at } of lines)
      expect(Date.parse(ends_at)).toBeGreaterThan(Date.parse(starts_at))
})

test('tells an agent its own limits alone', async () => {
  const { body } = await server.call('GET', '/v1/budgets', undefined, { token: await server.key('idle') })
  expect(body.items.map(({ agent }: { agent: string | null }) => agent)).toEqual(['idle'])
})

test('tells the limits of the session that is asked for, and of no other', async () => {
  await server.propose('note.add', undefined, { agent: 'spender', cost_usd: 0.5, session: 's2' })
  const of = async (query: string): Promise<readonly unknown[]> => {
    const { body } = await server.call('GET', `/v1/agents/spender/budget${query}`)
    return (body as { window: string; session?: string; reserved_usd?: number }[])
      .filter(({ window }) => window === 'session')
      .map(({ session, reserved_usd }) => [session, reserved_usd])
  }
  expect(await of('?session=s2')).toEqual([['s2', 0.5]])
  expect(await of('')).toEqual([[undefined, 0]])
})

test('tells what the window will have cost at its end, once an hour of history says so', async () => {
  const { store } = server.harness
  const hour = Math.floor(store.now() / 3_600_000) * 3_600_000
  const forecast = async (): Promise<unknown> => {
    const { body } = await server.call('GET', '/v1/agents/idle/budget')
    return body[0].forecast
  }
  expect(await forecast()).toBeNull()
  await keepCosts(store, 'idle', [hour - 7_200_000, hour - 3_600_000], 1e9)
  expect(await forecast()).toMatchObject({ method: 'recent_rate', usd: expect.any(Number) })
  const { usd, low, high } = (await forecast()) as Record<string, number>
  expect(low).toBeLessThanOrEqual(usd!)
  expect(high).toBeGreaterThanOrEqual(usd!)
  const { body } = await server.call('GET', '/v1/budgets')
  const lines = body.items.find(({ agent }: { agent: string }) => agent === 'idle').lines
  expect(lines[0].forecast).toMatchObject({ method: 'recent_rate' })
})

test('a limit that pauses does so once, with the refusal that says why', async () => {
  const own = await startTestServer({
    policy: POLICY.replace(
      'idle: { budget: [{ limit_usd: 5, per: month }] }',
      `
  idle: { budget: [{ limit_usd: 5, per: month, then: pause }] }`.trim(),
    ),
  })
  try {
    const ask = (cost_usd: number) => own.propose('note.add', undefined, { agent: 'idle', cost_usd })
    expect(await ask(4)).toMatchObject({ decision: 'allow' })
    const refused = await ask(2)
    expect(refused).toMatchObject({ decision: 'deny', reasons: [{ code: 'budget:month' }] })
    const state = async (): Promise<unknown> =>
      (await own.call('GET', '/v1/agents')).body.items.find(({ name }: { name: string }) => name === 'idle')
    const paused = await state()
    expect(paused).toMatchObject({
      state: 'paused',
      changed_by: 'budget',
      reason: refused.reasons[0].message,
    })
    expect(await ask(0.5)).toMatchObject({ decision: 'deny', reasons: [{ code: 'agent:paused' }] })
    expect(await ask(3)).toMatchObject({ reasons: [{ code: 'agent:paused' }] })
    expect(await state()).toEqual(paused)
    // Another's limit, or one that all draw on, pauses nobody.
    expect(await own.propose('note.add', undefined, { agent: 'free', cost_usd: 60 })).toMatchObject({
      reasons: [{ code: 'budget:day' }],
    })
    expect((await own.call('GET', '/v1/agents')).body.items).not.toContainEqual(
      expect.objectContaining({ name: 'free', state: 'paused' }),
    )
  } finally {
    await own.close()
  }
})

test('a limit of one action pauses too, and not twice for what another check refused already', async () => {
  const own = await startTestServer({
    policy: `
version: 1
agents:
  once: { budget: [{ limit_usd: 1, per: action, then: pause }] }
  plain: { budget: [{ limit_usd: 1, per: action }] }
actions:
  note.add: { effect: write, verify: [{ banned_phrases: { phrases: [never] } }] }
`,
  })
  try {
    const ask = (agent: string, cost_usd: number, text = 'hello') =>
      own.propose('note.add', undefined, { agent, cost_usd, input: { text } })
    const states = async (): Promise<unknown> =>
      (await own.call('GET', '/v1/agents')).body.items.map(
        ({ name, state, changed_by }: Record<string, string>) => [name, state, changed_by],
      )
    await ask('plain', 2)
    await ask('once', 2, 'never')
    await ask('once', 1)
    expect(await states()).toEqual([
      ['once', 'active', null],
      ['plain', 'active', null],
    ])
    expect(await ask('once', 1.5)).toMatchObject({ decision: 'deny', reasons: [{ code: 'budget:action' }] })
    expect(await states()).toEqual([
      ['once', 'paused', 'budget'],
      ['plain', 'active', null],
    ])
    expect(await ask('once', 0.5)).toMatchObject({ reasons: [{ code: 'agent:paused' }] })
  } finally {
    await own.close()
  }
})

test('says which limits pause, and whether calls go to the cheaper model now', async () => {
  const own = await startTestServer({
    policy: `
version: 1
providers: { openai: { base_url: https://api.openai.com/v1, api_key: sk-test } }
agents:
  thrifty:
    budget: [{ limit_usd: 10, per: day, then: pause }, { limit_usd: 100, per: month }]
    downgrade: { at: 0.8, model: gpt-4o-mini }
actions: { note.add: { effect: write } }
`,
  })
  try {
    const thrifty = async () => (await own.call('GET', '/v1/budgets')).body.items[0]
    const before = await thrifty()
    expect(before.downgrade).toEqual({ at: 0.8, model: 'gpt-4o-mini', provider: null, active: false })
    expect(before.lines.map(({ window, then }: Record<string, string>) => [window, then])).toEqual([
      ['day', 'pause'],
      ['month', undefined],
    ])
    await own.propose('note.add', undefined, { agent: 'thrifty', cost_usd: 8 })
    expect((await thrifty()).downgrade).toMatchObject({ active: true })
  } finally {
    await own.close()
  }
})

async function keepCosts(
  store: TestServer['harness']['store'],
  agent: string,
  hours: readonly number[],
  cost: number,
) {
  const dimensions = {
    agent,
    action: 'note.add',
    model: null,
    promptName: null,
    promptVersion: null,
    promptDigest: null,
    release: null,
    decision: 'allow',
    effective: 'allow',
    reason: null,
  } as const
  const sums = hours.map((hour) => ({ ...emptySum(hour, 'k', dimensions, null), actions: 1, cost }))
  expect(await store.rollups.apply({ chain: 'earlier', from: 0, to: 1, spans: [], sums, sessions: [] })).toBe(
    true,
  )
}
