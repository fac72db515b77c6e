import { expect, it } from 'vitest'
import { bytes, daysOf, hostOf, measured } from './measures.ts'
import type { NormalLine } from './queries.ts'

it.each([
  [0, '0 B'],
  [1_023, '1023 B'],
  [1_536, '1.5 KiB'],
  [512 * 1_024 ** 2, '512 MiB'],
  [3 * 1_024 ** 5, '3072 TiB'],
])('%d bytes', (value, text) => expect(bytes(value)).toBe(text))

it.each([
  ['usd', 0.0042, '$0.0042'],
  ['ms', 2_400, '2.4 s'],
  ['share', 0.05, '5%'],
  ['per_hour', 3.14, '3.1'],
  ['per_hour', 49.6, '50'],
  ['values', 3, '3'],
] as const)('%s %d', (unit, value, text) => expect(measured({ unit } as NormalLine, value)).toBe(text))

it('tells a week by its days, and nothing of one that is not known', () => {
  const week = Array.from({ length: 168 }, (_, hour) => (hour === 24 + 9 ? 7 : 1))
  expect(daysOf(week)[1]).toMatchObject({ day: 'Tuesday', sum: 30, busiest: 9 })
  expect(daysOf([])).toEqual([])
})

it.each([
  [{ host: 'api.example.com' }, 'api.example.com'],
  [{ url: 'https://example.com:8443/a?b' }, 'example.com:8443'],
  [{ url: 'mailto:a@example.com' }, null],
  [{ url: 7, host: '' }, null],
  [null, null],
])('the host of %o', (input, host) => expect(hostOf(input)).toBe(host))
