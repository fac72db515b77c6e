import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../store.ts'
import { sampleAction, insertOf, record, expectChainsToHold, sha256, type StoreUnderTest } from './samples.ts'

export function payloadsContract(open: () => Promise<StoreUnderTest>): void {
  describe('payloads', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    test('the record holds the digest over salt and text', async () => {
      await store.commit(insertOf(sampleAction('a-1')))
      await store.commit(insertOf(sampleAction('a-2')))
      const [one] = await store.payloads('a-1')
      const [other] = await store.payloads('a-2')
      expect(one?.text).toBe(other?.text)
      expect(one?.salt).toMatch(/^[0-9a-f]{32}$/)
      expect(one?.salt).not.toBe(other?.salt)
      expect(one?.digest).toBe(sha256(`${one?.salt}${one?.text}`))
      const [stored] = await store.recordsOf('a-1')
      expect(JSON.parse(stored?.text ?? '')).toMatchObject({
        payload: { kind: 'proposal', digest: one?.digest },
      })
    })

    test('an erased payload leaves its digest and an intact chain', async () => {
      const subject = record('decision', 'a-1', 'proposal', {}, ['ada'])
      await store.commit({ action: { value: sampleAction('a-1'), replaces: null }, records: [subject] })
      await store.commit(insertOf(sampleAction('a-2')))
      const refs = await store.payloadsToErase({ subject: 'ada' })
      expect(refs).toEqual([{ action: 'a-1', kind: 'proposal' }])
      expect(await store.payloadsToErase({ action: 'a-1' })).toEqual(refs)
      const [before] = await store.payloads('a-1')
      await store.commit({ erase: refs, records: [record('erasure', 'a-1')] })
      await store.scrub()
      const [after] = await store.payloads('a-1')
      expect(after).toMatchObject({ text: null, salt: null, digest: before?.digest })
      expect(after?.erasedAt).toBeGreaterThan(0)
      expect(await store.payloadsToErase({ subject: 'ada' })).toEqual([])
      expect(await store.payloadsToErase({ action: 'a-1' })).toEqual([])
      expect((await store.payloads('a-2'))[0]?.text).not.toBeNull()
      await expectChainsToHold(store)
    })
  })
}
