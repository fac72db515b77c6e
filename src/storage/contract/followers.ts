import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../store.ts'
import type { StoreUnderTest } from './samples.ts'

export function followersContract(open: () => Promise<StoreUnderTest>): void {
  describe('followers', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    test('stand where they were moved, also after opening again', async () => {
      const { followers } = store
      expect(await followers.positions('siem')).toEqual(new Map())
      expect(await followers.move('siem', 'a', null, 7)).toBe(true)
      expect(await followers.move('siem', 'b', null, 0)).toBe(true)
      expect(await followers.move('other', 'a', null, 1)).toBe(true)
      expect(await followers.move('siem', 'a', 7, 12)).toBe(true)
      store = await under.reopen()
      expect(await store.followers.positions('siem')).toEqual(
        new Map([
          ['a', 12],
          ['b', 0],
        ]),
      )
      expect(await store.followers.positions('other')).toEqual(new Map([['a', 1]]))
    })

    test('are moved only from where they stand', async () => {
      const { followers } = store
      await followers.move('siem', 'a', null, 7)
      expect(await followers.move('siem', 'a', null, 9)).toBe(false)
      expect(await followers.move('siem', 'a', 6, 9)).toBe(false)
      expect(await followers.move('siem', 'b', 0, 9)).toBe(false)
      expect(await followers.positions('siem')).toEqual(new Map([['a', 7]]))
      const rivals = await Promise.all(
        Array.from({ length: 10 }, (_, n) => followers.move('siem', 'a', 7, 10 + n)),
      )
      expect(rivals.filter(Boolean)).toHaveLength(1)
    })
  })
}
