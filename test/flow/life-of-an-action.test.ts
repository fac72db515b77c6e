import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import { verifyLedger } from '../../src/flow/audit/verify-ledger.ts'
import { flowOn, propose, STORES, type FlowUnderTest } from '../setup/flow-on.ts'

const POLICY = `
version: 1
agents:
  agent-a: { budget: [{ limit_usd: 1, per: day }, { limit_usd: 0.6, per: action }], rate: [{ limit: 50, per: hour }] }
  broken: { breaker: { error_rate: 0.05, over: 100, then: pause } }
actions:
  note.write: { effect: write, cost_usd: 0.1, undo: { within: 1h, when: 'result.opened_ratio < 0.10' } }
  note.read: { effect: read }
  note.quick: { effect: write, timeout: 50ms, start_within: 50ms }
  burst: { effect: write, verify: [{ rule: { when: 'history.count("burst", "10m") >= 3', then: deny, code: 'rate:burst' } }] }
  mail: { effect: write, verify: [{ pii: { field: text, then: redact } }], subject: input.to }
  pay:
    effect: irreversible
    cost_usd: 0.1
    approve:
      - { when: 'input.amount + history.sum("pay", "input.amount", "24h") > 100', by: [finance, cfo], expires: 1h }
  brief: { effect: write, approve: [{ by: [cfo], expires: 50ms }] }
approvers:
  finance: { members: [f1@example.com, f2@example.com, f3@example.com], quorum: 2 }
  cfo: { members: [cfo@example.com] }
`

const approvalId = (action: Action): string => {
  if (action.state.name !== 'held') throw new Error(`the action is ${action.state.name}`)
  return action.state.approval.id
}

