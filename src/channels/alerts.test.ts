import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Action } from '../action/action.ts'
import type { NotifyRule } from '../policy/notify.ts'
import { flowOn } from '../../test/setup/flow-on.ts'
import { AlarmBook } from '../flow/alarm-book.ts'
import { AlertDesk } from './alert-desk.ts'
import { AlertWatch } from './alert-watch.ts'
import type { Alert } from './alert.ts'
import { isQuiet } from './quiet-hours.ts'

const RULE: NotifyRule = {
  slack: null,
  email: null,
  webhook: null,
  teams: null,
  discord: null,
  quiet: null,
  alerts: { heldFor: 3_600_000, errorRate: 0.2, budget: 0.8, success: 0.99 },
  publicUrl: null,
}
const NIGHT = { from: 22 * 60, to: 7 * 60, zone: 'UTC' }
const at = (time: string): number => Date.parse(`2030-01-15T${time}:00Z`)
const action = (state: object, more: object = {}): Action =>
  ({
    id: 'act_1',
    agent: 'writer',
    name: 'note.add',
    session: null,
    reasons: [],
    reservations: [],
    cost: 0,
    updatedAt: at('12:00'),
    proposedAt: at('12:00'),
    state,
    ...more,
  }) as unknown as Action

describe('quiet hours', () => {
  test('go past midnight and by the clock of their zone', () => {
    expect(['21:59', '22:00', '06:59', '07:00'].map((time) => isQuiet(NIGHT, at(time)))).toEqual([
      false,
      true,
      true,
      false,
    ])
    const berlin = { ...NIGHT, zone: 'Europe/Berlin' }
    expect([isQuiet(berlin, at('21:00')), isQuiet(berlin, at('06:00'))]).toEqual([true, false])
    expect(isQuiet({ from: 540, to: 600, zone: 'UTC' }, at('09:30'))).toBe(true)
  })
})

describe('the desk', () => {
  let told: Alert[][]
  let rule: NotifyRule
  let now: number
  let desk: AlertDesk
  beforeEach(() => {
    vi.useFakeTimers()
    told = []
    rule = RULE
    now = at('12:00')
    desk = new AlertDesk({
      channels: () => [{ name: 'test', alert: (alerts) => void told.push([...alerts]) }],
      rule: () => rule,
      now: () => now,
    })
  })
  afterEach(() => {
    desk.close()
    vi.useRealTimers()
  })
  const alert = (key: string, more: Partial<Alert> = {}): Alert => ({
    kind: 'budget',
    key,
    urgent: false,
    title: key,
    facts: [],
    act: '',
    at: now,
    ...more,
  })

  test('tells what comes together in one message, and the same once an hour with how often it came', () => {
    desk.raise(alert('a'))
    desk.raise(alert('b'))
    desk.raise(alert('a'))
    expect(told).toEqual([])
    vi.advanceTimersByTime(10_000)
    expect(told.map((one) => one.map(({ key }) => key))).toEqual([['a', 'b']])
    now += 3_600_000
    desk.raise(alert('a'))
    vi.advanceTimersByTime(10_000)
    expect(told[1]).toMatchObject([{ key: 'a', facts: ['1 more since it was last told.'] }])
  })

  test('tells at once of what goes past those who would have decided, with what had collected', () => {
    desk.raise(alert('a'))
    desk.raise(alert('glass', { kind: 'break_glass', urgent: true }))
    expect(told.map((one) => one.map(({ key }) => key))).toEqual([['a', 'glass']])
  })

  test('keeps what can wait until the quiet hours end, and nothing that is urgent', () => {
    rule = { ...RULE, quiet: NIGHT }
    now = at('23:00')
    desk.raise(alert('budget'))
    desk.raise(alert('stop', { urgent: true }))
    vi.advanceTimersByTime(10_000)
    expect(told.flat().map(({ key }) => key)).toEqual(['stop'])
    now = at('07:00')
    desk.tell()
    expect(told.flat().map(({ key }) => key)).toEqual(['stop', 'budget'])
  })
})

