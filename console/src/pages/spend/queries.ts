import { queryOptions } from '@tanstack/react-query'
import { get } from '../../api/call.ts'
import type { StatsRow } from '../../api/answers.ts'

/** What was spent, by one grouping: dearest first. */
export interface Spent {
  /** Null: has none of what was grouped by. */
  readonly key: string | null
  readonly usd: number
  readonly actions: number
}

export type SpentBy = 'agent' | 'model' | 'prompt' | 'action' | `tag:${string}`

export const spentQuery = (by: SpentBy, from: string) =>
  queryOptions({
    queryKey: ['stats', 'spent', by, from],
    queryFn: async ({ signal }) => {
      const { rows } = await get<{ rows: readonly (Omit<StatsRow, 'key'> & { key: string | null })[] }>(
        '/v1/stats',
        { by, from },
        signal,
      )
      return rows
        .map(({ key, cost_usd, actions }): Spent => ({ key, usd: cost_usd, actions }))
        .filter(({ usd }) => usd > 0)
        .toSorted((a, b) => b.usd - a.usd)
    },
  })

export const tagNamesQuery = (from: string) =>
  queryOptions({
    queryKey: ['stats', 'tags', from],
    queryFn: async ({ signal }) =>
      (await get<{ items: readonly string[] }>('/v1/stats/tags', { from }, signal)).items,
  })
