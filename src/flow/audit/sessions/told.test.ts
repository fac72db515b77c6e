import { expect, test } from 'vitest'
import { nameIn } from './told.ts'

test('a name is text that every store takes, and bounded', () => {
  const from = { nul: 'a\u0000b', half: '\ud800x', long: 'x'.repeat(300), version: 3, none: '', list: ['a'] }
  expect(nameIn(from, 'nul')).toBe('a\ufffdb')
  expect(nameIn(from, 'half')).toBe('\ufffdx')
  expect(nameIn(from, 'long')).toHaveLength(200)
  expect(nameIn(from, 'version')).toBe('3')
  for (const key of ['none', 'list', 'absent']) expect(nameIn(from, key)).toBeNull()
})
