import type { JsonObject, JsonValue } from '../../../action/json.ts'
import { usdFromNano } from '../../../action/money.ts'
import type { Grouping, StatsFilter, StatsGroup, Store, Tag, TagGrouping } from '../../../storage/store.ts'
import { hourOf } from './count.ts'
import { latencyQuantile } from './latency.ts'

const HOUR_MS = 3_600_000
const MOST_ROWS = 5_000

/** Times are epoch ms; they are widened to whole hours, in which sums are kept. */
export interface StatsRequest extends StatsFilter {
  readonly from: number
  readonly to: number
  readonly by: readonly (Grouping | TagGrouping)[]
  readonly tag?: Tag
}

/**
 * Counts, outcomes, cost, tokens and durations, grouped. An action counts in the hour in which it was proposed,
 * whenever it ended.
 */
export async function stats(store: Pick<Store, 'rollups'>, request: StatsRequest): Promise<JsonObject> {
  const from = hourOf(request.from)
  const to = hourOf(request.to + HOUR_MS - 1)
  const groups = await store.rollups.stats({ ...request, from, to, limit: MOST_ROWS })
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    by: [...request.by],
    rows: groups.map((group) => rowOf(group, request.by)),
  }
}

function rowOf(group: StatsGroup, by: StatsRequest['by']): JsonObject {
  const keys = by.map((name, index) => keyOf(name, group.keys[index] ?? null))
  const hour = by.indexOf('hour')
  return {
    ...(by.length > 0 && { key: keys.length === 1 ? (keys[0] ?? null) : keys }),
    ...(hour >= 0 && { at: keys[hour] ?? null }),
    actions: group.actions,
    decisions: { ...group.decisions },
    approvals: { held: group.held, approved: group.approved, rejected: group.rejected },
    outcomes: { succeeded: group.succeeded, failed: group.failed, unknown: group.unknown },
    undone: group.undone,
    cost_usd: usdFromNano(group.cost),
    tokens: { input: group.inputTokens, output: group.outputTokens },
    latency_ms: {
      p50: rounded(latencyQuantile(group.latency, 0.5)),
      p95: rounded(latencyQuantile(group.latency, 0.95)),
      mean: rounded(group.timed === 0 ? null : group.milliseconds / group.timed),
    },
  }
}

function keyOf(by: Grouping | TagGrouping, key: string | number | null): JsonValue {
  return by === 'hour' && typeof key === 'number' ? new Date(key).toISOString() : key
}

const rounded = (ms: number | null): number | null => (ms === null ? null : Math.round(ms * 100) / 100)