describe.each(STORES)('an action on %s', (dialect) => {
  let under: FlowUnderTest
  beforeEach(async () => {
    under = await flowOn(dialect, POLICY)
  })
  afterEach(async () => {
    const report = await verifyLedger(under.store)
    await under.close()
    expect(report.faults).toEqual([])
    expect(under.faults).toEqual([])
  })

  it('that is allowed is executing on disk before its agent may act, and is settled by its report', async () => {
    const { action } = await propose(under, 'note.write', { text: 'hi' })
    expect((await under.store.action(action.id))?.state.name).toBe('executing')
    const done = await under.flow.report(action.id, {
      outcome: 'succeeded',
      result: { id: 7 },
      cost: 30_000_000,
    })
    expect(done.state.name).toBe('succeeded')
    expect(await under.flow.result(done)).toEqual({ id: 7 })
    const day = (await under.store.budgets({ agent: 'agent-a', at: under.store.now() })).find(
      ({ unit }) => unit === 'nano_usd',
    )
    expect(day).toMatchObject({ reserved: 0, spent: 30_000_000 })
    expect((await under.store.recordsOf(action.id)).map(({ kind }) => kind)).toEqual(['decision', 'outcome'])
  })

  it('that no entry matches is denied, recorded and costs nothing', async () => {
    const { action } = await propose(under, 'unheard.of')
    expect(action).toMatchObject({ decision: 'deny', effective: 'deny', state: { name: 'denied' } })
    expect(action.reasons[0]?.code).toBe('policy:no_match')
    await expect(under.flow.start(action.id)).rejects.toMatchObject({ code: 'action:wrong_state' })
    await expect(under.flow.report(action.id, { outcome: 'succeeded' })).rejects.toMatchObject({
      code: 'action:wrong_state',
    })
  })

  it('gives its permission once, however many ask at the same time', async () => {
    const { action } = await propose(under, 'note.write', {}, {}, false)
    const takes = await Promise.allSettled(Array.from({ length: 20 }, () => under.flow.start(action.id)))
    expect(takes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const take of takes) {
      if (take.status === 'rejected') expect(take.reason).toMatchObject({ status: 409 })
    }
  })

  it('never lets concurrent actions spend more than the budget', async () => {
    const admitted = await Promise.all(
      Array.from({ length: 40 }, (_, i) => propose(under, 'note.write', { i })),
    )
    const running = admitted.filter(({ action }) => action.state.name === 'executing')
    expect(running).toHaveLength(10)
    for (const { action } of admitted) {
      if (action.state.name === 'denied') expect(action.reasons[0]?.code).toBe('budget:day')
    }
    await Promise.all(
      running.map(({ action }) => under.flow.report(action.id, { outcome: 'failed', cost: 0 })),
    )
    expect((await propose(under, 'note.write', { again: true })).action.state.name).toBe('executing')
  })

  it('that costs more than one action may is refused', async () => {
    const { action } = await propose(under, 'note.write', {}, { cost: 700_000_000 })
    expect(action.reasons.map(({ code }) => code)).toContain('budget:action')
  })

  it('counts actions in flight in history, also when they come at once', async () => {
    const all = await Promise.all(Array.from({ length: 12 }, (_, i) => propose(under, 'burst', { i })))
    expect(all.filter(({ action }) => action.state.name === 'executing')).toHaveLength(3)
    expect(all.find(({ action }) => action.state.name === 'denied')?.action.reasons[0]?.code).toBe(
      'rate:burst',
    )
  })

  it('is redacted where the policy says so, and only the redacted input may run', async () => {
    const { action, input } = await propose(under, 'mail', {
      to: 'ann',
      text: 'write to ann.lee@example.com',
    })
    expect(action.decision).toBe('transform')
    expect(JSON.stringify(input)).not.toContain('ann.lee@example.com')
    expect(action.inputIdentity).not.toBe(action.enforcedIdentity)
  })

  it('that needs people waits for every step of the chain, survives a restart, and is used once', async () => {
    const { action } = await propose(under, 'pay', { amount: 500 })
    expect(action.state.name).toBe('held')
    const id = approvalId(action)
    await expect(under.flow.vote(id, { by: 'cfo@example.com', outcome: 'approve' })).rejects.toMatchObject({
      code: 'approval:not_a_member',
    })
    await expect(
      under.flow.vote(id, { by: 'f1@example.com', outcome: 'approve', via: 'slack' }),
    ).rejects.toMatchObject({
      code: 'approval:reason_needed',
    })
    await under.flow.vote(id, { by: 'f1@example.com', outcome: 'approve', reason: 'fine' })
    await expect(under.flow.vote(id, { by: 'f1@example.com', outcome: 'approve' })).rejects.toMatchObject({
      code: 'approval:voted',
    })
    await under.reopen()
    await under.flow.vote(id, { by: 'f3@example.com', outcome: 'approve', reason: 'fine' })
    const ready = await under.flow.vote(id, { by: 'cfo@example.com', outcome: 'approve', reason: 'fine' })
    expect(ready.state.name).toBe('ready')
    await expect(under.flow.vote(id, { by: 'cfo@example.com', outcome: 'reject' })).rejects.toMatchObject({
      code: 'approval:not_pending',
    })
    const started = await under.flow.start(action.id)
    expect(started.input).toEqual({ amount: 500 })
    await expect(under.flow.start(action.id)).rejects.toMatchObject({ code: 'action:wrong_state' })
  })

  it('may not be approved by whoever asked for it', async () => {
    const { action } = await propose(under, 'pay', { amount: 500 }, { proposedBy: 'f1@example.com' })
    await expect(
      under.flow.vote(approvalId(action), { by: 'f1@example.com', outcome: 'approve' }),
    ).rejects.toMatchObject({
      code: 'approval:four_eyes',
    })
  })

  it('that is rejected never runs and gives its room back', async () => {
    const { action } = await propose(under, 'pay', { amount: 500 })
    const denied = await under.flow.vote(approvalId(action), {
      by: 'f2@example.com',
      outcome: 'reject',
      reason: 'no',
    })
    expect(denied.state.name).toBe('denied')
    expect(denied.reasons[0]?.code).toBe('approval:rejected')
    const budgets = await under.store.budgets({ agent: 'agent-a', at: under.store.now() })
    expect(budgets.every(({ reserved }) => reserved === 0)).toBe(true)
    // A rejected payment no longer counts toward the sum.
    expect((await propose(under, 'pay', { amount: 90 })).action.state.name).toBe('executing')
  })

  it('loses its approval when the policy changes before it starts', async () => {
    const { action } = await propose(under, 'pay', { amount: 500 })
    const id = approvalId(action)
    for (const by of ['f1@example.com', 'f2@example.com', 'cfo@example.com'])
      await under.flow.vote(id, { by, outcome: 'approve', reason: 'fine' })
    under.setPolicy(POLICY.replace('> 100', '> 50'))
    await expect(under.flow.start(action.id)).rejects.toMatchObject({ code: 'action:held' })
    const held = await under.store.action(action.id)
    expect(held?.state.name).toBe('held')
    expect(approvalId(held as Action)).not.toBe(id)
    await expect(under.flow.vote(id, { by: 'f1@example.com', outcome: 'approve' })).rejects.toMatchObject({
      code: 'approval:not_found',
    })
  })

  it('that the new policy refuses does not run on an old permission', async () => {
    const { action } = await propose(under, 'note.write', {}, {}, false)
    under.setPolicy(
      POLICY.replace(
        'note.write: { effect: write, cost_usd: 0.1,',
        'note.write: { effect: write, cost_usd: 0.1, verify: [{ rule: { when: "true" } }],',
      ),
    )
    await expect(under.flow.start(action.id)).rejects.toMatchObject({ code: 'action:refused_at_start' })
    expect((await under.store.action(action.id))?.state.name).toBe('denied')
  })

  it('that nobody decides in time expires', async () => {
    const { action } = await propose(under, 'brief')
    const expired = await under.flow.waitForChange(action.id, action.version, 10_000)
    expect(expired.state).toMatchObject({ name: 'expired', was: 'held' })
    await expect(under.flow.start(action.id)).rejects.toMatchObject({ code: 'action:wrong_state' })
  })

  it('whose outcome is not reported in time is unknown, is charged its worst case, and takes a late report', async () => {
    const { action } = await propose(under, 'note.quick', {}, { cost: 200_000_000 })
    const unknown = await under.flow.waitForChange(action.id, action.version, 10_000)
    expect(unknown.state.name).toBe('unknown')
    const spent = async (): Promise<number | undefined> =>
      (await under.store.budgets({ agent: 'agent-a', at: under.store.now() })).find(
        ({ unit }) => unit === 'nano_usd',
      )?.spent
    expect(await spent()).toBe(200_000_000)
    const late = await under.flow.report(action.id, { outcome: 'succeeded', cost: 50_000_000 })
    expect(late.state.name).toBe('succeeded')
    expect(await spent()).toBe(50_000_000)
  })

  it('is the same action when its idempotency key comes again, and an error when the content differs', async () => {
    const first = await propose(under, 'note.write', { n: 1 }, { idempotencyKey: 'k' })
    const again = await Promise.all(
      Array.from({ length: 8 }, () => propose(under, 'note.write', { n: 1 }, { idempotencyKey: 'k' })),
    )
    for (const { action, input } of again) {
      expect(action.id).toBe(first.action.id)
      expect(input).toEqual({ n: 1 })
    }
    await expect(propose(under, 'note.write', { n: 2 }, { idempotencyKey: 'k' })).rejects.toMatchObject({
      code: 'action:idempotency_mismatch',
    })
    const other = await propose(under, 'note.write', { n: 1 }, { idempotencyKey: 'k', agent: 'agent-b' })
    expect(other.action.id).not.toBe(first.action.id)
  })

  it('comes to be once when the same key is proposed many times at once', async () => {
    const all = await Promise.all(
      Array.from({ length: 16 }, () => propose(under, 'note.write', { n: 1 }, { idempotencyKey: 'race' })),
    )
    expect(new Set(all.map(({ action }) => action.id)).size).toBe(1)
  })

  it('stops at once when its agent is paused, and goes on when it is resumed', async () => {
    const { action } = await propose(under, 'note.write', {}, {}, false)
    await under.flow.setAgentState('agent-a', 'paused', 'looks odd', 'ops@example.com')
    expect((await propose(under, 'note.read')).action.reasons[0]).toMatchObject({ code: 'agent:paused' })
    await expect(under.flow.start(action.id)).rejects.toMatchObject({ code: 'action:refused_at_start' })
    await under.flow.setAgentState('agent-a', 'active', 'fine', 'ops@example.com')
    expect((await under.flow.start(action.id)).action.state.name).toBe('executing')
  })

  it('is withdrawn when its agent is stopped', async () => {
    const { action: ready } = await propose(under, 'note.write', {}, {}, false)
    const { action: held } = await propose(under, 'pay', { amount: 500 })
    await under.flow.setAgentState('agent-a', 'stopped', 'enough', 'ops@example.com')
    for (const { id } of [ready, held]) expect((await under.store.action(id))?.state.name).toBe('cancelled')
  })

  it('trips the breaker of its agent at the sixth failure of a hundred, and lets nothing more through', async () => {
    for (let i = 0; i < 6; i++) {
      const { action } = await propose(under, 'note.read', {}, { agent: 'broken' })
      expect(action.state.name).toBe('executing')
      await under.flow.report(action.id, { outcome: 'failed' })
    }
    const { action } = await propose(under, 'note.read', {}, { agent: 'broken' })
    expect(action.decision).toBe('deny')
    expect(under.store && (await under.store.agent('broken'))).toMatchObject({
      state: 'paused',
      changedBy: 'breaker',
    })
    await under.reopen()
    expect((await propose(under, 'note.read', {}, { agent: 'broken' })).action.decision).toBe('deny')
    await under.flow.setAgentState('broken', 'active', 'mended', 'ops@example.com')
    expect((await propose(under, 'note.read', {}, { agent: 'broken' })).action.decision).toBe('allow')
  })

  it('is undone by its undoer within the window, when the condition holds, and only once', async () => {
    const undone: unknown[] = []
    under.flow.undoers.register('note.write', { undo: (input, result) => void undone.push([input, result]) })
    const { action } = await propose(under, 'note.write', { n: 1 })
    await expect(under.flow.undo(action.id, 'ops')).rejects.toMatchObject({ code: 'action:wrong_state' })
    await under.flow.report(action.id, { outcome: 'succeeded', result: { opened_ratio: 0.01 } })
    expect((await under.flow.undo(action.id, 'ops')).state.name).toBe('undone')
    await expect(under.flow.undo(action.id, 'ops')).rejects.toMatchObject({ code: 'action:wrong_state' })
    expect(undone).toEqual([[{ n: 1 }, { opened_ratio: 0.01 }]])

    const opened = (await propose(under, 'note.write', { n: 2 })).action
    await under.flow.report(opened.id, { outcome: 'succeeded', result: { opened_ratio: 0.5 } })
    await expect(under.flow.undo(opened.id, 'ops')).rejects.toMatchObject({ code: 'undo:condition' })
  })

  it('is undone in bulk in reverse order, and what could not be undone is named', async () => {
    const order: number[] = []
    under.flow.undoers.register('note.write', {
      undo: (input) => {
        if (input['n'] === 1) throw new Error('gone')
        order.push(Number(input['n']))
      },
    })
    const ids: string[] = []
    for (const n of [0, 1, 2, 3]) {
      const { action } = await propose(under, 'note.write', { n })
      ids.push(action.id)
      await under.flow.report(action.id, {
        outcome: 'succeeded',
        result: { opened_ratio: n === 3 ? 1 : 0 },
        cost: 0,
      })
    }
    const summary = await under.flow.undoAll({ agent: 'agent-a', since: 0 }, 'ops')
    expect(order).toEqual([2, 0])
    expect(summary.undone).toEqual([ids[2], ids[0]])
    expect(summary.refused.map(({ id, code }) => [id, code])).toEqual([
      [ids[3], 'undo:condition'],
      [ids[1], 'undo:failed'],
    ])
  })

  it('asks the agent for an undo that nobody else can do, and takes its report', async () => {
    const { action } = await propose(under, 'note.write', { n: 1 })
    await under.flow.report(action.id, { outcome: 'succeeded', result: { opened_ratio: 0 } })
    const asked = await under.flow.undo(action.id, 'ops')
    expect(asked.state).toMatchObject({ name: 'succeeded', undo: { status: 'requested' } })
    await expect(under.flow.undo(action.id, 'ops')).rejects.toMatchObject({ code: 'undo:in_progress' })
    expect((await under.flow.reportUndo(action.id, { outcome: 'succeeded' }, 'agent-a')).state.name).toBe(
      'undone',
    )
  })

  it('is only observed under observe: decided the same, held back never', async () => {
    under.setPolicy(`mode: observe\n${POLICY}`)
    const { action } = await propose(under, 'pay', { amount: 500 })
    expect(action).toMatchObject({
      decision: 'require_approval',
      effective: 'allow',
      mode: 'observe',
      state: { name: 'executing' },
    })
    expect((await propose(under, 'unheard.of')).action).toMatchObject({
      decision: 'deny',
      effective: 'allow',
    })
    expect(
      (await propose(under, 'mail', { to: 'ann', text: 'to ann.lee@example.com' })).input['text'],
    ).toContain('ann.lee@example.com')
  })

  it('is erased by its subject, and the ledger still verifies', async () => {
    const { action } = await propose(under, 'mail', { to: 'ann', text: 'dear ann, hello' })
    const { action: other } = await propose(under, 'mail', { to: 'bob', text: 'dear bob, hello' })
    const erasure = await under.flow.erase({ subject: 'ann' }, 'dpo@example.com')
    expect(erasure.actions).toEqual([action.id])
    expect(await under.flow.input(action)).toBeNull()
    expect(await under.flow.input(other)).toMatchObject({ to: 'bob' })
    expect(await verifyLedger(under.store)).toMatchObject({ ok: true, erased: 1 })
    expect((await under.store.recordsOf(action.id)).some(({ text }) => text.includes('dear ann'))).toBe(false)
  })
})
