import { useNow } from '../../parts/clock.ts'

const HOUR = 3_600_000
const HOURS: Readonly<Record<string, number>> = { day: 24, week: 168, month: 720 }

export const SINCE_OPTIONS: readonly (readonly [string, string])[] = [
  ['day', 'in the last day'],
  ['week', 'in the last week'],
  ['month', 'in the last 30 days'],
]

/** ISO 8601, the same for an hour: sums are kept by the hour. */
export function useFrom(since: string): string {
  const now = useNow(60_000)
  const hours = HOURS[since] ?? 168
  return new Date(Math.floor(now / HOUR) * HOUR - hours * HOUR).toISOString()
}
