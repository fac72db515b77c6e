import { describe, expect, it } from 'vitest'
import { drawnOn, fullest, paceOf, reachedAt } from './budget-drawn.ts'
import type { BudgetLine } from './answers.ts'

const START = Date.parse('2026-03-02T00:00:00Z')
const HOUR = 3_600_000

const day = (spent: number, reserved = 0, limit = 24): BudgetLine => ({
  window: 'day',
  unit: 'usd',
  limit_usd: limit,
  spent_usd: spent,
  reserved_usd: reserved,
  starts_at: '2026-03-02T00:00:00.000Z',
  ends_at: '2026-03-03T00:00:00.000Z',
})

describe('how a budget is drawn on', () => {
  it('counts what is reserved', () => {
    expect(drawnOn(day(6, 6))).toEqual({ limit: 24, spent: 6, reserved: 6, share: 0.5 })
  })

  it('takes a limit of nothing for used up', () => {
    expect(drawnOn(day(0, 0, 0)).share).toBe(1)
  })

  it('reads limits of actions', () => {
    const line: BudgetLine = {
      window: 'hour',
      unit: 'actions',
      limit: 10,
      spent: 4,
      reserved: 1,
      starts_at: null,
      ends_at: null,
    }
    expect(drawnOn(line).share).toBe(0.5)
    expect(reachedAt(line, START)).toBeNull()
    expect(paceOf(line, START)).toBeNull()
  })

  it('finds the one of which the most is gone', () => {
    expect(fullest([day(1), day(20), day(3)])).toEqual(day(20))
    expect(fullest([])).toBeUndefined()
  })

  it('foretells when the limit is reached, if that is before the window ends', () => {
    expect(reachedAt(day(12), START + 6 * HOUR)).toBe(START + 12 * HOUR)
    expect(reachedAt(day(4), START + 6 * HOUR)).toBeNull()
    expect(reachedAt(day(0), START + 6 * HOUR)).toBeNull()
    expect(reachedAt(day(30), START + 6 * HOUR)).toBe(START + 6 * HOUR)
  })

  it('foretells nothing at the very beginning of a window', () => {
    expect(paceOf(day(1), START + 60_000)).toBeNull()
    expect(paceOf(day(12), START + 6 * HOUR)).toBe(48)
  })
})
