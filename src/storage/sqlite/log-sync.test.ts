import { expect, it } from 'vitest'
import { LogSync } from './log-sync.ts'

interface Disk {
  readonly syncs: { lane: number; done: (error: Error | null) => void }[]
  readonly failures: Error[]
  readonly answered: string[]
  readonly commit: (name: string) => void
}

function disk(): Disk {
  const syncs: Disk['syncs'] = []
  const failures: Error[] = []
  const answered: string[] = []
  const log = new LogSync(
    (lane, done) => syncs.push({ lane, done }),
    (error) => failures.push(error),
  )
  return { syncs, failures, answered, commit: (name) => log.afterSync(() => answered.push(name)) }
}

it('answers only after a sync that began after the commit', () => {
  const { syncs, answered, commit } = disk()
  commit('a')
  // The sync for a is already running and may have missed it: it has one of its own, in the other lane.
  commit('b')
  // Both lanes are taken: these wait until one is free.
  commit('c')
  commit('d')
  expect(new Set(syncs.map(({ lane }) => lane))).toEqual(new Set([0, 1]))
  syncs[0]?.done(null)
  expect(answered).toEqual(['a'])
  expect(syncs).toHaveLength(3)
  syncs[1]?.done(null)
  expect(answered).toEqual(['a', 'b'])
  syncs[2]?.done(null)
  expect(answered).toEqual(['a', 'b', 'c', 'd'])
  expect(syncs).toHaveLength(3)
})

it('answers those before it too when a later sync ends first, each once and in order', () => {
  const { syncs, answered, commit } = disk()
  commit('a')
  commit('b')
  syncs[1]?.done(null)
  expect(answered).toEqual(['a', 'b'])
  commit('c')
  syncs[0]?.done(null)
  expect(answered).toEqual(['a', 'b'])
  syncs[2]?.done(null)
  expect(answered).toEqual(['a', 'b', 'c'])
})

it('does not start two syncs in one lane', () => {
  const { syncs, commit } = disk()
  const busy = new Set<number>()
  for (let i = 0; i < 20; i++) {
    commit(String(i))
    for (const { lane } of syncs.slice(-1)) busy.add(lane)
    if (i % 3 === 2) syncs.splice(0, 1)[0]?.done(null)
    expect(new Set(syncs.map(({ lane }) => lane)).size).toBe(syncs.length)
  }
  expect(busy.size).toBe(2)
})

it.each([0, 1])('answers nobody any more when the disk has failed once, sync %i first', (first) => {
  const { syncs, failures, answered, commit } = disk()
  commit('a')
  commit('b')
  commit('c')
  syncs[first]?.done(new Error('EIO'))
  // What the other found no fault with may hold what could not be written.
  syncs[1 - first]?.done(null)
  commit('d')
  expect(answered).toEqual([])
  expect(failures).toHaveLength(1)
  expect(syncs).toHaveLength(2)
})
