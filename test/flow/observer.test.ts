import { describe, expect, test } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import { flowOn, propose, STORES } from '../setup/flow-on.ts'

const POLICY = `
version: 1
actions:
  note.add: { effect: write, cost_usd: 0.01 }
  note.publish: { effect: write, approve: [{ by: [editors], expires: 1h }] }
  note.slow: { effect: write, timeout: 50ms }
approvers: { editors: { members: [lead@example.com] } }
`

describe.each(STORES)('the observer on %s', (dialect) => {
  test('is told of every recorded step once, with what it replaced', async () => {
    const seen: string[] = []
    const under = await flowOn(dialect, POLICY, {
      onMoved: (action: Action, before?: Action) =>
        void seen.push(`${action.name} ${before?.state.name ?? 'new'} → ${action.state.name}`),
    })
    const { action } = await propose(under, 'note.add')
    await under.flow.report(action.id, { outcome: 'succeeded' })
    const { action: held } = await propose(under, 'note.publish')
    if (held.state.name !== 'held') throw new Error(held.state.name)
    await under.flow.vote(held.state.approval.id, { by: 'lead@example.com', outcome: 'approve' })
    await under.flow.start(held.id)
    const { action: ready } = await propose(under, 'note.add', {}, {}, false)
    await under.flow.cancel(ready.id, 'lead@example.com')
    await propose(under, 'not.known')
    expect(seen).toEqual([
      'note.add new → executing',
      'note.add executing → succeeded',
      'note.publish new → held',
      'note.publish held → ready',
      'note.publish ready → executing',
      'note.add new → ready',
      'note.add ready → cancelled',
      'not.known new → denied',
    ])
    await under.close()
  })

  test('is not told again of a repeated proposal', async () => {
    const seen: string[] = []
    const under = await flowOn(dialect, POLICY, { onMoved: ({ id }) => void seen.push(id) })
    const once = await propose(under, 'note.add', { n: 1 }, { idempotencyKey: 'k' })
    const again = await propose(under, 'note.add', { n: 1 }, { idempotencyKey: 'k' })
    expect(again).toMatchObject({ repeated: true, action: { id: once.action.id } })
    expect(seen).toEqual([once.action.id])
    await under.close()
  })

  test('is told once of what the clock moves', async () => {
    const moved = Promise.withResolvers<void>()
    const seen: string[] = []
    const under = await flowOn(dialect, POLICY, {
      onMoved(action) {
        seen.push(action.state.name)
        if (action.state.name === 'unknown') moved.resolve()
      },
    })
    await propose(under, 'note.slow')
    await moved.promise
    // A second tick later nothing more has been told of it.
    await under.flow.close()
    expect(seen).toEqual(['executing', 'unknown'])
    await under.close()
  })

  test('that throws changes no answer', async () => {
    const under = await flowOn(dialect, POLICY, {
      onMoved() {
        throw new Error('the observer is broken')
      },
    })
    const { action } = await propose(under, 'note.add')
    expect(action.state.name).toBe('executing')
    expect(await under.flow.report(action.id, { outcome: 'succeeded' })).toMatchObject({
      state: { name: 'succeeded' },
    })
    expect(under.faults.map(String)).toContain('Error: the observer is broken')
    await under.close()
  })
})
