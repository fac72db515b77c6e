import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../store.ts'
import {
  sampleAction,
  executing,
  insertOf,
  accountOf,
  charge,
  takeAll,
  type StoreUnderTest,
} from './samples.ts'

export function budgetsContract(open: () => Promise<StoreUnderTest>): void {
  describe('budgets', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    test('a share is taken, charged, settled, reported and given back', async () => {
      const account = accountOf(100)
      expect(await store.lease(account, 10)).toBeGreaterThanOrEqual(10)
      await store.commit(charge(account, 10, 0))
      await store.commit(charge(account, -10, 7))
      const [report] = await store.budgets({ agent: 'clerk', at: 50 })
      expect(report).toEqual({ ...account, reserved: 0, spent: 7 })
      expect(await store.budgets({ agent: 'other', at: 50 })).toEqual([])
      expect(await store.budgets({ at: account.endsAt })).toEqual([])
      await takeAll(store, account)
      expect(await store.lease(account, 1)).toBe(0)
      await store.giveBack(account.key, 93)
      expect(await takeAll(store, account)).toBe(93)
      await expect(store.giveBack(account.key, 94)).rejects.toMatchObject({ code: 'store:unavailable' })
    })

    test('accounts are found by key and by their end, without those that never end', async () => {
      const day = accountOf(100)
      const session = { ...day, key: 'agent:clerk/usd/session/s', window: 'session', endsAt: 9e12 } as const
      for (const account of [day, session]) await store.lease(account, 1)
      const found = async (filter: object): Promise<string[]> =>
        (await store.budgets({ at: 50, ...filter })).map(({ key }) => key)
      expect(await found({})).toEqual([day.key, session.key])
      expect(await found({ endsBy: day.endsAt })).toEqual([day.key])
      expect(await found({ endsBy: day.endsAt - 1 })).toEqual([])
      expect(await found({ keys: [session.key, 'nowhere'] })).toEqual([session.key])
      expect(await found({ keys: [] })).toEqual([])
    })

    test('a conflicting transition is not charged', async () => {
      const account = accountOf(100)
      await store.lease(account, 10)
      await store.commit(insertOf(sampleAction('a-1')))
      await store.commit({
        ...insertOf(sampleAction('a-1')),
        charges: [{ account: account.key, reserved: 10, spent: 0 }],
      })
      expect((await store.budgets({ at: 50 }))[0]).toMatchObject({ reserved: 0, spent: 0 })
    })

    test('a reservation that no share covers is refused', async () => {
      const account = accountOf(100)
      await takeAll(store, account)
      await store.commit(charge(account, 100, 0))
      await expect(store.commit(charge(account, 1, 0))).rejects.toMatchObject({ code: 'store:unavailable' })
      const unknown = charge({ ...account, key: 'nowhere' }, 1, 0)
      await expect(store.commit(unknown)).rejects.toMatchObject({ code: 'store:unavailable' })
      expect((await store.budgets({ at: 50 }))[0]).toMatchObject({ reserved: 100, spent: 0 })
    })

    test('an overrun is recorded in full and closes the account', async () => {
      const account = accountOf(100)
      await takeAll(store, account)
      await store.commit(charge(account, 100, 0))
      expect(await store.commit(charge(account, -100, 130))).toMatchObject({ status: 'committed' })
      expect((await store.budgets({ at: 50 }))[0]).toMatchObject({ reserved: 0, spent: 130, limit: 100 })
      expect(await store.lease(account, 1)).toBe(0)
      expect(await store.lease({ ...account, limit: 150 }, 1)).toBeGreaterThan(0)
    })

    test('ended accounts are dropped unless something is reserved in them', async () => {
      const ended = accountOf(100)
      const busy = { ...ended, key: 'agent:clerk/usd/day/2026-11-22' }
      const running = { ...ended, key: 'agent:clerk/usd/day/2026-11-24', endsAt: 200 }
      for (const account of [ended, busy, running]) {
        await store.lease(account, 10)
        await store.commit(charge(account, 10, 0))
        if (account !== busy) await store.commit(charge(account, -10, 7))
      }
      await store.dropBudgets(150)
      const keys = async (): Promise<string[]> => (await store.budgets({ at: 50 })).map(({ key }) => key)
      expect(await keys()).toEqual([busy.key, running.key])
      // A late report on what was charged to the dropped one is recorded all the same.
      const late = { ...insertOf(sampleAction('a-1')), charges: charge(ended, 0, 3).charges ?? [] }
      expect(await store.commit(late)).toMatchObject({ status: 'committed' })
      expect(await store.commit(charge(busy, -10, 10))).toMatchObject({ status: 'committed' })
      await store.dropBudgets(150)
      expect(await keys()).toEqual([running.key])
      await expect(store.commit(charge(busy, 1, 0))).rejects.toMatchObject({ code: 'store:unavailable' })
      expect(await store.commit(charge(running, 1, 0))).toMatchObject({ status: 'committed' })
      expect((await store.budgets({ at: 50 }))[0]).toMatchObject({ reserved: 1, spent: 7 })
    })

    test('200 at once never take more than the limit', async () => {
      let round = 0
      const amounts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 200, maxLength: 200 })
      await fc.assert(
        fc.asyncProperty(amounts, fc.integer({ min: 0, max: 6000 }), async (needs, limit) => {
          const account = { ...accountOf(limit), key: `agent:clerk/usd/day/${round++}` }
          let share = 0
          let admitted = 0
          let spent = 0
          await Promise.all(
            needs.map(async (need) => {
              if (share < need) {
                const taken = await store.lease(account, need)
                share += taken
              }
              if (share < need) return
              share -= need
              admitted += need
              await store.commit(charge(account, need, 0))
              const cost = need - (need % 3)
              await store.commit(charge(account, -need, cost))
              share += need - cost
              spent += cost
            }),
          )
          const report = (await store.budgets({ at: 50 })).find(({ key }) => key === account.key)
          expect(report).toMatchObject({ reserved: 0, spent })
          expect(spent).toBeLessThanOrEqual(limit)
          const left = await takeAll(store, account)
          expect(share + left + spent).toBe(limit)
          expect(admitted > 0 || limit < 50).toBe(true)
        }),
        { numRuns: 5 },
      )
    })

    test("a dead replica's unused share comes back; what it has in flight stays", async () => {
      const account = accountOf(100)
      const dead = store.replica
      await takeAll(store, account)
      await store.commit(charge(account, 30, 0))
      await store.commit(insertOf(executing('a-1', dead, 'belay')))
      await store.commit(insertOf(executing('a-2', dead, 'agent')))
      store = await under.reopen()
      expect(await store.takeOverDeadReplicas()).toEqual([dead])
      expect(await store.takeOverDeadReplicas()).toEqual([])
      expect((await store.executingIn([dead])).map(({ id }) => id)).toEqual(['a-1'])
      expect(await store.executingIn([])).toEqual([])
      expect((await store.budgets({ at: 50 }))[0]).toMatchObject({ reserved: 30, spent: 0 })
      expect(await takeAll(store, account)).toBe(70)
      expect(await store.commit(charge(account, -30, 20))).toMatchObject({ status: 'committed' })
      expect((await store.budgets({ at: 50 }))[0]).toMatchObject({ reserved: 0, spent: 20 })
      await store.giveBack(account.key, 80)
      expect(await takeAll(store, account)).toBe(80)
    })
  })
}
