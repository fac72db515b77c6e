import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Action, Approval } from '../../src/action/action.ts'
import { verifyLedger } from '../../src/flow/audit/verify-ledger.ts'
import { flowOn, propose, STORES } from '../setup/flow-on.ts'
import type { FlowUnderTest } from '../setup/flow-on.ts'

const POLICY = `version: 1
agents: { agent-a: {} }
actions:
  pay: { effect: write, approve: [{ by: [finance], expires: 1h }], break_glass: { by: [oncall] } }
  pair: { effect: write, approve: [{ by: [pair], expires: 1h }] }
  chain: { effect: write, approve: [{ by: [finance, cfo], expires: 1h }] }
  slow: { effect: write, approve: [{ by: [cfo], expires: 1h, escalate: [{ after: 40ms, to: [finance] }, { after: 80ms, to: [oncall] }] }] }
  some: { effect: write, approve: [{ when: 'input.amount > 10', by: [finance], expires: 1h }] }
  wipe: { effect: irreversible, approve: [{ by: [finance], expires: 1h }] }
  drill: { effect: irreversible, standing: true, approve: [{ by: [finance], expires: 1h }] }
  free: { effect: write, approve: [{ by: [loose], expires: 1h }] }
  never: { effect: write, verify: [{ rule: { when: 'input.amount > 1000', then: deny, message: Far too much. } }], approve: [{ by: [finance] }] }
approvers:
  finance: { members: [f1, f2, f3], may_delegate_to: [temp, oncall] }
  pair: { members: [f1, f2], quorum: 2 }
  cfo: { members: [cfo] }
  oncall: { members: [o1, o2] }
  loose: { members: [solo], editors_decide: true }
`

function waiting({ state }: Action): Approval {
  if (state.name !== 'held') throw new Error(`the action is ${state.name}`)
  return state.approval
}