describe('the desk with a book', () => {
  let under: Awaited<ReturnType<typeof flowOn>>
  beforeEach(async () => {
    under = await flowOn('sqlite', 'version: 1\n')
  })
  afterEach(() => under.close())
  const raised = (more: Partial<Alert> = {}): Alert => ({
    kind: 'errors',
    key: 'errors:writer',
    urgent: true,
    agent: 'writer',
    title: 'It fails',
    facts: ['5 of 10.'],
    act: 'look',
    at: under.store.now(),
    ...more,
  })

  /** A replica's desk: what it told, in order. */
  function replica(clock: { now: number }): { desk: AlertDesk; told: Alert[] } {
    const told: Alert[] = []
    const book = new AlarmBook(under.store)
    const desk = new AlertDesk({
      channels: () => [{ name: 'test', alert: (alerts) => void told.push(...alerts) }],
      rule: () => RULE,
      now: () => clock.now,
      book: () => book,
      linkTo: (alarm) => `https://belay.example.com/alarms/${alarm}`,
    })
    return { desk, told }
  }

  test('of two replicas one tells; nobody is told again of what was acknowledged, and all that it is over', async () => {
    const clock = { now: under.store.now() }
    const [a, b] = [replica(clock), replica(clock)]
    a.desk.raise(raised())
    await a.desk.settled()
    b.desk.raise(raised())
    b.desk.raise(raised({ facts: ['7 of 10.'] }))
    await b.desk.tend(false)
    a.desk.tell()
    b.desk.tell()
    const [alarm] = await under.store.alarms.list({ limit: 10 })
    expect([a.told.length, b.told.length]).toEqual([1, 0])
    expect(a.told[0]).toMatchObject({
      alarm: alarm?.id,
      act: 'look',
      link: `https://belay.example.com/alarms/${alarm?.id}`,
    })
    expect(alarm).toMatchObject({ count: 3, facts: ['7 of 10.'], agent: 'writer', resolvedAt: null })

    const [head] = await under.store.chains()
    const records = await under.store.records(head!.chain, 0, 100)
    expect(records.filter(({ kind }) => kind === 'alarm').map(({ text }) => JSON.parse(text))).toMatchObject([
      { event: 'raise', alarm: alarm!.id, about: 'errors', agent: 'writer' },
    ])

    await new AlarmBook(under.store).acknowledge(alarm!.id, 'olga')
    for (const one of [a, b]) one.desk.raise(raised({ at: clock.now + 2 * 3_600_000 }))
    await Promise.all([a.desk.settled(), b.desk.settled()])
    a.desk.tell()
    b.desk.tell()
    expect([a.told.length, b.told.length]).toEqual([1, 0])

    b.desk.over('errors:writer')
    a.desk.over('errors:writer')
    await Promise.all([a.desk.settled(), b.desk.settled()])
    a.desk.tell()
    b.desk.tell()
    expect([...a.told.slice(1), ...b.told]).toMatchObject([{ kind: 'over', title: 'Over: It fails' }])
    expect(await under.store.alarms.list({ open: true, limit: 10 })).toEqual([])
    a.desk.raise(raised({ at: clock.now + 3 * 3_600_000 }))
    await a.desk.settled()
    expect((await under.store.alarms.list({ limit: 10 })).length).toBe(2)
    a.desk.close()
    b.desk.close()
  })

  test('what stays away for an hour is over by itself, what is about a state is not', async () => {
    const clock = { now: under.store.now() }
    const { desk, told } = replica(clock)
    desk.raise(raised({ at: clock.now }))
    desk.raise(raised({ kind: 'agent', key: 'agent:writer:paused', at: clock.now }))
    await desk.settled()
    clock.now += 3_700_000
    await desk.tend(true)
    desk.tell()
    expect(told.map(({ kind }) => kind).toSorted()).toEqual(['agent', 'errors', 'over'])
    expect((await under.store.alarms.list({ open: true, limit: 10 })).map(({ kind }) => kind)).toEqual([
      'agent',
    ])
    desk.close()
  })

  test('a store that fails keeps nobody from being told', async () => {
    const clock = { now: under.store.now() }
    const { desk, told } = replica(clock)
    vi.spyOn(under.store.alarms, 'open').mockRejectedValue(new Error('disk on fire'))
    desk.raise(raised())
    await desk.settled()
    desk.tell()
    expect(told).toMatchObject([{ title: 'It fails' }])
    desk.close()
  })
})

