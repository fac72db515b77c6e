import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../store.ts'
import type { KeptCheckpoint } from '../tiles.ts'
import { record, type StoreUnderTest } from './samples.ts'

export function tilesContract(open: () => Promise<StoreUnderTest>): void {
  describe('tiles', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    const bytes = (fill: number, width: number): Uint8Array => Buffer.alloc(width * 32, fill)
    const grow = (from: number, to: number, ...tiles: [number, number, Uint8Array][]): Promise<boolean> =>
      store.tiles.grow({
        chain: 'c',
        from,
        to,
        tiles: tiles.map(([level, index, hashes]) => ({ level, index, hashes })),
      })

    test('a tree grows from where it stands, and only from there', async () => {
      expect(await store.tiles.size('c')).toBe(0)
      expect(await grow(1, 2, [0, 0, bytes(9, 2)])).toBe(false)
      expect(await grow(0, 3, [0, 0, bytes(1, 3)])).toBe(true)
      expect(await grow(0, 4, [0, 0, bytes(9, 4)])).toBe(false)
      expect(await grow(3, 257, [0, 0, bytes(2, 256)], [0, 1, bytes(3, 1)], [1, 0, bytes(4, 1)])).toBe(true)
      expect(await store.tiles.size('c')).toBe(257)
      store = await under.reopen()
      expect(await store.tiles.sizes()).toContainEqual({ chain: 'c', size: 257 })
      const tile = await store.tiles.tile('c', 0, 0)
      expect(Buffer.compare(tile ?? Buffer.of(), bytes(2, 256))).toBe(0)
      expect((await store.tiles.tile('c', 1, 0))?.length).toBe(32)
      expect(await store.tiles.tile('c', 2, 0)).toBeUndefined()
      expect(await store.tiles.tile('d', 0, 0)).toBeUndefined()
    })

    test('of two that let it grow at the same moment one does', async () => {
      const grown = await Promise.all([1, 2, 3, 4].map((n) => grow(0, n, [0, 0, bytes(n, n)])))
      expect(grown.filter((each) => each)).toHaveLength(1)
      const size = grown.indexOf(true) + 1
      expect(await store.tiles.size('c')).toBe(size)
      expect((await store.tiles.tile('c', 0, 0))?.[0]).toBe(size)
    })

    test('the hashes of records are those of the ledger', async () => {
      await Promise.all(Array.from({ length: 5 }, () => store.commit({ records: [record('policy', null)] })))
      const [head] = await store.chains()
      const chain = head?.chain ?? ''
      const records = await store.records(chain, 2, 3)
      expect(await store.tiles.recordHashes(chain, 2, 3)).toEqual(
        records.map(({ seq, hash }) => ({ seq, hash })),
      )
    })

    test('a kept checkpoint gives way to one of a larger tree', async () => {
      const keep = (name: string, size: number, note: string): KeptCheckpoint => ({
        chain: 'c',
        name,
        size,
        at: size,
        note,
      })
      for (const each of [
        keep('w', 5, 'five'),
        keep('w', 4, 'four'),
        keep('v', 1, 'one'),
        keep('w', 5, 'Füñf'),
      ])
        await store.tiles.keepCheckpoint(each)
      expect(await store.tiles.checkpoints('c')).toEqual([keep('v', 1, 'one'), keep('w', 5, 'Füñf')])
      expect(await store.tiles.checkpoints('d')).toEqual([])
    })
  })
}