describe.each(STORES)('people who decide, on %s', (dialect) => {
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

  const hold = async (name: string, input = {}, more = {}): Promise<Action> =>
    (await propose(under, name, input, more)).action
  const code = (code: string): object => ({ code })
  const yes = (id: string, by: string, reason?: string): Promise<Action> =>
    under.flow.vote(id, { by, outcome: 'approve', ...(reason !== undefined && { reason }) })
  const kinds = async (id: string): Promise<string[]> =>
    (await under.store.recordsOf(id)).map(({ kind }) => kind)
  const until = async (id: string, holds: (action: Action) => boolean): Promise<Action> => {
    let action = (await under.store.action(id)) as Action
    while (!holds(action)) action = await under.flow.waitForChange(id, action.version, 10_000)
    return action
  }

  it('whose step waits too long are joined by the next groups, in order; the first may still decide', async () => {
    const action = await hold('slow')
    const { id } = waiting(action)
    await expect(yes(id, 'f1')).rejects.toMatchObject(code('approval:not_a_member'))
    const once = await until(action.id, (now) => waiting(now).steps[0]!.escalatedTo !== undefined)
    expect(waiting(once).steps[0]!.escalatedTo![0]).toBe('finance')
    const twice = await until(action.id, (now) => waiting(now).steps[0]!.escalatedTo!.length === 2)
    expect(waiting(twice).steps[0]!.members).toEqual(['cfo', 'f1', 'f2', 'f3', 'o1', 'o2'])
    expect(twice.dueAt).toBe(waiting(twice).expiresAt)
    expect((await yes(id, 'o1')).state.name).toBe('ready')
    expect(await kinds(action.id)).toContain('escalation')
    expect((await under.flow.start(action.id)).action.state.name).toBe('executing')
  })

  it('pass their vote on to whom the policy permits, once, and take it back', async () => {
    const { id } = waiting(await hold('pay'))
    const pass = (by: string, to: string): Promise<Action> => under.flow.delegate(id, { by, to })
    await expect(pass('f1', 'stranger')).rejects.toMatchObject(code('approval:not_permitted'))
    await expect(pass('cfo', 'temp')).rejects.toMatchObject(code('approval:not_a_member'))
    await pass('f1', 'temp')
    await expect(yes(id, 'f1')).rejects.toMatchObject(code('approval:passed_on'))
    await expect(pass('temp', 'o1')).rejects.toMatchObject(code('approval:not_a_member'))
    await pass('f1', 'f1')
    await expect(yes(id, 'temp')).rejects.toMatchObject(code('approval:not_a_member'))
    await pass('f1', 'o2')
    const ready = await yes(id, 'o2')
    expect(ready.state).toMatchObject({
      name: 'ready',
      approval: { steps: [{ votes: [{ by: 'o2', for: 'f1' }] }] },
    })
  })

  it('remain as many different people, whoever votes for whom', async () => {
    const { id } = waiting(await hold('pair'))
    // f2 alone would decide what needs two.
    await expect(under.flow.delegate(id, { by: 'f1', to: 'f2' })).rejects.toMatchObject(
      code('approval:too_few'),
    )
    const asked = waiting(await hold('pay', {}, { proposedBy: 'f1' }))
    await expect(under.flow.delegate(asked.id, { by: 'f1', to: 'temp' })).rejects.toMatchObject(
      code('approval:four_eyes'),
    )
    await expect(under.flow.delegate(asked.id, { by: 'f2', to: 'f1' })).rejects.toMatchObject(
      code('approval:not_permitted'),
    )
  })

  it('are stood in for while they are away, and no longer than that', async () => {
    const { flow, store } = under
    const later = store.now() + 60_000
    await expect(
      flow.absences.declare({ by: 'f1', person: 'f2', substitute: 'temp', until: later }),
    ).rejects.toMatchObject(code('auth:forbidden'))
    await expect(
      flow.absences.declare({ by: 'f1', person: 'f1', substitute: 'stranger', until: later }),
    ).rejects.toMatchObject(code('approval:not_permitted'))
    const away = await flow.absences.declare({ by: 'f1', person: 'f1', substitute: 'temp', until: later })
    await under.reopen()
    expect(await under.flow.absences.list()).toEqual([away])
    const first = waiting(await hold('pay'))
    expect((await yes(first.id, 'temp')).state).toMatchObject({
      approval: { steps: [{ votes: [{ by: 'temp', for: 'f1' }] }] },
    })
    // Not for a group that does not permit it, and not for what the absent one asked for.
    const { id } = waiting(await hold('pair'))
    await expect(yes(id, 'temp')).rejects.toMatchObject(code('approval:not_a_member'))
    const own = waiting(await hold('pay', {}, { proposedBy: 'f1' }))
    await expect(yes(own.id, 'temp')).rejects.toMatchObject(code('approval:not_a_member'))
    await under.flow.absences.end(away.id, { by: 'f1' })
    await expect(under.flow.absences.end(away.id, { by: 'f1' })).rejects.toMatchObject(
      code('absence:not_found'),
    )
    const after = waiting(await hold('pay'))
    await expect(yes(after.id, 'temp')).rejects.toMatchObject(code('approval:not_a_member'))
  })

  it('are away a bounded number of times', async () => {
    const away = { by: 'f1', person: 'f1', substitute: 'temp', until: under.store.now() + 60_000 }
    for (let count = 0; count < 20; count++) await under.flow.absences.declare(away)
    await expect(under.flow.absences.declare(away)).rejects.toMatchObject(code('input:invalid'))
    const [first] = await under.flow.absences.list()
    await under.flow.absences.end(first!.id, { by: 'f1' })
    await under.flow.absences.declare(away)
  })

  it('release out of turn only two together, with reasons, and never what is denied', async () => {
    const action = await hold('pay', { amount: 5 })
    const { id } = waiting(action)
    const release = (by: string, reason = 'the bank closes'): Promise<Action> =>
      under.flow.breakGlass(id, { by, reason })
    await expect(release('f1')).rejects.toMatchObject(code('approval:not_a_member'))
    await expect(release('o1', ' ')).rejects.toMatchObject(code('approval:reason_needed'))
    expect((await release('o1')).state.name).toBe('held')
    await expect(release('o1')).rejects.toMatchObject(code('approval:voted'))
    const ready = await release('o2')
    expect(ready.state).toMatchObject({ name: 'ready', approval: { grantedBy: 'break_glass' } })
    const { action: executing } = await under.flow.start(action.id)
    expect(executing.state).toMatchObject({ approvedBy: ['o1', 'o2'], grantedBy: 'break_glass' })
    expect(await kinds(action.id)).toEqual(['decision', 'break_glass', 'break_glass', 'start'])
    const other = waiting(await hold('chain'))
    await expect(under.flow.breakGlass(other.id, { by: 'o1', reason: 'because' })).rejects.toMatchObject(
      code('approval:no_break_glass'),
    )
    const asked = waiting(await hold('pay', {}, { proposedBy: 'o1' }))
    await expect(under.flow.breakGlass(asked.id, { by: 'o1', reason: 'because' })).rejects.toMatchObject(
      code('approval:four_eyes'),
    )
  })

  it('do not become two by the case in which a name is spelt', async () => {
    const asked = waiting(await hold('pay', {}, { proposedBy: 'F1' }))
    await expect(yes(asked.id, 'f1')).rejects.toMatchObject(code('approval:four_eyes'))
    await expect(under.flow.edit(asked.id, { by: 'f1', input: { amount: 1 } })).rejects.toMatchObject(
      code('approval:four_eyes'),
    )
    await expect(under.flow.delegate(asked.id, { by: 'f2', to: 'f1' })).rejects.toMatchObject(
      code('approval:not_permitted'),
    )
    expect((await yes(asked.id, 'f2')).state.name).toBe('ready')
    const glass = waiting(await hold('pay', {}, { proposedBy: 'O1' }))
    await expect(under.flow.breakGlass(glass.id, { by: 'o1', reason: 'because' })).rejects.toMatchObject(
      code('approval:four_eyes'),
    )
  })

  it('type a reason for what is of high risk', async () => {
    const { id, risk } = waiting(await hold('wipe'))
    expect(risk).toBe('high')
    const click = (reason: string): Promise<Action> =>
      under.flow.vote(id, { by: 'f1', outcome: 'approve', reason, via: 'console' })
    await expect(click('  ')).rejects.toMatchObject(code('approval:reason_needed'))
    expect((await click('agreed by phone')).state.name).toBe('ready')
    // A command is typed as it is.
    const { id: other } = waiting(await hold('wipe'))
    const typed = under.flow.vote(other, { by: 'f1', outcome: 'approve', via: 'api' })
    expect((await typed).state.name).toBe('ready')
    expect(waiting(await hold('pay', {}, { cost: 100_000_000_000 })).risk).toBe('high')
    expect(waiting(await hold('pay')).risk).toBe('medium')
  })

  it('decide on what they looked at, or not at all', async () => {
    const action = await hold('pay', { amount: 1 })
    const { id, actionDigest } = waiting(action)
    const stale = `sha256:${'0'.repeat(64)}`
    await expect(under.flow.vote(id, { by: 'f1', outcome: 'approve', digest: stale })).rejects.toMatchObject(
      code('approval:stale'),
    )
    const voted = await under.flow.vote(id, { by: 'f1', outcome: 'approve', digest: actionDigest })
    expect(voted.state.name).toBe('ready')
  })

  it('edit the input: judged anew, the old approval void, and somebody else decides', async () => {
    const action = await hold('chain', { amount: 50 })
    const before = waiting(action)
    await yes(before.id, 'f2')
    await expect(under.flow.edit(before.id, { by: 'f1', input: { amount: 5 } })).rejects.toMatchObject(
      code('approval:not_a_member'),
    )
    const first = await hold('pay', { amount: 50 })
    const old = waiting(first)
    const edited = await under.flow.edit(old.id, { by: 'f1', input: { amount: 5 }, reason: 'less' })
    const fresh = waiting(edited)
    expect([edited.id, fresh.id === old.id, edited.actionDigest === first.actionDigest]).toEqual([
      first.id,
      false,
      false,
    ])
    await expect(yes(old.id, 'f2')).rejects.toMatchObject(code('approval:not_found'))
    await expect(yes(fresh.id, 'f1')).rejects.toMatchObject(code('approval:four_eyes'))
    await under.reopen()
    await yes(fresh.id, 'f2')
    const started = await under.flow.start(first.id)
    expect(started.input).toEqual({ amount: 5 })
    expect(started.action.actionDigest).toBe(edited.actionDigest)
    expect(await kinds(first.id)).toEqual(['decision', 'edit', 'vote', 'start'])
  })

  it('who edited it do not decide either when it waits again', async () => {
    for (const amount of [5, 50]) {
      const first = waiting(await hold('some', { amount: 90 }))
      const edited = await under.flow.edit(first.id, { by: 'f1', input: { amount } })
      if (edited.state.name === 'held') await yes(edited.state.approval.id, 'f2')
      under.setPolicy(POLICY.replace('input.amount > 10', 'input.amount > 1'))
      await expect(under.flow.start(edited.id)).rejects.toMatchObject(code('action:held'))
      const again = waiting((await under.store.action(edited.id)) as Action)
      await expect(yes(again.id, 'f1')).rejects.toMatchObject(code('approval:four_eyes'))
      await yes(again.id, 'f3')
      expect((await under.flow.start(edited.id)).input).toEqual({ amount })
      under.setPolicy(POLICY)
    }
  })

  it('edit below what needs them, and never into what is denied or nobody could decide', async () => {
    const small = waiting(await hold('some', { amount: 50 }))
    const ready = await under.flow.edit(small.id, { by: 'f1', input: { amount: 5 } })
    expect(ready).toMatchObject({ decision: 'allow', state: { name: 'ready' } })
    expect((await under.flow.start(ready.id)).input).toEqual({ amount: 5 })
    const never = waiting(await hold('never', { amount: 5 }))
    await expect(under.flow.edit(never.id, { by: 'f1', input: { amount: 5000 } })).rejects.toMatchObject(
      code('approval:edit_refused'),
    )
    expect((await yes(never.id, 'f2')).state.name).toBe('ready')
    const pair = waiting(await hold('pair'))
    await expect(under.flow.edit(pair.id, { by: 'f1', input: { amount: 1 } })).rejects.toMatchObject(
      code('approval:too_few'),
    )
    const free = waiting(await hold('free'))
    const again = waiting(await under.flow.edit(free.id, { by: 'solo', input: { amount: 1 } }))
    expect((await yes(again.id, 'solo')).state.name).toBe('ready')
  })

  const standing = {
    agent: 'agent-a',
    action: 'pay',
    bounds: { to: { equals: 'ann' }, amount: { min: 1, max: 100 }, note: { max_length: 20 } },
    maxCount: 3,
    reason: 'refunds of the recall',
  }
  const refund = (more = {}): object => ({ to: 'ann', amount: 10, note: 'recall', ...more })

  it('approve one exact kind in advance, so many times and no more', async () => {
    const expiresAt = under.store.now() + 60_000
    await expect(under.flow.standing.propose({ ...standing, by: 'cfo', expiresAt })).rejects.toMatchObject(
      code('approval:not_a_member'),
    )
    await expect(
      under.flow.standing.propose({ ...standing, action: 'wipe', by: 'f1', expiresAt }),
    ).rejects.toMatchObject(code('standing:not_allowed'))
    const { row, state } = await under.flow.standing.propose({ ...standing, by: 'f1', expiresAt })
    expect(state).toBe('open')
    for (const other of [
      { to: 'eve' },
      { amount: 101 },
      { note: 'x'.repeat(21) },
      { more: 1 },
      { 'to.x': 1 },
    ])
      expect((await hold('pay', refund(other))).state.name).toBe('held')
    expect((await hold('pay', { to: 'ann', amount: 10 })).state.name).toBe('held')
    expect((await hold('pay', refund(), { agent: 'agent-b' })).state.name).toBe('held')
    // Nobody said what it may be done to.
    expect((await hold('pay', refund(), { target: 'production' })).state.name).toBe('held')
    // What is asked for by the one who granted it needs somebody else.
    expect((await hold('pay', refund(), { proposedBy: 'f1' })).state.name).toBe('held')
    const all = await Promise.all(Array.from({ length: 8 }, () => hold('pay', refund())))
    const names = all.map((action) => action.state.name).toSorted()
    expect(names).toEqual([...Array(3).fill('executing'), ...Array(5).fill('held')])
    expect((await under.flow.standing.get(row.id)).row).toMatchObject({ used: 3 })
    const ran = all.find((action) => action.state.name === 'executing')
    expect(ran?.state).toMatchObject({ grantedBy: { standing: row.id } })
    expect((await under.flow.standing.get(row.id)).state).toBe('used up')
  })

  it('bind what they approve in advance to what it is done to, exactly', async () => {
    const expiresAt = under.store.now() + 60_000
    const targets = ['shop-1', 'shop-2', 'shop-1']
    const { row } = await under.flow.standing.propose({ ...standing, targets, by: 'f1', expiresAt })
    expect(row.targets).toEqual(['shop-1', 'shop-2'])
    for (const target of ['shop-3', 'shop-1 ', 'SHOP-1', 'shop'])
      expect((await hold('pay', refund(), { target })).state.name).toBe('held')
    // To no target is another kind of action, not a wider one.
    expect((await hold('pay', refund())).state.name).toBe('held')
    expect((await hold('pay', refund(), { target: 'shop-2' })).state.name).toBe('executing')
    const ready = await propose(under, 'pay', refund() as never, { target: 'shop-1' }, false)
    expect(ready.action.state.name).toBe('ready')
    expect((await under.flow.start(ready.action.id)).action.state.name).toBe('executing')
    expect((await under.flow.standing.get(row.id)).row).toMatchObject({ used: 2, targets: row.targets })
  })

  it('grant as many as the group needs, up to a sum, until it is revoked', async () => {
    const expiresAt = under.store.now() + 60_000
    const bounds = { amount: { min: 0 } }
    const { row, state } = await under.flow.standing.propose({
      ...standing,
      action: 'pair',
      bounds,
      maxCount: 100,
      maxSum: { path: 'amount', limit: 0.3 },
      by: 'f1',
      expiresAt,
    })
    expect(state).toBe('waiting')
    expect((await hold('pair', { amount: 0.1 })).state.name).toBe('held')
    await expect(under.flow.standing.grant(row.id, { by: 'f3' })).rejects.toMatchObject(
      code('approval:not_a_member'),
    )
    expect((await under.flow.standing.grant(row.id, { by: 'f2' })).state).toBe('open')
    // Made ready in advance, it is counted only when it starts.
    const early = await propose(under, 'pair', { amount: 0.2 }, {}, false)
    expect(early.action.state.name).toBe('ready')
    expect((await hold('pair', { amount: 0.1 })).state.name).toBe('executing')
    expect((await hold('pair', { amount: 0.2 })).state.name).toBe('executing')
    await expect(under.flow.start(early.action.id)).rejects.toMatchObject(code('action:held'))
    expect((await hold('pair', { amount: 0.1 })).state.name).toBe('held')
    const { row: second } = await under.flow.standing.propose({ ...standing, by: 'f2', expiresAt })
    const ready = await propose(under, 'pay', refund() as never, {}, false)
    expect(ready.action.state.name).toBe('ready')
    await under.flow.standing.revoke(second.id, 'f3')
    await expect(under.flow.start(ready.action.id)).rejects.toMatchObject(code('action:held'))
    expect((await hold('pay', refund())).state.name).toBe('held')
  })

  it('approve in advance what is of high risk only where the policy says so', async () => {
    const expiresAt = under.store.now() + 60_000
    const bounds = { to: { any: true as const } }
    await under.flow.standing.propose({ ...standing, action: 'drill', bounds, by: 'f1', expiresAt })
    expect((await hold('drill', { to: 'x' })).state.name).toBe('executing')
    under.setPolicy(POLICY.replace('standing: true, ', ''))
    expect((await hold('drill', { to: 'x' })).state.name).toBe('held')
  })
})