describe('the watch', () => {
  let raised: Alert[]
  let over: string[]
  let left: number
  let watch: AlertWatch
  beforeEach(() => {
    raised = []
    over = []
    left = 1
    watch = new AlertWatch({
      rule: () => RULE,
      raise: (alert) => void raised.push(alert),
      over: (key) => void over.push(key),
      budgetLeft: async () => left,
      spendLimits: () => [{ limit: 24e9, within: 86_400_000 }],
      publicUrl: () => 'https://belay.example.com',
      everyone: () => ['lead@example.com'],
      onFault: (error) => {
        throw error
      },
    })
  })

  test('sees budgets that are used up and those that nearly are', async () => {
    watch.moved(
      action(
        { name: 'denied' },
        { reasons: [{ code: 'budget:day', message: 'The budget of $10 a day is used up.' }] },
      ),
    )
    watch.moved(action({ name: 'denied' }, { reasons: [{ code: 'policy:deny', message: 'no' }] }))
    expect(raised).toMatchObject([
      {
        kind: 'budget',
        urgent: false,
        facts: ['The budget of $10 a day is used up.', 'note.add was refused.'],
      },
    ])
    for (const [share, when] of [
      [0.2, 0],
      [0.19, 20_000],
    ] as const) {
      left = share
      watch.moved(action({ name: 'executing' }, { reservations: [{}], updatedAt: at('12:00') + when }))
      await Promise.resolve()
    }
    expect(raised.slice(1)).toMatchObject([
      { title: 'writer has 19 % of a budget left', facts: ['81.0 % is spent or reserved; told above 80 %.'] },
    ])
    expect(over).toEqual(['budget:writer', 'budget:day:writer'])
  })

  test('sees failures only when there are enough of them', () => {
    for (let i = 0; i < 9; i++) watch.moved(action({ name: 'failed' }))
    expect(raised).toEqual([])
    watch.moved(action({ name: 'failed' }))
    expect(raised).toMatchObject([{ kind: 'errors', title: '10 of the last 10 actions of writer failed' }])
  })

  test('sees errors that burn, says how fast, and when they no longer do', () => {
    const each = 20_000
    for (let n = 0; n < 180; n++)
      watch.moved(
        action({ name: n % 4 === 0 ? 'failed' : 'succeeded' }, { updatedAt: at('12:00') + n * each }),
      )
    const burns = raised.filter(({ kind }) => kind === 'burn')
    expect(burns.at(-1)).toMatchObject({ key: 'burn:errors:writer:fast', urgent: true, agent: 'writer' })
    expect(burns.at(-1)?.facts[0]).toMatch(
      /^That uses up what may fail \(1 %\) 2\d\.\d times as fast as allowed/,
    )
    over.length = 0
    for (let n = 180; n < 240; n++)
      watch.moved(action({ name: 'succeeded' }, { updatedAt: at('12:00') + n * each }))
    expect(over).toContain('burn:errors:writer:fast')
  })

  test('sees money that burns', () => {
    for (let n = 0; n < 120; n++)
      watch.moved(action({ name: 'succeeded' }, { cost: 0.25e9, updatedAt: at('12:00') + n * 30_000 }))
    expect(raised.filter(({ kind }) => kind === 'burn').at(-1)).toMatchObject({
      key: 'burn:spend:86400000:writer:fast',
      title: expect.stringMatching(
        /^writer spends \d\d\.\d times as fast as its budget of 1 day allows/,
      ) as string,
    })
  })

  test('tells what an agent does unlike itself, urgently when it has consequences', () => {
    const anomaly = {
      detector: 'rate',
      code: 'anomaly:rate',
      response: 'pause',
      agent: 'writer',
      action: 'note.add',
      message: '50 an hour is normal; 5,000 in 10 minutes.',
      normal: 50,
      observed: 30_000,
      unit: 'per_hour',
      since: 1,
      at: at('12:00'),
      actionId: 'act_1',
    } as const
    watch.anomaly(anomaly)
    watch.anomaly({ ...anomaly, response: 'alert' })
    expect(raised).toMatchObject([
      { kind: 'anomaly', urgent: true, action: 'act_1', facts: [anomaly.message, 'The agent is paused.'] },
      { kind: 'anomaly', urgent: false, facts: [anomaly.message] },
    ])
  })

  test('sees stops, and what has waited too long; both are urgent', () => {
    const row = { name: 'writer', reason: '6 of the last 100 failed', changedBy: 'breaker', changedAt: 1 }
    watch.agent({ ...row, state: 'paused' })
    watch.agent({ ...row, state: 'active' })
    expect(raised).toMatchObject([{ urgent: true, title: 'The breaker of writer tripped: it is paused' }])
    expect(over).toContain('agent:writer:paused')
    const approval = {
      id: 'apr_1',
      step: 0,
      steps: [{ group: 'editors', quorum: 2, votes: [] }],
      expiresAt: at('16:00'),
    }
    const held = action({ name: 'held', approval })
    watch.held([held], at('12:59'))
    watch.held([held], at('14:00'))
    expect(raised.slice(1)).toMatchObject([
      { kind: 'held', urgent: true, title: 'writer has waited 2 hours for editors', key: 'held:apr_1:0' },
    ])
  })
})
