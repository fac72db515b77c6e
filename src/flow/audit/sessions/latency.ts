import { LATENCY_BUCKETS } from '../../../storage/store.ts'

/**
 * Durations are counted in buckets whose bounds grow by √2 from one millisecond to seventeen minutes, so that counts
 * of hours and replicas add up and a quantile of the sum is off by less than a fifth.
 */
const STEPS_A_DOUBLING = 2

/** The bucket of a duration in milliseconds: the first whose upper bound it does not exceed. */
export function latencyBucket(ms: number): number {
  if (!(ms > 1)) return 0
  return Math.min(LATENCY_BUCKETS - 1, Math.ceil(STEPS_A_DOUBLING * Math.log2(ms)))
}

/** The duration, ms, that the share of all counted ones did not exceed; `null` when none is counted. */
export function latencyQuantile(buckets: readonly number[], share: number): number | null {
  const total = buckets.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  const rank = share * total
  let below = 0
  for (const [bucket, count] of buckets.entries()) {
    if (count > 0 && below + count >= rank) return within(bucket, (rank - below) / count)
    below += count
  }
  return null
}

function within(bucket: number, share: number): number {
  if (bucket === 0) return share
  const lower = 2 ** ((bucket - 1) / STEPS_A_DOUBLING)
  // The last bucket has no upper bound.
  if (bucket === LATENCY_BUCKETS - 1) return lower
  return lower * 2 ** (share / STEPS_A_DOUBLING)
}
