import { expect, test } from 'vitest'
import { parseDuration } from './duration.ts'

test.each([
  ['500ms', 500],
  ['60s', 60_000],
  ['10m', 600_000],
  ['24h', 86_400_000],
  ['7d', 604_800_000],
  ['2w', 1_209_600_000],
  ['0s', 0],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each([
  '',
  '10',
  'm',
  '1.5h',
  '-1h',
  '10 m',
  '1h30m',
  '10M',
  '9999999999s',
  '999999999d',
  10,
  null,
  undefined,
  ['1h'],
])('%j is no duration', (value) => {
  expect(parseDuration(value)).toBeUndefined()
})
