import { expect, it } from 'vitest'
import { barsOf, spanOf, thisHour } from './windows.ts'
import type { StatsRow } from '../../api/answers.ts'

const NOW = Date.parse('2026-03-04T13:20:00Z')
const iso = (ms: number): string => new Date(ms).toISOString()
const row = (at: string, cost_usd: number): StatsRow => ({
  key: at,
  at,
  actions: 1,
  decisions: { allow: 1, transform: 0, require_approval: 0, deny: 0 },
  outcomes: { succeeded: 1, failed: 0, unknown: 0 },
  cost_usd,
  tokens: { input: 0, output: 0 },
  latency_ms: { p50: null, p95: null, mean: null },
})

it.each([
  ['day', '2026-03-04T00:00:00.000Z', '2026-03-05T00:00:00.000Z'],
  ['week', '2026-03-02T00:00:00.000Z', '2026-03-09T00:00:00.000Z'],
  ['month', '2026-03-01T00:00:00.000Z', '2026-04-01T00:00:00.000Z'],
] as const)('a %s is the one of the calendar', (window, from, to) => {
  const span = spanOf(window, NOW)
  expect([iso(span.from), iso(span.to)]).toEqual([from, to])
  expect((span.to - span.from) % span.step).toBe(0)
})

it('adds hours up into bars, and leaves out what is not of the window', () => {
  const rows = [
    row('2026-03-04T13:00:00.000Z', 2),
    row('2026-03-02T01:00:00.000Z', 1),
    row('2026-03-01T23:00:00.000Z', 9),
  ]
  expect(barsOf(rows, spanOf('day', NOW)).usd[13]).toBe(2)
  const week = barsOf(rows, spanOf('week', NOW))
  expect(week.usd.length).toBe(28)
  expect(week.usd[0]).toBe(1)
  expect(week.usd[10]).toBe(2)
  expect(week.usd.reduce((sum, each) => sum + each, 0)).toBe(3)
  expect(barsOf([], spanOf('month', NOW)).usd).toHaveLength(31)
  expect(thisHour(rows, NOW)).toBe(2)
})
