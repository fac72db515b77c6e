import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../store.ts'
import { sampleAction, insertOf, record, type StoreUnderTest } from './samples.ts'

export function lifeContract(open: () => Promise<StoreUnderTest>): void {
  describe('life', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    test('the clock never goes backwards, also not after opening again', async () => {
      let last = store.now()
      for (let n = 0; n < 1000; n++) {
        const now = store.now()
        expect(now).toBeGreaterThanOrEqual(last)
        last = now
      }
      await store.commit({ records: [record('policy', null)] })
      await store.heartbeat()
      expect(store.now()).toBeGreaterThanOrEqual(last)
      last = store.now()
      store = await under.reopen()
      expect(store.now()).toBeGreaterThanOrEqual(last)
      expect(Number.isSafeInteger(store.now())).toBe(true)
    })

    test('work for one key runs one at a time, also after a failure', async () => {
      let running = 0
      let most = 0
      const work = async (fails: boolean): Promise<void> => {
        most = Math.max(most, ++running)
        await store.agents()
        running--
        if (fails) throw new Error('on purpose')
      }
      const runs = await Promise.allSettled(
        Array.from({ length: 12 }, (_, n) => store.exclusively('k', () => work(n % 4 === 0))),
      )
      expect(most).toBe(1)
      expect(runs.filter(({ status }) => status === 'rejected')).toHaveLength(3)
      expect(await store.exclusively('k', () => Promise.resolve(7))).toBe(7)
    })

    test('what was sent before closing is kept; what comes after is refused', async () => {
      const sent = store.commit(insertOf(sampleAction('a-1')))
      await store.close()
      expect(await sent).toMatchObject({ status: 'committed' })
      await expect(store.commit(insertOf(sampleAction('a-2')))).rejects.toMatchObject({
        code: 'store:unavailable',
      })
      await store.close()
      store = await under.reopen()
      expect((await store.actions({ limit: 9 })).map(({ id }) => id)).toEqual(['a-1'])
    })
  })
}
