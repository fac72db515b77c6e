import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Action } from '../action/action.ts'
import type { NotifyRule } from '../policy/notify.ts'
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
  alerts: { heldFor: 3_600_000, errorRate: 0.2, budget: 0.8 },
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
    expect(over).toEqual(['budget:writer'])
  })

  test('sees failures only when there are enough of them', () => {
    for (let i = 0; i < 9; i++) watch.moved(action({ name: 'failed' }))
    expect(raised).toEqual([])
    watch.moved(action({ name: 'failed' }))
    expect(raised).toMatchObject([{ kind: 'errors', title: '10 of the last 10 actions of writer failed' }])
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
