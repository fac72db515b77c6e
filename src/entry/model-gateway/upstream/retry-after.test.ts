import fc from 'fast-check'
import { expect, test } from 'vitest'
import { retryAfter } from './retry-after.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const DAY = 86_400_000

test.each<[Record<string, string | string[]>, number | undefined]>([
  [{}, undefined],
  [{ 'retry-after': '2' }, 2_000],
  [{ 'retry-after': '0' }, 0],
  [{ 'retry-after': '1.5' }, 1_500],
  [{ 'retry-after': ['3', '9'] }, 3_000],
  [{ 'retry-after-ms': '120.2', 'retry-after': '9' }, 121],
  [{ 'retry-after': 'Sun, 01 Mar 2026 12:00:30 GMT' }, 30_000],
  [{ 'retry-after': 'Sun, 01 Mar 2026 11:00:00 GMT' }, 0],
  // The provider's clock is an hour behind; the difference between its dates is right all the same.
  [{ 'retry-after': 'Sun, 01 Mar 2026 11:00:30 GMT', date: 'Sun, 01 Mar 2026 11:00:00 GMT' }, 30_000],
  [{ 'retry-after': '999999999' }, DAY],
  [{ 'retry-after': '-1' }, undefined],
  [{ 'retry-after': 'soon' }, undefined],
  [{ 'retry-after': '1e9' }, undefined],
  [{ 'retry-after': '2026' }, 2_026_000],
  [{ 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '6m0s' }, 360_000],
  [{ 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '20ms' }, 20],
  [{ 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '1h2m3.5s' }, 3_723_500],
  [{ 'x-ratelimit-remaining-tokens': '5', 'x-ratelimit-reset-tokens': '20s' }, undefined],
  [{ 'x-ratelimit-remaining-tokens': '0' }, undefined],
  [
    {
      'anthropic-ratelimit-requests-remaining': '0',
      'anthropic-ratelimit-requests-reset': '2026-03-01T12:00:05Z',
      'anthropic-ratelimit-tokens-remaining': '0',
      'anthropic-ratelimit-tokens-reset': '2026-03-01T12:00:40Z',
    },
    40_000,
  ],
])('%j asks for %s ms', (headers, expected) => {
  expect(retryAfter(headers, NOW)).toBe(expected)
})

test('whatever a provider writes, the wait is none or from 0 to a day', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (after, milliseconds, reset) => {
      const headers = {
        'retry-after': after,
        'retry-after-ms': milliseconds,
        'x-ratelimit-remaining-tokens': '0',
        'x-ratelimit-reset-tokens': reset,
      }
      const wait = retryAfter(headers, NOW)
      if (wait === undefined) return
      expect(Number.isInteger(wait)).toBe(true)
      expect(wait).toBeGreaterThanOrEqual(0)
      expect(wait).toBeLessThanOrEqual(DAY)
    }),
  )
})
