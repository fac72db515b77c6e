import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { forecastSpend, type HourCost } from './spend-forecast.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** A Monday, 10:20 UTC. */
const NOW = Date.parse('2026-11-23T10:20:00Z')
const THIS_HOUR = Math.floor(NOW / HOUR) * HOUR
const END = Date.parse('2026-11-24T00:00:00Z')

/** Numbers between 0 and 1 that a seed fixes (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

function poisson(mean: number, random: () => number): number {
  let [count, product] = [-1, 1]
  const end = Math.exp(-mean)
  do {
    count++
    product *= random()
  } while (product > end)
  return count
}

type Shape = (hour: number, random: () => number) => number

const isOffice = (hour: number): boolean => {
  const at = new Date(hour)
  return at.getUTCDay() % 6 !== 0 && at.getUTCHours() >= 8 && at.getUTCHours() < 18
}
const cents = (count: number, random: () => number): number => {
  let sum = 0
  for (let n = 0; n < count; n++) sum += -Math.log(1 - random()) * 1e7
  return sum
}

const SHAPES: readonly (readonly [string, number, Shape])[] = [
  ['steady calls for three days', 72, (_, random) => cents(poisson(20, random), random)],
  ['steady calls for a month', 672, (_, random) => cents(poisson(20, random), random)],
  ['office hours', 672, (hour, random) => cents(poisson(isOffice(hour) ? 30 : 2, random), random)],
  ['bursts', 672, (_, random) => cents(poisson(random() < 0.1 ? 100 : 8, random), random)],
]

describe('the band holds nine of ten ends', () => {
  const runs = 400
  test.each(SHAPES)('%s', (_, history, shape) => {
    let inside = 0
    for (let run = 0; run < runs; run++) {
      const random = randomOf(7 + run)
      const hours: HourCost[] = []
      for (let hour = THIS_HOUR - history * HOUR; hour < THIS_HOUR; hour += HOUR)
        hours.push({ hour, cost: shape(hour, random) })
      const found = forecastSpend({ hours, now: NOW, endsAt: END, spent: 0, limit: 1e12 })!
      let end = shape(THIS_HOUR, random) * (2 / 3)
      for (let hour = THIS_HOUR + HOUR; hour < END; hour += HOUR) end += shape(hour, random)
      if (found.low <= end && end <= found.high) inside++
    }
    // Three standard errors of a share of 400.
    expect(inside / runs).toBeGreaterThan(0.9 - 0.045)
    expect(inside / runs).toBeLessThan(0.985)
  })
})

test('more spend, now or in the hours before, never makes the forecast smaller', () => {
  const hours = fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 1, maxLength: 700 })
  fc.assert(
    fc.property(
      hours,
      fc.nat(1e9),
      fc.nat(1e9),
      fc.integer({ min: 1, max: 9 }),
      (costs, spent, more, factor) => {
        const asked = (scale: number, already: number) =>
          forecastSpend({
            hours: costs.map((cost, n) => ({
              hour: THIS_HOUR - (costs.length - n) * HOUR,
              cost: (cost + 1) * scale,
            })),
            now: NOW,
            endsAt: END,
            spent: already,
            limit: 5e9,
          })!
        const [one, ahead, larger] = [asked(1, spent), asked(1, spent + more), asked(factor, spent)]
        for (const each of ['expected', 'low', 'high'] as const) {
          expect(ahead[each]).toBeGreaterThanOrEqual(one[each])
          expect(larger[each]).toBeGreaterThanOrEqual(one[each])
        }
        expect(one.low).toBeGreaterThanOrEqual(spent)
        expect(one.low).toBeLessThanOrEqual(one.high)
        expect(ahead.exhaustedAt ?? Infinity).toBeLessThanOrEqual(one.exhaustedAt ?? Infinity)
      },
    ),
    { numRuns: 200 },
  )
})

test('a limit is told with the moment at which it is reached', () => {
  const hours = Array.from({ length: 48 }, (_, n) => ({ hour: THIS_HOUR - (n + 1) * HOUR, cost: 6e9 }))
  const asked = { hours, now: NOW, endsAt: END, spent: 4e9 }
  const found = forecastSpend({ ...asked, limit: 10e9 })!
  expect(found).toMatchObject({ method: 'recent_rate', exhaustedAt: NOW + HOUR })
  expect(found.expected).toBe(Math.round(4e9 + (6e9 * (END - NOW)) / HOUR))
  expect(forecastSpend({ ...asked, limit: 1e12 })?.exhaustedAt).toBeNull()
  expect(forecastSpend({ ...asked, limit: 4e9 })?.exhaustedAt).toBe(NOW)
})

test('what belongs to the hour of the week is expected of it', () => {
  const hours: HourCost[] = []
  for (let hour = THIS_HOUR - 28 * DAY; hour < THIS_HOUR; hour += HOUR)
    hours.push({ hour, cost: isOffice(hour) ? 1e9 : 0 })
  const found = forecastSpend({ hours, now: NOW, endsAt: END, spent: 0, limit: 1e12 })!
  // 10:20 to 18:00.
  expect(found.expected / 1e9).toBeCloseTo(7 + 2 / 3, 6)
  expect(found.method).toBe('hour_of_week')
})

test('nothing is said without a whole hour of history, or of a window that is over', () => {
  const asked = { now: NOW, endsAt: END, spent: 1, limit: 2 }
  expect(forecastSpend({ ...asked, hours: [] })).toBeNull()
  expect(forecastSpend({ ...asked, hours: [{ hour: THIS_HOUR, cost: 5 }] })).toBeNull()
  const before = [{ hour: THIS_HOUR - HOUR, cost: 5 }]
  expect(forecastSpend({ ...asked, hours: before })).not.toBeNull()
  expect(forecastSpend({ ...asked, hours: before, endsAt: NOW })).toBeNull()
})
