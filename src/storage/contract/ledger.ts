import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { canonicalJson } from '../../action/digest.ts'
import type { JsonObject } from '../../action/json.ts'
import type { Store } from '../store.ts'
import { sampleAction, insertOf, record, expectChainsToHold, type StoreUnderTest } from './samples.ts'

export function ledgerContract(open: () => Promise<StoreUnderTest>): void {
  describe('the ledger', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    test('starts with a genesis record', async () => {
      const [head] = await store.chains()
      const [genesis] = await store.records(head?.chain ?? '', 0, 1)
      expect(genesis).toMatchObject({ seq: 1, kind: 'genesis', action: null, agent: null })
      expect(head?.live).toBe(true)
    })

    test('records are hashed as the contract says, in the order in which they were answered', async () => {
      const results = await Promise.all(
        Array.from({ length: 100 }, (_, n) => store.commit(insertOf(sampleAction(`a-${n}`)))),
      )
      const refs = results.flatMap((result) => (result.status === 'committed' ? result.records : []))
      expect(refs).toHaveLength(100)
      expect(refs.map(({ seq }) => seq)).toEqual(refs.map((_, n) => n + 2))
      const stored = await expectChainsToHold(store)
      for (const { chain, seq, hash } of refs) {
        expect(stored.find((one) => one.chain === chain && one.seq === seq)?.hash).toBe(hash)
      }
    })

    test('texts are canonical and hold what was given', async () => {
      const body = {
        zeta: 1,
        aardvark: 'ä"\u0001',
        'z\u{1f600}': [true, null, 1.5],
        by: 'someone',
        type: null,
      }
      await store.commit({ records: [record('policy', null, undefined, body)] })
      const [head] = await store.chains()
      const [, stored] = await store.records(head?.chain ?? '', 0, 10)
      const parsed = JSON.parse(stored?.text ?? '') as JsonObject
      expect(canonicalJson(parsed)).toBe(stored?.text)
      expect(parsed).toEqual({
        ...body,
        v: 1,
        chain: head?.chain,
        seq: 2,
        at: 1000,
        kind: 'policy',
        action: null,
        agent: null,
        payload: null,
      })
    })

    test('paging', async () => {
      await Promise.all(Array.from({ length: 10 }, () => store.commit({ records: [record('policy', null)] })))
      const [head] = await store.chains()
      const chain = head?.chain ?? ''
      const seqs = (page: readonly { seq: number }[]): number[] => page.map(({ seq }) => seq)
      expect(seqs(await store.records(chain, 3, 4))).toEqual([4, 5, 6, 7])
      expect(seqs(await store.records(chain, 11, 4))).toEqual([])
      expect(await store.records('no such chain', 0, 4)).toEqual([])
      expect(head?.seq).toBe(11)
    })

    test('goes on after the store was opened again', async () => {
      await store.commit(insertOf(sampleAction('a-1')))
      const before = await store.chains()
      store = await under.reopen()
      await store.commit(insertOf(sampleAction('a-2')))
      const stored = await expectChainsToHold(store)
      for (const { chain, seq, hash } of before) {
        expect(stored.find((one) => one.chain === chain && one.seq === seq)?.hash).toBe(hash)
      }
      expect((await store.actions({ limit: 9 })).map(({ id }) => id)).toEqual(['a-2', 'a-1'])
      expect((await store.chains()).filter(({ live }) => live)).toHaveLength(1)
    })

    test('listeners hear of commits until they leave', async () => {
      let heard = 0
      const leave = store.onCommit(() => heard++)
      await store.commit({ records: [record('policy', null)] })
      expect(heard).toBeGreaterThan(0)
      leave()
      const then = heard
      await store.commit({ records: [record('policy', null)] })
      expect(heard).toBe(then)
    })
  })
}
