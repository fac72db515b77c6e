import { expect, it } from 'vitest'
import type { StatsRow } from '../../api/answers.ts'
import { byHour, costPerAction, decisionsOf, successRate } from './figures.ts'

const HOUR = 3_600_000
const row = (at: string, allow: number, deny: number) =>
  ({ key: at, at, decisions: { allow, transform: 0, require_approval: 0, deny } }) as StatsRow

it('counts what became unknown as not succeeded, and knows no rate of nothing', () => {
  expect(successRate({ outcomes: { succeeded: 3, failed: 0, unknown: 1 } })).toBe(0.75)
  expect(successRate({ outcomes: { succeeded: 0, failed: 0, unknown: 0 } })).toBeNull()
  expect(successRate(undefined)).toBeNull()
})

it('knows no cost of an action when there was none', () => {
  expect(costPerAction({ actions: 4, cost_usd: 2 })).toBe(0.5)
  expect(costPerAction({ actions: 0, cost_usd: 0 })).toBeNull()
})

it('has an hour for each, also for those in which nothing happened', () => {
  const from = Date.parse('2026-03-02T10:00:00Z')
  const rows = [row('2026-03-02T11:00:00.000Z', 3, 1)]
  expect(byHour(rows, { from, to: from + 3 * HOUR }).map(({ decisions }) => decisions.allow)).toEqual([
    0, 3, 0,
  ])
  expect(decisionsOf(rows)).toEqual({ allow: 3, transform: 0, require_approval: 0, deny: 1 })
})
