import { describe, expect, it } from 'vitest'
import type { Agent, AgentBudget, Approval, StatsRow } from '../../api/answers.ts'
import { concernsOf } from './attention.ts'
import type { Seen } from './attention.ts'

const NOW = Date.parse('2026-03-02T12:00:00Z')
const MINUTE = 60_000
const CALM: Seen = { agents: [], approvals: [], budgets: [], stats: [] }

const agent = (more: Partial<Agent>): Agent => ({
  name: 'writer',
  state: 'active',
  reason: null,
  changed_by: null,
  changed_at: null,
  version: 1,
  ...more,
})

const approval = (id: string, heldFor: number, left: number): Approval => ({
  id,
  state: 'pending',
  step: 0,
  steps: [{ group: 'finance', quorum: 1, approved: 0 }],
  expires_at: new Date(NOW + left).toISOString(),
  action: {
    agent: 'writer',
    action: 'money.refund',
    proposed_at: new Date(NOW - heldFor).toISOString(),
  } as Approval['action'],
})

const budget = (spent: number): AgentBudget => ({
  agent: 'writer',
  lines: [
    {
      window: 'day',
      unit: 'usd',
      limit_usd: 10,
      spent_usd: spent,
      reserved_usd: 0,
      starts_at: null,
      ends_at: null,
    },
  ],
})

const stats = (succeeded: number, failed: number, unknown = 0): StatsRow =>
  ({ key: 'writer', outcomes: { succeeded, failed, unknown } }) as StatsRow

const titles = (seen: Partial<Seen>) =>
  concernsOf({ ...CALM, ...seen }, NOW).map(({ title, tone }) => [tone, title])

describe('what needs attention', () => {
  it('is nothing when all is as it should be', () => {
    expect(
      titles({
        agents: [agent({})],
        approvals: [approval('a', 14 * MINUTE, 60 * MINUTE)],
        budgets: [budget(7.99)],
        stats: [stats(95, 5), { ...stats(8, 1), key: 'few' }],
      }),
    ).toEqual([])
  })

  it('tells a breaker from a person', () => {
    expect(titles({ agents: [agent({ state: 'paused', changed_by: 'lead@example.com' })] })).toEqual([
      ['warn', 'writer is paused'],
    ])
    expect(titles({ agents: [agent({ state: 'paused', changed_by: 'breaker' })] })).toEqual([
      ['bad', 'The breaker of writer is open: it is paused'],
    ])
  })

  it('puts the worst first', () => {
    const seen = titles({
      agents: [agent({ state: 'paused', changed_by: 'lead@example.com' })],
      budgets: [budget(10)],
      stats: [stats(10, 10, 1)],
      approvals: [approval('a', 20 * MINUTE, 60 * MINUTE)],
    })
    expect(seen.map(([tone]) => tone)).toEqual(['bad', 'warn', 'warn', 'warn', 'warn'])
    expect(seen[0]).toEqual(['bad', 'writer: 100% of the budget per day are used up'])
    expect(seen[4]).toEqual(['warn', 'What became of 1 action of writer is not known'])
  })

  it('takes many that wait for one matter, the most urgent first', () => {
    const approvals = Array.from({ length: 40 }, (_, index) =>
      approval(`a${index}`, 20 * MINUTE, (60 - index) * MINUTE),
    )
    const concerns = concernsOf({ ...CALM, approvals }, NOW)
    expect(concerns).toHaveLength(5)
    expect(concerns[0]?.id).toBe('a39')
    expect(concerns[4]?.detail).toContain('and 35 more wait')
  })

  it('says when something is about to expire, however short it was held', () => {
    expect(titles({ approvals: [approval('a', MINUTE, 9 * MINUTE)] })).toEqual([
      ['bad', 'money.refund of writer waits for finance'],
    ])
  })
})
