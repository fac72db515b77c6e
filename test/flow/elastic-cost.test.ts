import { afterEach, describe, expect, test } from 'vitest'
import type { Admitted } from '../../src/flow/flow.ts'
import { flowOn, propose, STORES, type FlowUnderTest } from '../setup/flow-on.ts'

const USD = 1_000_000_000

const policy = (limits: string, more = ''): string => `version: 1
mode: enforce
${more}agents: { '*': { ${limits} } }
actions: { x: { effect: read } }
`

describe.each(STORES)('an elastic cost on %s', (dialect) => {
  let under: FlowUnderTest
  afterEach(() => under.close())

  const open = async (limits: string, more?: string): Promise<void> => {
    under = await flowOn(dialect, policy(limits, more))
  }
  const elastic = (cost: number, costAtLeast: number, more = {}): Promise<Admitted> =>
    propose(under, 'x', {}, { cost, costAtLeast, ...more })

  test('is reserved whole where there is room', async () => {
    await open('budget: [{ limit_usd: 1, per: day }]')
    expect((await elastic(USD / 2, 10)).action).toMatchObject({ cost: USD / 2, effective: 'allow' })
  })

  test('shrinks to what one action may cost', async () => {
    await open('budget: [{ limit_usd: 1, per: day }, { limit_usd: 0.1, per: action }]')
    expect((await elastic(USD / 2, 10)).action).toMatchObject({ cost: USD / 10, effective: 'allow' })
    expect((await elastic(USD / 2, USD / 5)).action).toMatchObject({
      effective: 'deny',
      reasons: [{ code: 'budget:action' }],
    })
  })

  test('shrinks to what the scarcest of several budgets still has', async () => {
    await open(
      'budget: [{ limit_usd: 1, per: day }, { limit_usd: 0.3, per: hour }, { limit_usd: 0.25, per: session }], rate: [{ limit: 100, per: day }]',
      'budget: [{ limit_usd: 0.9, per: week }]\n',
    )
    const first = await elastic(USD, 10, { session: 's1' })
    expect(first.action).toMatchObject({ cost: 0.25 * USD, effective: 'allow' })
    const second = await elastic(USD, 10, { session: 's2' })
    expect(second.action).toMatchObject({ cost: 0.05 * USD, effective: 'allow' })
    const third = await elastic(USD, 10, { session: 's3' })
    expect(third.action).toMatchObject({ effective: 'deny', reasons: [{ code: 'budget:hour' }] })

    // What was not spent is there for the next.
    await under.flow.report(first.action.id, { outcome: 'succeeded', cost: 0.01 * USD })
    await under.flow.report(second.action.id, { outcome: 'succeeded', cost: 0.01 * USD })
    const fourth = await elastic(USD, 10, { session: 's3' })
    expect(fourth.action.cost).toBe(0.25 * USD)
    const reports = await under.store.budgets({ at: under.store.now() })
    for (const { limit, reserved, spent, unit } of reports)
      if (unit === 'nano_usd') expect(reserved + spent).toBeLessThanOrEqual(limit)
  })

  test('many at once get no more than there is, and none less than it needs', async () => {
    await open('budget: [{ limit_usd: 1, per: day }]')
    const least = USD / 50
    const all = await Promise.all(Array.from({ length: 80 }, () => elastic(150_000_007, least)))
    const allowed = all.filter(({ action }) => action.effective === 'allow')
    const reserved = allowed.reduce((sum, { action }) => sum + action.cost, 0)
    expect(reserved).toBeLessThanOrEqual(USD)
    expect(reserved).toBeGreaterThan(USD - least)
    for (const { action } of allowed) expect(action.cost).toBeGreaterThanOrEqual(least)
    await Promise.all(
      allowed.map(({ action }) => under.flow.report(action.id, { outcome: 'succeeded', cost: 1 })),
    )
    const [report] = await under.store.budgets({ at: under.store.now() })
    expect(report).toMatchObject({ reserved: 0, spent: allowed.length })
    expect((await elastic(USD / 2, 10)).action.cost).toBe(USD / 2)
  })

  test('a rate that is used up refuses, and takes no money', async () => {
    await open('budget: [{ limit_usd: 1, per: day }], rate: [{ limit: 1, per: day }]')
    await elastic(USD / 2, 10)
    expect((await elastic(USD, 10)).action).toMatchObject({
      effective: 'deny',
      reasons: [{ code: 'rate:day' }],
    })
    const reports = await under.store.budgets({ at: under.store.now() })
    expect(reports.find(({ unit }) => unit === 'nano_usd')).toMatchObject({ reserved: USD / 2 })
  })

  test('held for a person it keeps what it has, and starts with that', async () => {
    under = await flowOn(
      dialect,
      `version: 1
mode: enforce
agents: { '*': { budget: [{ limit_usd: 1, per: day }] } }
actions: { x: { effect: read }, y: { effect: read, approve: [{ by: [ops] }] } }
approvers: { ops: { members: [ann@example.com], quorum: 1 } }
`,
    )
    await propose(under, 'x', {}, { cost: 0.7 * USD })
    const { action } = await propose(under, 'y', {}, { cost: USD, costAtLeast: 10 })
    if (action.state.name !== 'held') throw new Error('not held')
    expect(action.cost).toBe(0.3 * USD)
    await under.flow.vote(action.state.approval.id, { by: 'ann@example.com', outcome: 'approve' })
    const started = await under.flow.start(action.id)
    expect(started.action).toMatchObject({ cost: 0.3 * USD, state: { name: 'executing' } })
  })

  test('under observe the whole of it is what is decided on', async () => {
    under = await flowOn(
      dialect,
      policy('budget: [{ limit_usd: 0.1, per: day }]').replace('enforce', 'observe'),
    )
    expect((await elastic(USD, 10)).action).toMatchObject({ effective: 'allow' })
  })
})
