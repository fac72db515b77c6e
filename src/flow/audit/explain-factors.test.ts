import { afterEach, describe, expect, it } from 'vitest'
import { flowOn, propose, STORES, type FlowUnderTest } from '../../../test/setup/flow-on.ts'
import { explain } from './explain.ts'

const POLICY = `
version: 1
agents: { agent-a: { budget: [{ limit_usd: 1, per: day }] } }
actions:
  pay:
    cost_usd: 0.25
    verify:
      - pii: { field: note }
      - rule: { when: 'input.amount > 100 && history.sum("pay", "input.amount", "1h") >= 40', code: pay:much, message: Too much. }
    approve: [{ by: [finance], when: 'input.amount > 50' }]
approvers: { finance: { members: [ann@example.com] } }
`

let under: FlowUnderTest
afterEach(() => under.close())

const explained = async (id: string) => {
  const action = await under.store.action(id)
  if (action === undefined) throw new Error('there is no such action')
  return explain(under.store, { current: under.policy }, action)
}

describe.each(STORES)('what an explanation names, on %s', (dialect) => {
  it('is the rule, its condition, the input that it read and the past that it asked', async () => {
    under = await flowOn(dialect, POLICY)
    const first = await propose(under, 'pay', { amount: 40, note: '' })
    await under.flow.report(first.action.id, { outcome: 'succeeded' })
    const { action } = await propose(
      under,
      'pay',
      { amount: 400, note: '' },
      { session: 's-1', release: 'r-7' },
    )
    const { factors, around } = await explained(action.id)
    expect(factors[0]).toEqual({
      kind: 'rule',
      code: 'pay:much',
      message: 'Too much.',
      decides: true,
      where: 'actions.pay.verify[1].rule',
      condition: 'input.amount > 100 && history.sum("pay", "input.amount", "1h") >= 40',
      inputs: [{ path: 'input.amount', value: 400 }],
      history: [{ asked: 'history.sum("pay", "input.amount", "1h")', was: 40 }],
    })
    expect(around).toMatchObject({ session: 's-1', release: 'r-7', cost: { usd: 0.25, reserved: [] } })
  })

  it('is the check with the place in the input, and not what stood there', async () => {
    under = await flowOn(dialect, POLICY)
    const { action } = await propose(under, 'pay', { amount: 1, note: 'write to ann.lee@example.org' })
    const { factors } = await explained(action.id)
    expect(factors[0]).toMatchObject({ kind: 'check', decides: true, where: 'actions.pay.verify[0].pii' })
    expect(factors[0]?.inputs).toEqual([{ path: 'input.note', value: null }])
  })

  it('is the person who decided, with the reason, and the budget that was set aside', async () => {
    under = await flowOn(dialect, POLICY)
    const { action } = await propose(under, 'pay', { amount: 60, note: '' })
    if (action.state.name !== 'held') throw new Error('it is not held')
    await under.flow.vote(action.state.approval.id, {
      by: 'ann@example.com',
      outcome: 'approve',
      reason: 'known',
    })
    const { factors, around } = await explained(action.id)
    expect(factors).toMatchObject([
      { kind: 'approval', where: 'actions.pay.approve[0]', inputs: [{ path: 'input.amount', value: 60 }] },
    ])
    expect(around.people).toMatchObject([{ by: 'ann@example.com', what: 'approve', reason: 'known' }])
    expect(around.cost.reserved).toMatchObject([{ unit: 'usd', amount: 0.25 }])
  })

  it('is the budget, and the policy that stands no longer is not quoted', async () => {
    under = await flowOn(dialect, POLICY)
    for (let n = 0; n < 4; n++) await propose(under, 'pay', { amount: n, note: '' })
    const { action } = await propose(under, 'pay', { amount: 5, note: '' })
    expect((await explained(action.id)).factors).toMatchObject([{ kind: 'budget', decides: true }])
    const held = await propose(under, 'pay', { amount: 400, note: '' })
    under.setPolicy(POLICY.replace('limit_usd: 1', 'limit_usd: 2'))
    const { factors } = await explained(held.action.id)
    expect(factors.every(({ where, condition }) => where === null && condition === null)).toBe(true)
  })
})
