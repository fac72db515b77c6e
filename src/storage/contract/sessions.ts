import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CommitResult, SessionRow, Store } from '../store.ts'
import { insertOf, record, sampleAction, sessionRow, type StoreUnderTest } from './samples.ts'

export function sessionsContract(open: () => Promise<StoreUnderTest>): void {
  describe('sessions', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    const put = (value: SessionRow, replaces: number | null): Promise<CommitResult> =>
      store.commit({ session: { value, replaces }, records: [record('session', null)] })

    test('are kept as they were given, and found by id and by hash', async () => {
      const link = sessionRow('s-1')
      expect(await put(link, null)).toMatchObject({ status: 'committed', records: [{}] })
      expect(await store.session('s-1')).toEqual(link)
      expect(await store.sessionByHash(link.hash)).toEqual(link)
      expect(await store.sessionByHash('nobody')).toBeUndefined()
      const used: SessionRow = {
        ...link,
        version: 2,
        kind: 'session',
        hash: 'f'.repeat(64),
        claims: ['Grüße', '"'],
        seenAt: 60,
        expiresAt: 500,
      }
      expect(await put(used, 1)).toMatchObject({ status: 'committed' })
      expect(await store.session('s-1')).toEqual(used)
      expect(await store.sessionByHash(link.hash)).toBeUndefined()
      store = await under.reopen()
      expect(await store.sessionByHash(used.hash)).toEqual(used)
    })

    test('a version is replaced once, and a conflict leaves nothing behind', async () => {
      await put(sessionRow('s-1'), null)
      const before = await store.chains()
      expect(await put(sessionRow('s-1'), null)).toEqual({ status: 'conflict', on: 'session' })
      expect(await put(sessionRow('s-1', { version: 3 }), 2)).toEqual({ status: 'conflict', on: 'session' })
      expect(await put(sessionRow('s-2', { version: 2 }), 1)).toEqual({ status: 'conflict', on: 'session' })
      expect(await store.chains()).toEqual(before)
      const rivals = Array.from({ length: 20 }, (_, n) =>
        put(sessionRow('s-1', { version: 2, kind: 'session', hash: `rival-${n}` }), 1),
      )
      const won = (await Promise.all(rivals)).map(({ status }) => status)
      expect(won.filter((status) => status === 'committed')).toHaveLength(1)
      expect((await store.session('s-1'))?.hash).toBe(`rival-${won.indexOf('committed')}`)
    })

    test('are written together with others of the same moment', async () => {
      const [first, action, second] = await Promise.all([
        put(sessionRow('s-1'), null),
        store.commit(insertOf(sampleAction('a-1'))),
        put(sessionRow('s-2'), null),
      ])
      for (const result of [first, action, second]) expect(result).toMatchObject({ status: 'committed' })
      expect((await store.sessions(0)).map(({ id }) => id)).toEqual(['s-1', 's-2'])
    })

    test('the list leaves out what ended or expired', async () => {
      await put(sessionRow('s-1', { expiresAt: 100 }), null)
      await put(sessionRow('s-2', { expiresAt: 200 }), null)
      await put(sessionRow('s-3', { expiresAt: 300, endedAt: 50 }), null)
      expect((await store.sessions(99)).map(({ id }) => id)).toEqual(['s-1', 's-2'])
      expect((await store.sessions(100)).map(({ id }) => id)).toEqual(['s-2'])
    })
  })
}
