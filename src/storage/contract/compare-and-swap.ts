import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store, Transition } from '../store.ts'
import { sampleAction, insertOf, record, agentRow, type StoreUnderTest } from './samples.ts'

export function compareAndSwapContract(open: () => Promise<StoreUnderTest>): void {
  describe('compare and swap', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    test('an action is inserted once', async () => {
      const action = sampleAction('a-1')
      expect(await store.commit(insertOf(action))).toMatchObject({ status: 'committed' })
      expect(await store.commit(insertOf(action))).toEqual({ status: 'conflict', on: 'action' })
      expect(await store.action('a-1')).toEqual(action)
    })

    test('an update needs the version that it replaces, and a conflict leaves nothing behind', async () => {
      await store.commit(insertOf(sampleAction('a-1')))
      const before = await store.chains()
      const stale = sampleAction('a-1', { version: 9, state: { name: 'denied' } })
      const result = await store.commit({
        action: { value: stale, replaces: 8 },
        records: [record('outcome', 'a-1', 'outcome')],
      })
      expect(result).toEqual({ status: 'conflict', on: 'action' })
      expect(await store.chains()).toEqual(before)
      expect(await store.payloads('a-1')).toHaveLength(1)
      const next = sampleAction('a-1', { version: 2, state: { name: 'failed', at: 5 }, dueAt: null })
      expect(await store.commit({ action: { value: next, replaces: 1 }, records: [] })).toMatchObject({
        status: 'committed',
      })
      expect(await store.action('a-1')).toEqual(next)
    })

    test('two transitions of one action at once: exactly one wins', async () => {
      await store.commit(insertOf(sampleAction('a-1')))
      const rivals = Array.from({ length: 20 }, (_, n) =>
        store.commit({
          action: { value: sampleAction('a-1', { version: 2, cost: n }), replaces: 1 },
          records: [record('start', 'a-1')],
        }),
      )
      const results = await Promise.all(rivals)
      expect(results.filter(({ status }) => status === 'committed')).toHaveLength(1)
      expect(await store.recordsOf('a-1')).toHaveLength(2)
    })

    test('steps of one action sent together apply in order', async () => {
      const steps = [1, 2, 3, 4].map((version) =>
        store.commit({
          action: { value: sampleAction('a-1', { version }), replaces: version === 1 ? null : version - 1 },
          records: [record('vote', 'a-1', `vote:${version}`)],
        }),
      )
      expect((await Promise.all(steps)).map(({ status }) => status)).toEqual(Array(4).fill('committed'))
      expect((await store.action('a-1'))?.version).toBe(4)
    })

    test('an idempotency key is used once, also within one group', async () => {
      const idempotency = { key: 'k-1', proposal: 'p' }
      const results = await Promise.all(
        ['a-1', 'a-2'].map((id) => store.commit(insertOf(sampleAction(id, { idempotency })))),
      )
      expect(results[0]).toMatchObject({ status: 'committed' })
      expect(results[1]).toEqual({ status: 'conflict', on: 'idempotency' })
      expect((await store.actionByIdempotency('k-1'))?.id).toBe('a-1')
      const later = await store.commit(insertOf(sampleAction('a-3', { idempotency })))
      expect(later).toEqual({ status: 'conflict', on: 'idempotency' })
      expect(await store.payloads('a-3')).toEqual([])
    })

    test('agents: versions are compared, and an absent agent has version 0', async () => {
      const guarded = (id: string, version: number): Transition => ({
        ...insertOf(sampleAction(id)),
        agentUnchanged: { name: 'clerk', version },
      })
      expect(await store.commit(guarded('a-1', 0))).toMatchObject({ status: 'committed' })
      const paused = agentRow(1, 'paused')
      expect(await store.commit({ agent: { value: paused, replaces: null }, records: [] })).toMatchObject({
        status: 'committed',
      })
      expect(await store.commit(guarded('a-2', 0))).toEqual({ status: 'conflict', on: 'agent' })
      expect(await store.action('a-2')).toBeUndefined()
      expect(await store.commit(guarded('a-2', 1))).toMatchObject({ status: 'committed' })
      expect(await store.commit({ agent: { value: paused, replaces: null }, records: [] })).toEqual({
        status: 'conflict',
        on: 'agent',
      })
      const active = agentRow(2, 'active')
      expect(await store.commit({ agent: { value: active, replaces: 1 }, records: [] })).toMatchObject({
        status: 'committed',
      })
      expect(await store.agent('clerk')).toEqual(active)
      expect(await store.agents()).toEqual([active])
    })

    test('a pause sent before a start stops it', async () => {
      const pause = store.commit({ agent: { value: agentRow(1, 'paused'), replaces: null }, records: [] })
      const start = store.commit({
        ...insertOf(sampleAction('a-1')),
        agentUnchanged: { name: 'clerk', version: 0 },
      })
      expect(await pause).toMatchObject({ status: 'committed' })
      expect(await start).toEqual({ status: 'conflict', on: 'agent' })
    })

    test('keys', async () => {
      const key = { id: 'key-1', hash: 'h'.repeat(64), agent: 'clerk', createdAt: 7, revokedAt: null }
      const revoked = { ...key, revokedAt: 9 }
      const put = (value: typeof key | typeof revoked, replaces: 'absent' | 'present') =>
        store.commit({ key: { value, replaces }, records: [record('key', null)] })
      expect(await put(revoked, 'present')).toEqual({ status: 'conflict', on: 'key' })
      expect(await put(key, 'absent')).toMatchObject({ status: 'committed' })
      expect(await put(key, 'absent')).toEqual({ status: 'conflict', on: 'key' })
      expect(await store.keyByHash(key.hash)).toEqual(key)
      expect(await put(revoked, 'present')).toMatchObject({ status: 'committed' })
      expect(await store.keys()).toEqual([revoked])
    })
  })
}
