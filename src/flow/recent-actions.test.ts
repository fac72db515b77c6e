import { expect, it } from 'vitest'
import { sampleAction } from '../storage/contract.ts'
import { RecentActions } from './recent-actions.ts'

it('keeps the last ones, forgets the rest, and never answers what was replaced or deleted', () => {
  const recent = new RecentActions()
  const set = (id: string, version = 1): void =>
    recent.set(id, { action: sampleAction(id, { version }), input: {} })
  for (let n = 0; n < 50_000; n++) {
    set(`a-${n}`)
    if (n >= 9_999) expect(recent.get(`a-${n - 9_999}`)).toBeDefined()
  }
  expect(recent.get('a-29999')).toBeUndefined()
  set('a-45000', 2)
  expect(recent.get('a-45000')?.action.version).toBe(2)
  recent.delete('a-45000')
  expect(recent.get('a-45000')).toBeUndefined()
})
