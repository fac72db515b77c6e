import { expect, it } from 'vitest'
import { ago, count, duration, money, percent } from './format.ts'

it.each([
  [0, '$0.00'],
  [0.0042, '$0.0042'],
  [0.00000001, '< $0.000001'],
  [0.5, '$0.50'],
  [1204.5, '$1,204.50'],
])('money %d', (usd, text) => expect(money(usd)).toBe(text))

it.each([
  [0, '0'],
  [9_999, '9,999'],
  [12_345, '12.3K'],
])('count %d', (value, text) => expect(count(value)).toBe(text))

it.each([
  [0, '0%'],
  [0.0001, '0.1%'],
  [0.5, '50%'],
  [0.9999, '99.9%'],
  [1, '100%'],
  [1.2, '120%'],
])('percent %d is never rounded to all or nothing', (share, text) => expect(percent(share)).toBe(text))

it.each([
  [0.24, '0.2 ms'],
  [84.4, '84 ms'],
  [2_400, '2.4 s'],
  [59_000, '59 s'],
  [200_000, '3 min 20 s'],
  [7_500_000, '2 h 5 min'],
  [259_200_000, '3 d'],
])('duration of %d ms', (ms, text) => expect(duration(ms)).toBe(text))

it.each([
  [-1_000, 'just now'],
  [1_000, 'in a moment'],
  [-12_000, '12 s ago'],
  [190_000, 'in 3 min'],
  [-90_000_000, '1 d ago'],
])('%d ms from now', (distance, text) => expect(ago(1e12 + distance, 1e12)).toBe(text))
