import { afterEach, describe, expect, test, vi } from 'vitest'
import { keepRollups } from '../../src/flow/audit/sessions/keep-rollups.ts'
import { RollUp } from '../../src/flow/audit/sessions/roll-up.ts'
import { sessionTree } from '../../src/flow/audit/sessions/session-tree.ts'
import { stats } from '../../src/flow/audit/sessions/stats.ts'
import type { LedgerFollower } from '../../src/flow/audit/follow-ledger.ts'
import type { Rollups, Store, StoredRecord } from '../../src/storage/store.ts'
import { flowOn, STORES, type FlowUnderTest } from '../setup/flow-on.ts'

const POLICY = `
version: 1
agents: { clerk: {}, writer: {} }
actions:
  model.generate: { effect: read }
  tool.search: { effect: read }
  note.add: { effect: write, undo: { within: 1h } }
  note.publish: { effect: write, approve: [{ by: [editors], expires: 1h }] }
approvers: { editors: { members: [lead@example.com], quorum: 1 } }
`

let under: FlowUnderTest
const followers: LedgerFollower[] = []
afterEach(async () => {
  await Promise.all(followers.splice(0).map((one) => one.close()))
  await under.close()
})

function keep(store: Store, options: Parameters<typeof keepRollups>[1] = {}): LedgerFollower {
  const follower = keepRollups(store, { delay: 1, ...options })
  followers.push(follower)
  return follower
}

const DAY = { from: Date.now() - 3_600_000, to: Date.now() + 7_200_000 }

/** Actions of two agents through every exit that an action has. */
async function live(count: number): Promise<void> {
  const { flow } = under
  for (let n = 0; n < count; n++) {
    const agent = n % 3 === 0 ? 'writer' : 'clerk'
    const session = n % 4 === 0 ? {} : { session: `s-${n % 5}` }
    const name = ['note.add', 'note.publish', 'note.burn'][n % 3] as string
    const { action } = await flow.propose(
      { agent, action: name, input: { n }, ...session, cost: 50 },
      { venue: 'agent', start: true },
    )
    if (action.state.name === 'executing') {
      const outcome = (['succeeded', 'failed', 'unknown'] as const)[n % 5] ?? 'succeeded'
      await flow.report(action.id, { outcome, cost: n })
      if (outcome === 'unknown') await flow.report(action.id, { outcome: 'failed', cost: n + 7 })
      if (outcome === 'succeeded' && n % 2 === 0) await flow.undo(action.id, 'ops@example.com')
    } else if (action.state.name === 'held' && n % 2 === 0) {
      const outcome = n % 4 === 0 ? 'approve' : 'reject'
      await flow.vote(action.state.approval.id, { by: 'lead@example.com', outcome })
    }
  }
}

/** What the table of actions says, counted by hand. */
async function expected(store: Store) {
  const actions = await store.actions({ limit: 10_000 })
  const count = (holds: (state: string) => boolean): number =>
    actions.filter(({ state }) => holds(state.name)).length
  return {
    actions: actions.length,
    outcomes: {
      succeeded: count((state) => state === 'succeeded' || state === 'undone'),
      failed: count((state) => state === 'failed'),
      unknown: count((state) => state === 'unknown'),
    },
    decisions: Object.fromEntries(
      ['allow', 'transform', 'require_approval', 'deny'].map((name) => [
        name,
        actions.filter(({ decision }) => decision === name).length,
      ]),
    ),
  }
}

