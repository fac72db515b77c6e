import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { JsonValue } from '../../src/action/json.ts'
import { builtInChecks } from '../../src/flow/verify/checks/index.ts'
import type { Check, PreparedCheck } from '../../src/policy/check.ts'
import { watchPolicy } from '../../src/policy/watch-policy.ts'
import type { Store } from '../../src/storage/store.ts'
import { flowOn, propose, STORES, type FlowUnderTest } from '../setup/flow-on.ts'
import { failingStore, type Faults } from './failing-store.ts'

const DAY = 24 * 60 * 60_000

const POLICY = `
version: 1
agents:
  agent-a: { budget: [{ limit_usd: 1, per: day }] }
  free: { rate: [{ limit: 100000, per: day }] }
actions:
  work: { effect: write, cost_usd: 0.1 }
  burst: { effect: write, verify: [{ rule: { when: 'history.count("burst", "1h") >= 2', then: deny } }] }
  odd: { effect: write, verify: [{ rule: { when: 'input.n / input.zero > 1' } }] }
  absent: { effect: write, verify: [{ rule: { when: 'input.not.there == 1' } }] }
  asked: { effect: write, approve: [{ when: 'input.not.there > 1', by: [ops], expires: 1h }] }
approvers: { ops: { members: [a@example.com] } }
`

let under: FlowUnderTest
afterEach(async () => {
  await under.close()
})

const room = async (): Promise<number> => {
  const [day] = await under.store.budgets({ agent: 'agent-a', at: under.store.now() })
  return day === undefined ? 1e9 : day.limit - day.reserved - day.spent
}

/** How many actions of a tenth of the budget run when twenty are tried. */
const running = async (): Promise<number> => {
  const all = await Promise.all(Array.from({ length: 20 }, (_, i) => propose(under, 'work', { i })))
  return all.filter(({ action }) => action.state.name === 'executing').length
}

