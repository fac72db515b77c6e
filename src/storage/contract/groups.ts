import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BelayError } from '../../errors/catalogue.ts'
import type { Store } from '../store.ts'
import { sampleAction, insertOf, faulty, record, expectChainsToHold, type StoreUnderTest } from './samples.ts'

export function groupsContract(open: () => Promise<StoreUnderTest>): void {
  describe('groups', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    test('conflicts and faults in a group leave the others alone', async () => {
      await store.commit(insertOf(sampleAction('taken')))
      const jobs: Promise<unknown>[] = []
      const broken: Promise<unknown>[] = []
      for (let n = 0; n < 60; n++) {
        if (n % 3 === 0) jobs.push(store.commit(insertOf(sampleAction('taken'))))
        else if (n % 10 === 1) broken.push(store.commit(faulty(`broken-${n}`)))
        else jobs.push(store.commit(insertOf(sampleAction(`good-${String(n).padStart(2, '0')}`))))
      }
      const faults = await Promise.allSettled(broken)
      for (const fault of faults) {
        expect(fault).toMatchObject({ status: 'rejected', reason: { code: 'store:unavailable' } })
      }
      const results = await Promise.all(jobs)
      expect(results.filter((result) => (result as { status: string }).status === 'conflict')).toHaveLength(
        20,
      )
      const good = await store.actions({ limit: 100 })
      expect(good).toHaveLength(60 - 20 - broken.length + 1)
      expect(await store.action('broken-1')).toBeUndefined()
      await expectChainsToHold(store)
    })

    test('what has no canonical form is refused whole', async () => {
      const bad = record('decision', 'a-1', undefined, { score: Number.NaN })
      const attempt = store.commit({
        action: { value: sampleAction('a-1'), replaces: null },
        records: [bad],
      })
      await expect(attempt).rejects.toMatchObject({ code: 'store:unavailable' })
      expect(await store.action('a-1')).toBeUndefined()
      const disguised = record('decision', 'a-1', undefined, { seq: 1 })
      await expect(store.commit({ records: [disguised] })).rejects.toBeInstanceOf(BelayError)
    })
  })
}
