import type { StatsRow } from '../../api/answers.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** 5 January 1970 was a Monday. */
const FIRST_MONDAY = 4 * DAY

export const WINDOWS = ['day', 'week', 'month'] as const
export type SpendWindow = (typeof WINDOWS)[number]

export interface SpendSpan {
  readonly from: number
  readonly to: number
  /** Width of a bar of its chart, ms. */
  readonly step: number
}

/** The window of the calendar (UTC) that now is, as budgets have it. */
export function spanOf(window: SpendWindow, now: number): SpendSpan {
  const day = now - (now % DAY)
  if (window === 'day') return { from: day, to: day + DAY, step: HOUR }
  if (window === 'week') {
    const from = now - ((now - FIRST_MONDAY) % (7 * DAY))
    return { from, to: from + 7 * DAY, step: 6 * HOUR }
  }
  const date = new Date(now)
  const from = Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
  return { from, to: Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1), step: DAY }
}

/** What each bar of the window cost so far, US dollars: also those in which nothing was spent. */
export function barsOf(
  rows: readonly StatsRow[],
  { from, to, step }: SpendSpan,
): { readonly times: readonly number[]; readonly usd: readonly number[] } {
  const times = Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step)
  const usd = times.map(() => 0)
  for (const { at, key, cost_usd: cost } of rows) {
    const index = Math.floor((Date.parse(at ?? String(key)) - from) / step)
    if (index >= 0 && index < usd.length) usd[index] = usd[index]! + cost
  }
  return { times, usd }
}

/** What the hour that now is cost so far. */
export function thisHour(rows: readonly StatsRow[], now: number): number {
  const hour = now - (now % HOUR)
  return rows.reduce(
    (sum, { at, key, cost_usd: cost }) => (Date.parse(at ?? String(key)) === hour ? sum + cost : sum),
    0,
  )
}
