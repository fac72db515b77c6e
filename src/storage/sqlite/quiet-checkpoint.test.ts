import { expect, it } from 'vitest'
import { quietCheckpoint } from './quiet-checkpoint.ts'

it('does not end the writer when the disk is full, and leaves a closed connection alone', () => {
  const asked: string[] = []
  const full = {
    open: true,
    pragma(source: string) {
      asked.push(source)
      throw new Error('database or disk is full')
    },
  }
  expect(quietCheckpoint(full)).toBe(false)
  expect(asked).toEqual(['wal_checkpoint(PASSIVE)'])
  expect(quietCheckpoint({ ...full, open: false })).toBe(false)
  expect(asked).toHaveLength(1)
  expect(quietCheckpoint({ open: true, pragma: () => [] })).toBe(true)
})
