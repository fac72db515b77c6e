import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MAX_USD, nanoFromUsd, usdFromNano } from './money.ts'

it('counts dollars in whole nano-USD', () => {
  expect(nanoFromUsd(0.1)).toBe(100_000_000)
  expect(nanoFromUsd(0.1 + 0.2)).toBe(300_000_000)
  expect(nanoFromUsd(1e-10)).toBe(1)
  expect(nanoFromUsd(0)).toBe(0)
})

it('never counts less than it was given, and at most one nano more', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: MAX_USD, noNaN: true }), (usd) => {
      const nano = nanoFromUsd(usd)
      expect(Number.isSafeInteger(nano)).toBe(true)
      // What binary fractions cannot hold is not counted as money: 15 significant digits.
      expect(usdFromNano(nano)).toBeGreaterThanOrEqual(usd * (1 - 1e-14))
      expect(usdFromNano(nano)).toBeLessThanOrEqual(usd * (1 + 1e-14) + 1e-9)
    }),
  )
})

it.each([-1, Number.NaN, Infinity, MAX_USD * 2])('refuses %s', (usd) => {
  expect(() => nanoFromUsd(usd)).toThrowError(expect.objectContaining({ code: 'input:invalid_amount' }))
})
