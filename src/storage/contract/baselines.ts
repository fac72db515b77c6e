import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BaselineRow } from '../baselines.ts'
import type { Store } from '../store.ts'
import type { StoreUnderTest } from './samples.ts'

export function baselinesContract(open: () => Promise<StoreUnderTest>): void {
  describe('baselines', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    test('are kept byte by byte, also after opening again', async () => {
      const all = [row('clerk', '', 1), row('clerk', 'mail.send', 1), row('clerk', 'mail.send', 1, 'novelty')]
      const written = await store.baselines.write(all.map((one) => ({ row: one, replaces: null })))
      expect(written).toEqual([true, true, true])
      store = await under.reopen()
      expect(await store.baselines.heads()).toEqual(
        all.map(({ agent, action, kind, version }) => ({ agent, action, kind, version })),
      )
      const keys = [...all, { agent: 'nobody', action: '', kind: 'behaviour' as const }]
      const found = await store.baselines.rows(keys)
      expect(found.toSorted(byKey)).toEqual(all.toSorted(byKey))
      expect(await store.baselines.rows([])).toEqual([])
    })

    test('a row is written only over the version that it replaces; the others of the same write are not held up', async () => {
      await store.baselines.write([{ row: row('clerk', 'a', 1), replaces: null }])
      const second = await store.baselines.write([
        { row: row('clerk', 'a', 9), replaces: null },
        { row: row('clerk', 'a', 2), replaces: 1 },
        { row: row('clerk', 'a', 9), replaces: 1 },
        { row: row('clerk', 'b', 1), replaces: null },
      ])
      expect(second).toEqual([false, true, false, true])
      const heads = await store.baselines.heads()
      expect(heads.map(({ action, version }) => [action, version])).toEqual([
        ['a', 2],
        ['b', 1],
      ])
    })

    test('of rivals for one version one wins', async () => {
      await store.baselines.write([{ row: row('clerk', 'a', 1), replaces: null }])
      const rivals = await Promise.all(
        Array.from({ length: 8 }, () => store.baselines.write([{ row: row('clerk', 'a', 2), replaces: 1 }])),
      )
      expect(rivals.flat().filter(Boolean)).toHaveLength(1)
    })

    test('of an agent are forgotten together', async () => {
      const rows = [row('clerk', '', 1), row('clerk', 'a', 1), row('other', '', 1)]
      await store.baselines.write(rows.map((one) => ({ row: one, replaces: null })))
      await store.baselines.drop('clerk')
      expect((await store.baselines.heads()).map(({ agent }) => agent)).toEqual(['other'])
    })
  })
}

function row(
  agent: string,
  action: string,
  version: number,
  kind: BaselineRow['kind'] = 'behaviour',
): BaselineRow {
  const data = Uint8Array.from({ length: 12_000 }, (_, n) => (n * 31 + version) % 256)
  return { agent, action, kind, version, updatedAt: 7, data }
}

function byKey(a: BaselineRow, b: BaselineRow): number {
  const [first, second] = [`${a.agent}/${a.action}/${a.kind}`, `${b.agent}/${b.action}/${b.kind}`]
  return first < second ? -1 : 1
}
