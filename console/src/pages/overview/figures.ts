import type { Decision, StatsRow } from '../../api/answers.ts'

/** Of what finished, the share that succeeded; null when nothing did. */
export function successRate(row: Pick<StatsRow, 'outcomes'> | undefined): number | null {
  if (row === undefined) return null
  const { succeeded, failed, unknown } = row.outcomes
  const finished = succeeded + failed + unknown
  return finished === 0 ? null : succeeded / finished
}

export function costPerAction(row: Pick<StatsRow, 'actions' | 'cost_usd'> | undefined): number | null {
  return row === undefined || row.actions === 0 ? null : row.cost_usd / row.actions
}

const NONE = { allow: 0, transform: 0, require_approval: 0, deny: 0 }

/** How often each decision was made, in all rows together. */
export function decisionsOf(rows: readonly StatsRow[]): StatsRow['decisions'] {
  const sum = { ...NONE }
  for (const { decisions } of rows)
    for (const each of Object.keys(sum) as Decision[]) sum[each] += decisions[each] ?? 0
  return sum
}

const HOUR = 3_600_000

/** One entry for every hour of the span, also for those in which nothing happened. */
export function byHour(
  rows: readonly StatsRow[],
  { from, to }: { readonly from: number; readonly to: number },
): readonly { readonly time: number; readonly decisions: Readonly<Record<Decision, number>> }[] {
  const known = new Map(rows.map((row) => [Date.parse(row.at ?? String(row.key)), row.decisions] as const))
  const first = Math.floor(from / HOUR) * HOUR
  return Array.from({ length: Math.max(0, Math.ceil((to - first) / HOUR)) }, (_, index) => {
    const time = first + index * HOUR
    return { time, decisions: known.get(time) ?? NONE }
  })
}
