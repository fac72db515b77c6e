import { expect, test } from 'vitest'
import { newActionId } from '../../action/action-id.ts'
import { isSampled } from './sample.ts'

const ids = Array.from({ length: 20_000 }, (_, n) => newActionId(1_700_000_000_000 + n))

test('says the same of the same action each time, and otherwise of another rubric', () => {
  const one = ids.map((id) => isSampled(id, 'voice', 0.1))
  expect(ids.map((id) => isSampled(id, 'voice', 0.1))).toEqual(one)
  expect(ids.map((id) => isSampled(id, 'risk', 0.1))).not.toEqual(one)
})

test('takes its share; a larger one only adds', () => {
  expect(ids.filter((id) => isSampled(id, 'voice', 0))).toEqual([])
  expect(ids.filter((id) => isSampled(id, 'voice', 1))).toHaveLength(ids.length)
  const tenth = ids.filter((id) => isSampled(id, 'voice', 0.1))
  // Six standard deviations of a binomial: 20,000 · 0.1 ± 6 · √(20,000 · 0.1 · 0.9).
  expect(Math.abs(tenth.length - 2_000)).toBeLessThan(255)
  expect(tenth.every((id) => isSampled(id, 'voice', 0.3))).toBe(true)
})