for (const dialect of STORES) {
  describe(`sessions and sums on ${dialect}`, () => {
    test('hold what the actions hold, whatever breaks meanwhile', async () => {
      under = await flowOn(dialect, POLICY)
      const { store } = under
      let turn = 0
      const apply: Rollups['apply'] = async (step) => {
        turn++
        if (turn % 3 === 1) throw new Error('the disk is full')
        const applied = await store.rollups.apply(step)
        if (turn % 3 === 2) throw new Error('the connection broke around the commit')
        return applied
      }
      const broken = new Proxy(store.rollups, {
        get: (target, name) =>
          name === 'apply' ? apply : (Reflect.get(target, name) as () => unknown).bind(target),
      })
      const faults: unknown[] = []
      const follower = keep(
        new Proxy(store, {
          get: (target, name) => {
            if (name === 'rollups') return broken
            const value: unknown = Reflect.get(target, name)
            return typeof value === 'function' ? (value.bind(target) as unknown) : value
          },
        }),
        { batch: 7, onFault: (fault) => faults.push(fault) },
      )
      await live(45)
      await vi.waitFor(() => follower.caughtUp(), { timeout: 60_000 })
      expect(faults.length).toBeGreaterThan(0)

      const want = await expected(store)
      const { rows } = (await stats(store, { ...DAY, by: [] })) as { rows: [Record<string, unknown>] }
      expect(rows[0]).toMatchObject(want)
      const actions = await store.actions({ limit: 10_000 })
      const spans = await store.rollups.spans(actions.map(({ id }) => id))
      expect(new Map(spans.map((span) => [span.id, [span.version, span.state]]))).toEqual(
        new Map(actions.map((action) => [action.id, [action.version, action.state.name]])),
      )
      const finished = spans.filter(({ outcome }) => outcome !== null)
      expect(rows[0]['cost_usd']).toBeCloseTo(finished.reduce((sum, { cost }) => sum + cost, 0) / 1e9, 12)
      const sessions = await store.rollups.sessions({ limit: 100 })
      for (const { agent, session, actions: counted } of sessions)
        expect([session, counted]).toEqual([
          session,
          actions.filter((one) => one.agent === agent && one.session === session).length,
        ])
      expect(sessions.reduce((sum, one) => sum + one.actions, 0)).toBe(
        actions.filter(({ session }) => session !== null).length,
      )
    })

    test('what a model’s answer led to hangs on its call, and counts under its model and prompt', async () => {
      under = await flowOn(dialect, POLICY)
      const { flow, store } = under
      const call = await flow.propose(
        {
          agent: 'clerk',
          action: 'model.generate',
          input: {},
          session: 'run-1',
          facts: {
            model: { provider: 'openai', requested: 'gpt-5' },
            prompt: { name: 'greeting', version: '3', digest: 'sha256:1' },
          },
        },
        { venue: 'belay', start: true },
      )
      const tool = await flow.propose(
        {
          agent: 'clerk',
          action: 'tool.search',
          input: {},
          trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) },
          session: 'run-1',
          facts: { call_id: 'c1', model_action: call.action.id },
        },
        { venue: 'agent', start: true },
      )
      const stolen = await flow.propose(
        { agent: 'writer', action: 'tool.search', input: {}, facts: { model_action: call.action.id } },
        { venue: 'agent', start: true },
      )
      await flow.report(tool.action.id, { outcome: 'succeeded' })
      await flow.report(call.action.id, {
        outcome: 'succeeded',
        cost: 1_500_000,
        facts: {
          model: { responded: 'gpt-5-2026', system_fingerprint: 'fp_1' },
          usage: { input_tokens: 120, output_tokens: 30 },
        },
      })
      await keep(store).caughtUp()
      const page = { after: null, limit: 100 }
      const tree = await sessionTree(store, { agent: 'clerk', session: 'run-1' }, page)
      expect(tree).toMatchObject({
        session: { actions: 2, model_calls: 1, models: ['gpt-5', 'gpt-5-2026'], prompts: ['greeting@3'] },
        spans: [
          { kind: 'session', tokens: { input: 120, output: 30 }, cost_usd: 0.0015 },
          { id: call.action.id, kind: 'model', parent: 'session', model: { system_fingerprint: 'fp_1' } },
          {
            id: tool.action.id,
            kind: 'tool',
            parent: call.action.id,
            prompt: { name: 'greeting', version: '3' },
          },
        ],
      })
      const { rows } = await stats(store, { ...DAY, by: ['prompt', 'model'] })
      expect(rows).toMatchObject([
        { key: ['greeting@3', 'gpt-5'], actions: 2, tokens: { input: 120, output: 30 } },
        // Another agent's call is no cause of what this one does.
        { key: [null, null], actions: 1 },
      ])
      const [alone] = await store.rollups.spans([stolen.action.id])
      expect(alone).toMatchObject({ session: null, model: null })
    })
  })
}

test('a step that another replica recorded is counted once, whichever chain is read first', async () => {
  under = await flowOn('postgres', POLICY)
  const first = under.store
  const { action } = await under.flow.propose(
    { agent: 'clerk', action: 'note.add', input: {}, session: 's-1', cost: 9 },
    { venue: 'agent', start: true },
  )
  const { openPostgres } = await import('../../src/storage/postgres/open-postgres.ts')
  const { openFlow } = await import('../../src/flow/open-flow.ts')
  const second = await openPostgres({ url: under.url })
  const policies = { current: under.policy, onChange: () => () => undefined }
  const flow = await openFlow({ store: second, policies })
  try {
    await flow.report(action.id, { outcome: 'succeeded', cost: 5 })
    const take = async (store: Store): Promise<void> => {
      const records: readonly StoredRecord[] = await store.records(store.replica, 0, 1000)
      const rollUp = new RollUp(store)
      // Whoever finds the span there already reads again and goes on.
      await rollUp.apply(store.replica, records).catch(async () => rollUp.apply(store.replica, records))
    }
    await take(second)
    expect(await stats(first, { ...DAY, by: [] })).toMatchObject({ rows: [{ actions: 1, cost_usd: 5e-9 }] })
    await take(first)
    expect(await stats(first, { ...DAY, by: [] })).toMatchObject({
      rows: [{ actions: 1, outcomes: { succeeded: 1 }, cost_usd: 5e-9 }],
    })
    expect(await first.rollups.session({ agent: 'clerk', session: 's-1' })).toMatchObject({ actions: 1 })
  } finally {
    await flow.close()
    await second.close()
  }
})
