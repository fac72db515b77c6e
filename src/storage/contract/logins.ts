import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CommitResult, LoginRow, Store } from '../store.ts'
import { insertOf, record, sampleAction, loginRow, type StoreUnderTest } from './samples.ts'

export function loginsContract(open: () => Promise<StoreUnderTest>): void {
  describe('logins', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    const put = (value: LoginRow, replaces: number | null): Promise<CommitResult> =>
      store.commit({ login: { value, replaces }, records: [record('login', null)] })

    test('are kept as they were given, and found by id and by hash', async () => {
      const link = loginRow('s-1')
      expect(await put(link, null)).toMatchObject({ status: 'committed', records: [{}] })
      expect(await store.login('s-1')).toEqual(link)
      expect(await store.loginByHash(link.hash)).toEqual(link)
      expect(await store.loginByHash('nobody')).toBeUndefined()
      const used: LoginRow = {
        ...link,
        version: 2,
        kind: 'login',
        hash: 'f'.repeat(64),
        claims: ['Grüße', '"'],
        seenAt: 60,
        expiresAt: 500,
      }
      expect(await put(used, 1)).toMatchObject({ status: 'committed' })
      expect(await store.login('s-1')).toEqual(used)
      expect(await store.loginByHash(link.hash)).toBeUndefined()
      store = await under.reopen()
      expect(await store.loginByHash(used.hash)).toEqual(used)
    })

    test('a version is replaced once, and a conflict leaves nothing behind', async () => {
      await put(loginRow('s-1'), null)
      const before = await store.chains()
      expect(await put(loginRow('s-1'), null)).toEqual({ status: 'conflict', on: 'login' })
      expect(await put(loginRow('s-1', { version: 3 }), 2)).toEqual({ status: 'conflict', on: 'login' })
      expect(await put(loginRow('s-2', { version: 2 }), 1)).toEqual({ status: 'conflict', on: 'login' })
      expect(await store.chains()).toEqual(before)
      const rivals = Array.from({ length: 20 }, (_, n) =>
        put(loginRow('s-1', { version: 2, kind: 'login', hash: `rival-${n}` }), 1),
      )
      const won = (await Promise.all(rivals)).map(({ status }) => status)
      expect(won.filter((status) => status === 'committed')).toHaveLength(1)
      expect((await store.login('s-1'))?.hash).toBe(`rival-${won.indexOf('committed')}`)
    })

    test('are written together with others of the same moment', async () => {
      const [first, action, second] = await Promise.all([
        put(loginRow('s-1'), null),
        store.commit(insertOf(sampleAction('a-1'))),
        put(loginRow('s-2'), null),
      ])
      for (const result of [first, action, second]) expect(result).toMatchObject({ status: 'committed' })
      expect((await store.logins(0)).map(({ id }) => id)).toEqual(['s-1', 's-2'])
    })

    test('the list leaves out what ended or expired', async () => {
      await put(loginRow('s-1', { expiresAt: 100 }), null)
      await put(loginRow('s-2', { expiresAt: 200 }), null)
      await put(loginRow('s-3', { expiresAt: 300, endedAt: 50 }), null)
      expect((await store.logins(99)).map(({ id }) => id)).toEqual(['s-1', 's-2'])
      expect((await store.logins(100)).map(({ id }) => id)).toEqual(['s-2'])
    })

    test('what ended or expired before a time is forgotten, and nothing else', async () => {
      await put(loginRow('s-1', { expiresAt: 100 }), null)
      await put(loginRow('s-2', { expiresAt: 101 }), null)
      await put(loginRow('s-3', { expiresAt: 300, endedAt: 99 }), null)
      await put(loginRow('s-4', { expiresAt: 300, endedAt: 100 }), null)
      await put(loginRow('s-5', { expiresAt: 300 }), null)
      await put(loginRow('s-6', { expiresAt: 99 }), null)
      await store.dropLogins(100)
      const left = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => store.login(`s-${n}`)))
      expect(left.map((row) => row?.id)).toEqual(['s-1', 's-2', undefined, 's-4', 's-5', undefined])
      expect(await put(loginRow('s-6', { version: 2 }), 1)).toEqual({ status: 'conflict', on: 'login' })
    })
  })
}
