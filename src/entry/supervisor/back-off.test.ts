import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BackOff } from './back-off.ts'

const rule = { first: 500, most: 60_000, healthyAfter: 60_000 }

it('doubles up to the cap, and half of each wait is left to chance', () => {
  const longest = new BackOff(rule, () => 1)
  const shortest = new BackOff(rule, () => 0)
  const waits = (backOff: BackOff): number[] => Array.from({ length: 9 }, () => backOff.next(10))
  expect(waits(longest)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
  expect(waits(shortest)).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
})

it('begins anew after a healthy run, and when told to', () => {
  const backOff = new BackOff(rule, () => 1)
  expect([backOff.next(0), backOff.next(0), backOff.next(59_999), backOff.next(60_000)]).toEqual([
    500, 1000, 2000, 500,
  ])
  backOff.reset()
  expect(backOff.next(0)).toBe(500)
})

it('is never longer than the cap nor shorter than half of the first wait, however often something fails', () => {
  const runs = fc.array(fc.nat(120_000), { maxLength: 3_000 })
  fc.assert(
    fc.property(runs, fc.double({ min: 0, max: 1, noNaN: true }), (ran, chance) => {
      const backOff = new BackOff(rule, () => chance)
      const waits = ran.map((ms) => backOff.next(ms))
      expect(waits.filter((wait) => !(wait >= 250 && wait <= 60_000))).toEqual([])
    }),
  )
})