describe('a check that', () => {
  const NONSENSE: readonly (readonly [string, PreparedCheck])[] = [
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    [
      'throws something that is no error',
      () => {
        throw null
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['never answers', () => new Promise(() => undefined)],
    ['answers nothing', () => undefined as never],
    ['answers text', () => 'fine' as never],
    ['answers null', () => [null] as never],
    ['answers a finding without a message', () => [{}] as never],
    ['answers an unknown decision', () => [{ message: 'x', decision: 'maybe' }] as never],
    ['answers edits that are none', () => [{ message: 'x', edits: [{ path: 'text', value: 1 }] }] as never],
    [
      'edits what is not there',
      () => [{ message: 'x', decision: 'transform', edits: [{ path: ['no'], value: 1 }] }],
    ],
    [
      'edits the prototype',
      () => [{ message: 'x', decision: 'transform', edits: [{ path: ['__proto__', 'x'], value: 1 }] }],
    ],
    [
      'replaces the whole input by a list',
      () => [{ message: 'x', decision: 'transform', edits: [{ path: [], value: [] as JsonValue }] }],
    ],
    ['wants to transform without saying how', () => [{ message: 'x', decision: 'transform' }]],
  ]
  it.each(NONSENSE)('%s denies', async (_, run) => {
    const check: Check = { name: 'bad', options: { type: 'object' }, prepare: () => run }
    const policy =
      'version: 1\nagents: { agent-a: {} }\nactions: { work: { effect: write, verify: [{ bad: {} }] } }\n'
    under = await flowOn('sqlite', policy, { checks: [check] })
    const { action } = await propose(under, 'work', { text: 'hello' })
    expect(action).toMatchObject({ decision: 'deny', effective: 'deny', state: { name: 'denied' } })
    expect((await under.store.recordsOf(action.id)).map(({ kind }) => kind)).toEqual(['decision'])
  })
})

describe('a condition that cannot be evaluated', () => {
  it.each(['odd', 'absent', 'asked'])('denies: %s', async (name) => {
    under = await flowOn('sqlite', POLICY)
    expect((await propose(under, name, { n: 1, zero: 0 }, { agent: 'free' })).action.decision).toBe('deny')
  })
})

describe('an amount that is', () => {
  it.each([NaN, -1, 0.5, Infinity, -Infinity, 2 ** 53])(
    '%s is refused, as a cost and as an outcome',
    async (cost) => {
      under = await flowOn('sqlite', POLICY)
      await expect(propose(under, 'work', {}, { cost })).rejects.toMatchObject({
        code: 'input:invalid_amount',
      })
      const { action } = await propose(under, 'work')
      await expect(under.flow.report(action.id, { outcome: 'succeeded', cost })).rejects.toMatchObject({
        code: 'input:invalid_amount',
      })
      await under.flow.report(action.id, { outcome: 'succeeded', cost: 0 })
      expect(await room()).toBe(1e9)
      expect(await running()).toBe(10)
    },
  )

  it('the largest there is, is more than any budget and overflows nothing', async () => {
    under = await flowOn('sqlite', POLICY)
    const huge = Number.MAX_SAFE_INTEGER
    expect((await propose(under, 'work', {}, { cost: huge })).action.reasons[0]?.code).toBe('budget:day')
    expect(await running()).toBe(10)
  })

  it('more than was reserved is spent all the same, and nothing more runs until there is room', async () => {
    under = await flowOn('sqlite', POLICY)
    const { action } = await propose(under, 'work')
    const { action: other } = await propose(under, 'work')
    await under.flow.report(action.id, { outcome: 'succeeded', cost: 950_000_000 })
    await under.flow.report(other.id, { outcome: 'succeeded', cost: 0 })
    expect(await room()).toBe(50_000_000)
    expect(await running()).toBe(0)
    await under.reopen()
    expect((await propose(under, 'burst', {}, { cost: 50_000_001 })).action.state.name).toBe('denied')
    expect((await propose(under, 'burst', {}, { cost: 50_000_000 })).action.state.name).toBe('executing')
  })
})

describe.each(STORES)('on %s', (dialect) => {
  const failing = async (): Promise<Faults> => {
    let faults: Faults | undefined
    under = await flowOn(dialect, POLICY, {
      wrap: (store) => {
        const wrapped = failingStore(store, () => 0)
        faults = wrapped.faults
        return wrapped
      },
    })
    return faults!
  }

  it('a store that cannot commit refuses everything and leaves nothing reserved', async () => {
    const faults = await failing()
    await propose(under, 'burst', {}, { agent: 'free' })
    faults.failing = 1
    for (let i = 0; i < 20; i++) {
      await expect(propose(under, 'work', { i })).rejects.toMatchObject({ code: 'store:unavailable' })
      await expect(propose(under, 'burst', { i }, { agent: 'free' })).rejects.toMatchObject({
        code: 'store:unavailable',
      })
    }
    faults.failing = 0
    expect((await propose(under, 'burst', {}, { agent: 'free' })).action.decision).toBe('allow')
    expect((await propose(under, 'burst', {}, { agent: 'free' })).action.decision).toBe('deny')
    expect(await running()).toBe(10)
  })

  it('a refusal at start that cannot be recorded changes nothing', async () => {
    const faults = await failing()
    const { action } = await propose(under, 'burst', {}, { cost: 900_000_000 }, false)
    await propose(under, 'burst')
    under.setPolicy(
      POLICY.replace('version: 1', 'version: 1\nlists: { changed: [x] }').replace('>= 2', '>= 1'),
    )
    faults.failing = 1
    for (let i = 0; i < 3; i++)
      await expect(under.flow.start(action.id)).rejects.toMatchObject({ code: 'store:unavailable' })
    faults.failing = 0
    under.setPolicy(POLICY)
    expect((await propose(under, 'burst')).action.decision).toBe('deny')
    expect(await running()).toBe(1)
  })

  it('a pause that cannot be recorded holds in this process all the same', async () => {
    const faults = await failing()
    await propose(under, 'work')
    faults.failing = 1
    await expect(
      under.flow.setAgentState('agent-a', 'paused', 'looks odd', 'ops@example.com'),
    ).rejects.toMatchObject({ code: 'store:unavailable' })
    faults.failing = 0
    await under.store.agents()
    // The clock's work reads the agents' rows: they do not say that it is paused.
    const later = await propose(under, 'burst', {}, { agent: 'free' }, false)
    await under.flow.waitForChange(later.action.id, later.action.version, 200)
    expect((await propose(under, 'work')).action.reasons[0]?.code).toBe('agent:paused')
    await under.flow.setAgentState('agent-a', 'active', 'fine', 'ops@example.com')
    expect((await propose(under, 'work')).action.decision).toBe('allow')
  })

  it('a lowered limit holds, whatever comes back from actions in flight', async () => {
    under = await flowOn(dialect, POLICY)
    const inFlight = await Promise.all(Array.from({ length: 8 }, () => propose(under, 'work')))
    under.setPolicy(POLICY.replace('limit_usd: 1,', 'limit_usd: 0.5,'))
    expect(await running()).toBe(0)
    await Promise.all(
      inFlight.map(({ action }) => under.flow.report(action.id, { outcome: 'failed', cost: 0 })),
    )
    expect(await running()).toBe(5)
  })

  it('a lowered limit holds after a restart too', async () => {
    under = await flowOn(dialect, POLICY)
    const inFlight = await Promise.all(Array.from({ length: 8 }, () => propose(under, 'work')))
    under.setPolicy(POLICY.replace('limit_usd: 1,', 'limit_usd: 0.5,'))
    await under.reopen()
    await Promise.all(
      inFlight.map(({ action }) => under.flow.report(action.id, { outcome: 'failed', cost: 0 })),
    )
    expect(await running()).toBe(5)
  })

  it('a clock that steps back and forth opens no spent window and loses nothing', async () => {
    let offset = 0
    under = await flowOn(dialect, POLICY, {
      wrap: (store: Store) =>
        new Proxy(store, {
          get(target, name) {
            const value = Reflect.get(target, name, target) as unknown
            if (name === 'now') return () => store.now() + offset
            return typeof value === 'function' ? (value.bind(target) as unknown) : value
          },
        }),
    })
    expect(await running()).toBe(10)
    offset = -2 * 60_000
    const before = await running()
    offset = 0
    expect(await running()).toBe(0)
    offset = DAY
    expect(await running()).toBe(10)
    offset = 0
    expect(await running()).toBe(0)
    offset = DAY
    expect(await running()).toBe(0)
    // Two minutes ago may have been yesterday.
    expect([0, 10]).toContain(before)
  })

  it('observe holds nothing back, also when a budget is used up', async () => {
    under = await flowOn(dialect, `mode: observe\n${POLICY}`)
    const all = await Promise.all(Array.from({ length: 15 }, (_, i) => propose(under, 'work', { i })))
    expect(all.every(({ action }) => action.state.name === 'executing')).toBe(true)
    expect(all.filter(({ action }) => action.decision === 'deny')).toHaveLength(5)
    await Promise.all(all.map(({ action }) => under.flow.report(action.id, { outcome: 'succeeded' })))
    expect(await room()).toBe(-500_000_000)
  })

  it('a permission that was only observed is worth nothing once the policy enforces', async () => {
    under = await flowOn(dialect, `mode: observe\n${POLICY}`)
    const { action } = await propose(under, 'unheard.of', {}, {}, false)
    expect(action).toMatchObject({ decision: 'deny', effective: 'allow', state: { name: 'ready' } })
    under.setPolicy(POLICY)
    await expect(under.flow.start(action.id)).rejects.toMatchObject({ code: 'action:refused_at_start' })
    expect((await under.store.action(action.id))?.state.name).toBe('denied')
  })

  it('an approved action that was started after a restart is unknown after the next one', async () => {
    under = await flowOn(dialect, POLICY)
    const { action } = await under.flow.propose(
      { agent: 'free', action: 'work', input: {} },
      { venue: 'belay', start: false },
    )
    await under.reopen()
    await under.flow.start(action.id)
    await under.reopen()
    const unknown = await under.flow.waitForChange(action.id, 2, 10_000)
    expect(unknown.state).toMatchObject({ name: 'unknown', cause: expect.stringContaining('process') })
  })

  it('a proposal that cannot be written down after it was judged takes nothing', async () => {
    const redact: Check = {
      name: 'cut',
      options: { type: 'object' },
      prepare: () => () => [{ message: 'x', decision: 'transform', edits: [{ path: ['text'], value: 'x' }] }],
    }
    under = await flowOn(
      dialect,
      POLICY.replace('cost_usd: 0.1 }', 'cost_usd: 0.1, verify: [{ cut: { then: redact } }] }'),
      {
        checks: [redact],
      },
    )
    for (let i = 0; i < 20; i++)
      await expect(propose(under, 'work', { text: '\ud800' })).rejects.toMatchObject({
        code: 'input:not_canonical',
      })
    const { action } = await propose(under, 'work', { text: 'fine' }, { cost: 1_000_000_000 })
    expect(action.state.name).toBe('executing')
  })
})

describe('a policy that is changed into a bad one', () => {
  it.each([
    ['is no YAML', 'version: [1'],
    ['is empty', ''],
    ['has an unknown key', `${POLICY}\nunknown: 1\n`],
    ['has a condition that is no CEL', POLICY.replace('>= 2', '>=>= 2')],
    ['has a check nobody knows', POLICY.replace('cost_usd: 0.1', 'verify: [{ no_such_check: {} }]')],
    ['has a negative limit', POLICY.replace('limit_usd: 1,', 'limit_usd: -1,')],
    ['has a limit that is no number', POLICY.replace('limit_usd: 1,', 'limit_usd: .nan,')],
  ])('and %s leaves the old one in force', async (_, text) => {
    under = await flowOn('sqlite', POLICY)
    const folder = mkdtempSync(join(tmpdir(), 'belay-policy-'))
    const file = join(folder, 'belay.yaml')
    writeFileSync(file, POLICY)
    const rejected: unknown[] = []
    const watch = watchPolicy(file, {
      checks: builtInChecks,
      onChange: () => rejected.push('changed'),
      onRejected: (faults) => rejected.push(faults.length > 0),
    })
    try {
      const before = watch.current()
      writeFileSync(file, text)
      expect(watch.reload()).toBe(false)
      expect(watch.current()).toBe(before)
      expect(rejected).toEqual([true])
      rmSync(file)
      expect(watch.reload()).toBe(false)
      expect(watch.current()).toBe(before)
    } finally {
      watch.close()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
