import { expect, test } from 'vitest'
import { LATENCY_BUCKETS } from '../../../storage/store.ts'
import { latencyBucket, latencyQuantile } from './latency.ts'

function counted(durations: readonly number[]): number[] {
  const buckets = Array.from({ length: LATENCY_BUCKETS }, () => 0)
  for (const ms of durations) buckets[latencyBucket(ms)] = (buckets[latencyBucket(ms)] ?? 0) + 1
  return buckets
}

test('a bucket holds what does not exceed its bound', () => {
  expect([0, 1, 1.2, 1.5, 2, 2.1].map(latencyBucket)).toEqual([0, 0, 1, 2, 2, 3])
  expect(latencyBucket(1e12)).toBe(LATENCY_BUCKETS - 1)
  expect(latencyBucket(Number.NaN)).toBe(0)
})

test('a quantile of the sum is off by less than a fifth', () => {
  const durations = Array.from({ length: 10_000 }, (_, n) => 3 + ((n * 7919) % 90_000))
  const sorted = durations.toSorted((a, b) => a - b)
  for (const share of [0.1, 0.5, 0.9, 0.95, 0.99]) {
    const found = latencyQuantile(counted(durations), share) ?? 0
    const exact = sorted[Math.floor(share * sorted.length)] as number
    expect(Math.abs(found / exact - 1)).toBeLessThan(0.2)
  }
  expect(latencyQuantile(counted([]), 0.5)).toBeNull()
})
