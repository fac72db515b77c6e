import { afterAll, beforeAll, expect, test } from 'vitest'
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
