import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/action/json.ts'
import { verifyLedger } from '../../src/flow/audit/verify-ledger.ts'
import type { Anomaly } from '../../src/flow/monitor/baselines/anomaly.ts'
import { flowOn, propose, STORES, type FlowUnderTest } from '../setup/flow-on.ts'

const POLICY = `
version: 1
agents:
  agent-a: { anomaly: { then: pause, expect: 50 per hour, detectors: { sequence: off, shape: off, held: off, denied: off } } }
  limited: { anomaly: { then: alert, limits: { repeat: 5 }, detectors: { limit: stop } } }
  novice: { novelty: { below: 0.15, after: 20 } }
  free: {}
actions: { note.write: { effect: write }, note.read: { effect: read } }
approvers: { leads: { members: [lead@example.com] } }
`

describe.each(STORES)('an agent that is watched, on %s', (dialect) => {
  let under: FlowUnderTest
  let told: Anomaly[]
  beforeEach(async () => {
    told = []
    under = await flowOn(dialect, POLICY, { onAnomaly: (anomaly) => told.push(anomaly) })
  })
  afterEach(async () => {
    const report = await verifyLedger(under.store)
    await under.close()
    expect(report.faults).toEqual([])
    expect(under.faults).toEqual([])
  })

  const act = async (input: JsonObject, agent = 'agent-a', name = 'note.write') => {
    const { action } = await propose(under, name, input, { agent })
    if (action.state.name === 'executing') await under.flow.report(action.id, { outcome: 'succeeded' })
    return action
  }

  it('is paused in a loop within 20 calls, with the reason in numbers; nothing of the refused call is reserved', async () => {
    let calls = 0
    let last = await act({ text: 'again' })
    for (; last.decision === 'allow' && calls < 30; calls++) last = await act({ text: 'again' })
    expect(calls).toBeLessThan(20)
    expect(last).toMatchObject({ decision: 'deny', reservations: [], state: { name: 'denied' } })
    expect(last.reasons[0]).toMatchObject({ code: 'anomaly:repeat' })
    expect(last.reasons[0]!.message).toMatch(/came 15 times in a row; hardly any is normal/)
    expect(await under.store.agent('agent-a')).toMatchObject({ state: 'paused', changedBy: 'anomaly' })
    expect(told).toMatchObject([
      { code: 'anomaly:repeat', agent: 'agent-a', response: 'pause', actionId: last.id },
    ])

    expect((await act({ text: 'other' })).reasons[0]).toMatchObject({ code: 'agent:paused' })
    expect(told).toHaveLength(1)
    await under.flow.setAgentState('agent-a', 'active', 'looked at it', 'admin')
    expect((await act({ text: 'again' })).decision).toBe('allow')
  })

  it('is paused when it makes hundreds of calls where fifty an hour are normal', async () => {
    let calls = 0
    let last = await act({ text: 'call 0' })
    for (; last.decision === 'allow' && calls < 200; calls++) last = await act({ text: `${calls} call` })
    expect(calls).toBeLessThan(120)
    expect(last.reasons[0]).toMatchObject({ code: 'anomaly:rate' })
    expect(last.reasons[0]!.message).toMatch(/50 an hour is normal .* \d+ came in/)
    await under.flow.behaviours.accept('agent-a', 'a campaign', 'admin')
    expect(await under.store.agent('agent-a')).toMatchObject({
      state: 'active',
      reason: 'accepted as normal: a campaign',
    })
    for (let n = 0; n < 30; n++) expect((await act({ text: `${n} more` })).decision).toBe('allow')
  }, 60_000)

  it('is stopped by an absolute limit, whatever it is used to; others are not watched at all', async () => {
    for (let n = 0; n < 6; n++) await act({ text: 'again' }, 'limited')
    expect(await under.store.agent('limited')).toMatchObject({ state: 'stopped', changedBy: 'anomaly' })
    expect(told.at(-1)).toMatchObject({
      code: 'anomaly:limit',
      response: 'stop',
      normal: 5,
      observed: 5,
      unit: 'calls',
    })
    for (let n = 0; n < 40; n++) expect((await act({ text: 'again' }, 'free')).decision).toBe('allow')
    expect(await under.flow.behaviours.normal('free')).toBeNull()
  })

  it('tells what is normal, also after a restart', async () => {
    for (let n = 0; n < 12; n++) await act({ text: `${n} call`, kind: 'a' })
    const normal = await under.flow.behaviours.normal('agent-a')
    expect(normal?.lines).toContainEqual(
      expect.objectContaining({ action: 'note.write', measure: 'rate', normal: 50, now: 12, seen: 12 }),
    )
    expect(normal?.week).toHaveLength(168)
    await under.reopen()
    const again = await under.flow.behaviours.normal('agent-a')
    expect(again?.since).toBe(normal?.since)
    await act({ text: 'one more' })
    const more = await under.flow.behaviours.normal('agent-a')
    expect(more?.lines).toContainEqual(expect.objectContaining({ action: null, measure: 'rate', seen: 13 }))
  })

  it('under observe is told of and never paused', async () => {
    under.setPolicy(POLICY.replace('version: 1', 'version: 1\nmode: observe'))
    let found = 0
    for (let n = 0; n < 20; n++) {
      const action = await act({ text: 'again' })
      expect(action.effective).toBe('allow')
      if (action.decision === 'deny') found++
    }
    expect(found).toBeGreaterThan(0)
    expect(told).toMatchObject([{ code: 'anomaly:repeat' }])
    expect((await under.store.agent('agent-a'))?.state).toBe('active')
  })

  it('whose action is unlike all before asks a person; a yes teaches it, a no does not', async () => {
    for (let n = 0; n < 24; n++)
      expect((await act({ text: `where is order ${n}, please` }, 'novice')).decision).toBe('allow')
    const strange = { text: 'wire everything to an account in Panama' }
    const refused = await act(strange, 'novice')
    expect(refused).toMatchObject({ decision: 'require_approval', state: { name: 'held' } })
    expect(refused.reasons[0]).toMatchObject({ code: 'novelty:situation' })
    expect(told.at(-1)).toMatchObject({ code: 'novelty:situation', unit: 'similarity', normal: 0.15 })
    const vote = async (action: typeof refused, outcome: 'approve' | 'reject') => {
      if (action.state.name !== 'held') throw new Error(`the action is ${action.state.name}`)
      return under.flow.vote(action.state.approval.id, {
        by: 'lead@example.com',
        outcome,
        reason: 'looked at it',
      })
    }
    await vote(refused, 'reject')
    await under.reopen()
    const again = await act(strange, 'novice')
    expect(again.state.name).toBe('held')
    await vote(again, 'approve')
    await under.flow.start(again.id)
    await under.flow.report(again.id, { outcome: 'succeeded' })
    expect((await act(strange, 'novice')).decision).toBe('allow')
    await under.reopen()
    expect((await act(strange, 'novice')).decision).toBe('allow')
    expect((await act({ text: 'delete the customer database now' }, 'novice')).state.name).toBe('held')
  })
})
