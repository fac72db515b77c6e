import { expect, it } from 'vitest'
import { Checkpoints } from './checkpoints.ts'

/** A log that grows by what is written and shrinks by what is copied. */
function log() {
  const asked: string[] = []
  const copies: ((error: unknown) => void)[] = []
  const state = { left: 0, ended: 0, fails: null as string | null, open: true }
  const connection = {
    get open() {
      return state.open
    },
    pragma(source: string) {
      asked.push(source)
      if (state.fails !== null) throw Object.assign(new Error('failed'), { code: state.fails })
      if (source === 'wal_checkpoint(PASSIVE)') state.left = 0
      return [{ busy: 0, log: 50_000, checkpointed: 50_000 - state.left }]
    },
  }
  const checkpoints = new Checkpoints(connection, () => ({
    copy: (done) => copies.push(done),
    end: () => state.ended++,
  }))
  const commits = (count: number): void => {
    for (let i = 0; i < count; i++) checkpoints.afterWrite()
  }
  const copied = (left: number): void => {
    state.left = left
    copies.at(-1)?.(null)
  }
  return { asked, copies, state, checkpoints, commits, copied }
}

it('has a long log copied beside the writer until little is left, which the writer does itself', () => {
  const { asked, copies, state, checkpoints, commits, copied } = log()
  state.left = 7000
  commits(100)
  expect(copies).toHaveLength(0)
  state.left = 9000
  commits(100)
  expect(copies).toHaveLength(1)
  expect(checkpoints.copying).toBe(true)
  copied(2000)
  expect(copies).toHaveLength(2)
  expect(asked).not.toContain('wal_checkpoint(PASSIVE)')
  copied(100)
  expect(copies).toHaveLength(2)
  expect(checkpoints.copying).toBe(false)
  expect(asked).toContain('wal_checkpoint(PASSIVE)')
  expect(state.left).toBe(0)
})

it('does not turn in circles when copying gets nowhere, and tries again later', () => {
  const { copies, state, commits, copied } = log()
  state.left = 9000
  commits(16)
  copied(9500)
  expect(copies).toHaveLength(1)
  commits(16)
  expect(copies).toHaveLength(2)
})

it('copies all of it in a quiet moment, and ends the other thread', () => {
  const { asked, state, checkpoints, commits, copied } = log()
  checkpoints.quiet()
  expect(asked).toEqual(['wal_checkpoint(PASSIVE)'])
  state.left = 9000
  commits(16)
  checkpoints.quiet()
  expect(state.ended).toBe(0)
  copied(0)
  checkpoints.quiet()
  expect(state.ended).toBe(1)
})

it('does not end the writer when the disk is full, and leaves a closed connection alone', () => {
  const { asked, copies, state, checkpoints, commits } = log()
  state.fails = 'SQLITE_FULL'
  state.left = 9000
  checkpoints.quiet()
  commits(16)
  expect(copies).toHaveLength(0)
  const before = asked.length
  state.open = false
  checkpoints.quiet()
  commits(16)
  expect(asked).toHaveLength(before)
})

it('stops to copy a log that has become too long, while the other thread copies or gets nowhere', () => {
  const { asked, copies, state, commits } = log()
  state.left = 9000
  commits(16)
  state.left = 23_999
  commits(16)
  expect([copies.length, asked.includes('wal_checkpoint(PASSIVE)')]).toEqual([1, false])
  state.left = 24_000
  commits(16)
  expect([copies.length, state.left]).toEqual([1, 0])
})

it('ends the writer when the disk did not take the database, whichever thread copied', () => {
  const { copies, state, checkpoints, commits } = log()
  const lost = Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_FSYNC' })
  state.left = 9000
  commits(16)
  expect(() => copies[0]?.(lost)).toThrow('disk I/O error')
  state.fails = 'SQLITE_IOERR_FSYNC'
  expect(() => checkpoints.quiet()).toThrow('failed')
  expect(() => commits(16)).toThrow('failed')
})
