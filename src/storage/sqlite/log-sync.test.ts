import { expect, it } from 'vitest'
import { LogSync } from './log-sync.ts'

function disk(): { syncs: ((error: Error | null) => void)[]; failures: Error[]; log: LogSync } {
  const syncs: ((error: Error | null) => void)[] = []
  const failures: Error[] = []
  return {
    syncs,
    failures,
    log: new LogSync(
      (done) => syncs.push(done),
      (error) => failures.push(error),
    ),
  }
}

it('answers only after a sync that began after the commit', () => {
  const { syncs, log } = disk()
  const answered: string[] = []
  log.afterSync(() => answered.push('a'))
  // b and c are written while the sync for a is already running: it may have missed them.
  log.afterSync(() => answered.push('b'))
  log.afterSync(() => answered.push('c'))
  expect(syncs).toHaveLength(1)
  syncs[0]?.(null)
  expect(answered).toEqual(['a'])
  expect(syncs).toHaveLength(2)
  syncs[1]?.(null)
  expect(answered).toEqual(['a', 'b', 'c'])
  expect(syncs).toHaveLength(2)
})

it('answers nobody any more when the disk has failed once', () => {
  const { syncs, failures, log } = disk()
  const answered: string[] = []
  log.afterSync(() => answered.push('a'))
  log.afterSync(() => answered.push('b'))
  syncs[0]?.(new Error('EIO'))
  log.afterSync(() => answered.push('c'))
  expect(answered).toEqual([])
  expect(failures).toHaveLength(1)
  expect(syncs).toHaveLength(1)
})
