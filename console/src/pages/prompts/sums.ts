import type { Sums } from './queries.ts'

/** Several rows as one; without durations, which do not add up. */
export function together(rows: readonly Sums[]): Sums | undefined {
  const [first, ...more] = rows
  if (first === undefined || more.length === 0) return first
  const add = <K extends string>(pick: (row: Sums) => Readonly<Record<K, number>>): Record<K, number> => {
    const sum = { ...pick(first) } as Record<K, number>
    for (const row of more) for (const key of Object.keys(sum) as K[]) sum[key] += pick(row)[key]
    return sum
  }
  return {
    ...first,
    ...add(({ actions, cost_usd, undone }) => ({ actions, cost_usd, undone })),
    decisions: add((row) => row.decisions),
    approvals: add((row) => row.approvals),
    outcomes: add((row) => row.outcomes),
    tokens: add((row) => row.tokens),
    latency_ms: { p50: null, p95: null, mean: null },
  }
}

/** Of what has ended, the share that succeeded; null where nothing has. */
export function successOf({ outcomes: { succeeded, failed, unknown } }: Sums): number | null {
  const ended = succeeded + failed + unknown
  return ended === 0 ? null : succeeded / ended
}
