import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BurnRates } from './burn-rates.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const START = Date.parse('2030-01-15T00:00:00Z')

/** One action a minute, of which every `nth` fails, for so many minutes; answers the time then. */
function run(rates: BurnRates, minutes: number, nth: number, from = START, each = 1): number {
  for (let minute = 0; minute < minutes; minute++)
    for (let n = 0; n < each; n++)
      rates.ended('a', nth > 0 && (minute * each + n) % nth === 0, 10, from + minute * MINUTE)
  return from + minutes * MINUTE
}

describe('errors', () => {
  test('a fifth of an hour pages; when it stops it is over within minutes', () => {
    const rates = new BurnRates()
    const now = run(rates, 60, 5)
    expect(rates.errors('a', 0.01, now)).toMatchObject({ rule: { name: 'fast', page: true } })
    const later = run(rates, 12, 0, now, 5)
    expect(rates.errors('a', 0.01, later)?.rule.name).not.toBe('fast')
  })

  test('one in ten pages after hours, one in fifty is a ticket, one in two hundred is fine', () => {
    const named = (minutes: number, nth: number): string | undefined => {
      const rates = new BurnRates()
      return rates.errors('a', 0.01, run(rates, minutes, nth))?.rule.name
    }
    expect([named(6 * 60, 10), named(72 * 60, 50), named(72 * 60, 200)]).toEqual([
      'slow',
      'steady',
      undefined,
    ])
  })

  test('few actions say nothing', () => {
    const rates = new BurnRates()
    expect(rates.errors('a', 0.01, run(rates, 5, 1))).toBeNull()
    expect(rates.errors('b', 0.01, START)).toBeNull()
  })

  test('more failures never burn less, and a clock that steps back or leaps does no harm', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ failed: fc.boolean(), step: fc.integer({ min: -3 * HOUR, max: 100 * HOUR }) }), {
          minLength: 1,
          maxLength: 200,
        }),
        (steps) => {
          const few = new BurnRates()
          const more = new BurnRates()
          let at = START
          for (const { failed, step } of steps) {
            at += step
            few.ended('a', failed, 1, at)
            more.ended('a', true, 1, at)
          }
          const [a, b] = [few.errors('a', 0.01, at), more.errors('a', 0.01, at)]
          expect(b?.rate ?? 0).toBeGreaterThanOrEqual(a?.rate ?? 0)
          for (const found of [a, b]) if (found !== null) expect(found.bad).toBeLessThanOrEqual(found.total)
        },
      ),
    )
  })
})

describe('spend', () => {
  test('a day’s budget in two hours pages; evenly over the day it never does', () => {
    const rates = new BurnRates()
    // 600 an hour, of 1,000 a day: 14.4 times as fast.
    const now = run(rates, 90, 0)
    expect(rates.spend('a', 900, 24 * HOUR, now)).toMatchObject({ rule: { name: 'fast' }, bad: 600 })
    expect(rates.spend('a', 24 * 600, 24 * HOUR, now)).toBeNull()
  })

  test('a burst of a minute that is long over pages nobody', () => {
    const rates = new BurnRates()
    for (let n = 0; n < 1_000; n++) rates.ended('a', false, 1, START)
    expect(rates.spend('a', 1_000, 24 * HOUR, START + MINUTE)?.rule.name).toBe('fast')
    expect(rates.spend('a', 1_000, 24 * HOUR, START + 50 * MINUTE)).toBeNull()
  })
})

describe('hours that the store tells', () => {
  const NOW = START + 10 * HOUR
  const hour = (ago: number, total: number, failed: number, cost = 0) => ({
    hour: NOW - ago * HOUR,
    total,
    failed,
    cost,
  })
  /** An action every minute of which one in five fails, seen here until now. */
  const seenFor = (rates: BurnRates, minutes: number): void =>
    void run(rates, minutes, 5, NOW - minutes * MINUTE)

  test('a start forgets nothing: what burns slowly is found as soon as it goes on', () => {
    const rates = new BurnRates()
    seenFor(rates, 10)
    // Ten minutes here: a fast burn by themselves. With the hours before, which were fine, it is none.
    expect(rates.errors('a', 0.01, NOW)?.rule.name).toBe('fast')
    rates.fill('a', [hour(1, 6_000, 0), hour(2, 6_000, 0)], NOW)
    expect(rates.errors('a', 0.01, NOW)).toBeNull()

    const burning = new BurnRates()
    seenFor(burning, 40)
    burning.fill(
      'a',
      [1, 2, 3, 4, 5, 6].map((ago) => hour(ago, 60, 6)),
      NOW,
    )
    expect(burning.errors('a', 0.015, NOW)).toMatchObject({ rule: { name: 'slow' } })
  })

  test('other replicas count; what was seen here is not counted twice, however often it is told', () => {
    const rates = new BurnRates()
    const now = run(rates, 180, 0, NOW - 180 * MINUTE)
    const told = [1, 2, 3].map((ago) => hour(ago, 120, 30, 2e9))
    for (let again = 0; again < 5; again++) rates.fill('a', told, now)
    const burn = rates.errors('a', 0.03, run(rates, 35, 2, now))
    expect(burn?.rule.name).toBe('slow')
    expect(burn!.total).toBeGreaterThan(300)
    expect(burn!.total).toBeLessThanOrEqual(360 + 35)
  })

  test('never make a page by themselves: the last half an hour is what was seen here', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -5, max: 80 }), fc.nat(1_000), fc.nat(1_000)), { maxLength: 90 }),
        fc.integer({ min: 0, max: HOUR - 1 }),
        (hours, into) => {
          const rates = new BurnRates()
          const told = hours.map(([ago, fine, failed]) => hour(ago, fine + failed, failed, failed * 1e12))
          rates.fill('a', told, NOW + into)
          const errors = rates.errors('a', 0.01, NOW + into)
          expect(errors === null || !errors.rule.page).toBe(true)
          expect(rates.spend('a', 1, 24 * HOUR, NOW + into)).toBeNull()
        },
      ),
    )
  })
})
