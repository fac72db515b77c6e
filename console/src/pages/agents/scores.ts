import type { Score } from './queries.ts'

/** What a judge made of the agent's actions, of one rubric. */
export interface RubricSums {
  readonly rubric: string
  readonly scored: number
  /** Of those that have a score. */
  readonly median: number | null
  /** The share of those that have a score and lie below their threshold. */
  readonly below: number | null
  /** The judge was asked and gave no score. */
  readonly unscored: number
  /** The mean of each day that has scores, the oldest first. */
  readonly days: readonly { readonly day: string; readonly mean: number; readonly count: number }[]
}

/** By rubric, the one with the most scores first. Days are those of UTC. */
export function sumsOf(scores: readonly Score[]): readonly RubricSums[] {
  return [...Map.groupBy(scores, ({ rubric }) => rubric)]
    .map(([rubric, all]) => {
      const given = all.filter((one): one is Score & { readonly score: number } => one.score !== null)
      const sorted = given.map(({ score }) => score).toSorted((a, b) => a - b)
      const days = [...Map.groupBy(given, ({ at }) => at.slice(0, 10))]
        .map(([day, those]) => ({
          day,
          mean: those.reduce((sum, { score }) => sum + score, 0) / those.length,
          count: those.length,
        }))
        .toSorted((a, b) => a.day.localeCompare(b.day))
      const rejected = given.filter(({ verdict }) => verdict === 'rejected').length
      return {
        rubric,
        scored: given.length,
        median: sorted[sorted.length >> 1] ?? null,
        below: given.length === 0 ? null : rejected / given.length,
        unscored: all.length - given.length,
        days,
      }
    })
    .toSorted((a, b) => b.scored - a.scored || a.rubric.localeCompare(b.rubric))
}

/** `0.71 (0.52 to 0.90)`; without the interval while there are too few, and nothing where there is no kappa. */
export function kappaText(kappa: number | null, low: number | null, high: number | null): string | null {
  if (kappa === null) return null
  const interval = low === null || high === null ? '' : ` (${low.toFixed(2)} to ${high.toFixed(2)})`
  return `${kappa.toFixed(2)}${interval}`
}
