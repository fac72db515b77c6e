import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BelayError } from '../../errors/catalogue.ts'
import type { Store } from '../store.ts'
import {
  sampleAction,
  insertOf,
  faulty,
  record,
  expectChainsToHold,
  sha256,
  type StoreUnderTest,
} from './samples.ts'

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

    test('the records of a group stand in its order, each with its payload, and one of them can erase another', async () => {
      const ids = Array.from({ length: 45 }, (_, n) => `a-${String(n).padStart(2, '0')}`)
      const written = ids.map((id, n) =>
        store.commit({
          action: { value: sampleAction(id), replaces: null },
          records: [record('decision', id, 'proposal', { n }), record('start', id, 'outcome', { n })],
        }),
      )
      const erased = { action: 'a-03', kind: 'outcome' }
      const erasing = store.commit({ records: [record('erasure', 'a-03')], erase: [erased] })
      const refs = (await Promise.all([...written, erasing])).flatMap((result) =>
        result.status === 'committed' ? result.records : [],
      )
      const [chain = ''] = refs.map((one) => one.chain)
      const kept = await store.records(chain, (refs[0]?.seq ?? 0) - 1, 200)
      expect(kept.map(({ seq, hash }) => ({ chain, seq, hash }))).toEqual(refs)
      expect(kept.map(({ action, kind }) => [action, kind])).toEqual([
        ...ids.flatMap((id) => [
          [id, 'decision'],
          [id, 'start'],
        ]),
        ['a-03', 'erasure'],
      ])
      const payloads = await store.payloadsOf(ids)
      expect(payloads).toHaveLength(90)
      for (const { action, kind, text, salt, digest } of payloads) {
        const isErased = action === erased.action && kind === erased.kind
        expect([action, kind, text === null]).toEqual([action, kind, isErased])
        if (!isErased) expect(digest).toBe(sha256(`${salt}${text}`))
      }
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
