import { afterEach, describe, expect, test } from 'vitest'
import { isIn } from '../../src/action/lifecycle.ts'
import { flowOn, propose, STORES, type FlowUnderTest } from '../setup/flow-on.ts'

const MEMBERS = ['a@example.com', 'b@example.com', 'c@example.com', 'd@example.com']
const POLICY = `version: 1
agents: { '*': {} }
actions: { x: { effect: write, approve: [{ by: [all] }] } }
approvers: { all: { members: [${MEMBERS.join(', ')}], quorum: 4 } }
`

describe.each(STORES)('on %s', (dialect) => {
  let under: FlowUnderTest
  afterEach(() => under.close())

  test('everybody who votes at the same moment is counted, and nobody twice', async () => {
    under = await flowOn(dialect, POLICY)
    const { action } = await propose(under, 'x')
    if (!isIn(action, 'held')) throw new Error(action.state.name)
    const { id } = action.state.approval
    const votes = await Promise.allSettled(
      [...MEMBERS, ...MEMBERS].map((by) => under.flow.vote(id, { by, outcome: 'approve' })),
    )
    expect(votes.filter(({ status }) => status === 'fulfilled')).toHaveLength(4)
    const now = (await under.store.action(action.id))!
    expect(now.state.name).toBe('ready')
    if (!isIn(now, 'ready')) return
    expect(now.state.approval?.steps[0]?.votes.map(({ by }) => by).toSorted()).toEqual(MEMBERS)
  })
})
