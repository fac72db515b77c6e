import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { dropDatabase, freshDatabase } from '../../../test/setup/start-postgres.ts'
import { openPostgres } from '../../storage/postgres/open-postgres.ts'
import { openSqlite } from '../../storage/sqlite/open-sqlite.ts'
import type { Store, StoredRecord } from '../../storage/store.ts'
import { followLedger, type FollowOptions, type LedgerFollower } from './follow-ledger.ts'

/** What a follower keeps on disk: what it derived and its position, in one commit. */
class Derived {
  readonly seen = new Map<string, number[]>()
  readonly batches: number[] = []

  readonly from = (chain: string): Promise<number> => Promise.resolve(this.at(chain))

  readonly apply = async (chain: string, records: readonly StoredRecord[]): Promise<void> => {
    const first = records[0] as StoredRecord
    await Promise.resolve()
    if (first.seq !== this.at(chain) + 1) throw new Error('the position has moved')
    this.batches.push(records.length)
    this.seen.set(chain, [...(this.seen.get(chain) ?? []), ...records.map(({ seq }) => seq)])
  }

  readonly both = { from: this.from, apply: this.apply }

  at(chain: string): number {
    return this.seen.get(chain)?.at(-1) ?? 0
  }
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, n) => n + 1)

async function write(store: Store, count: number): Promise<void> {
  const record = { kind: 'policy', at: 1, action: null, agent: null, body: {} } as const
  await Promise.all(Array.from({ length: count }, () => store.commit({ records: [record] })))
}

async function headOf(store: Store, chain: string): Promise<number> {
  return (await store.chains()).find((one) => one.chain === chain)?.seq ?? 0
}

const open: LedgerFollower[] = []
function follow(options: FollowOptions): LedgerFollower {
  const follower = followLedger({ delay: 1, ...options })
  open.push(follower)
  return follower
}

let store: Store
let own: string
let folder: string
let url: string
const another = (): Promise<Store> => openPostgres({ url })

async function begin(dialect: 'sqlite' | 'postgres'): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'belay-follow-'))
  url = dialect === 'postgres' ? await freshDatabase(inject('postgresUrl')) : ''
  store = dialect === 'postgres' ? await another() : await openSqlite({ folder })
  own = dialect === 'postgres' ? store.replica : 'main'
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((follower) => follower.close()))
  await store.close()
  if (url !== '') await dropDatabase(url)
  rmSync(folder, { recursive: true })
})

for (const dialect of ['sqlite', 'postgres'] as const) {
  describe(`a follower on ${dialect}`, () => {
    beforeEach(() => begin(dialect))

    test('applies every record once and in order, and goes on as records come', async () => {
      const derived = new Derived()
      await write(store, 2500)
      const follower = follow({ store, ...derived.both })
      await follower.caughtUp()
      expect(derived.seen.get(own)).toEqual(upTo(2501))
      expect(Math.max(...derived.batches)).toBe(1000)
      await write(store, 10)
      // Nobody asks: the commits themselves are what moves it.
      await vi.waitFor(() => expect(derived.at(own)).toBe(2511), { timeout: 60_000 })
      expect(derived.seen.get(own)).toEqual(upTo(2511))
    })

    test('goes on from the position on disk after it was cut off between two batches', async () => {
      const derived = new Derived()
      await write(store, 35)
      let left = 2
      const first = follow({
        store,
        from: derived.from,
        apply: (chain, records) =>
          left-- > 0 ? derived.apply(chain, records) : Promise.reject(new Error('killed')),
        batch: 10,
        delay: 60_000,
      })
      await expect(first.caughtUp()).rejects.toThrow('killed')
      await first.close()
      expect(derived.at(own)).toBe(20)
      await follow({ store, ...derived.both, batch: 10 }).caughtUp()
      expect(derived.seen.get(own)).toEqual(upTo(36))
    })

    test('a batch whose commit went through although it failed is not applied again', async () => {
      const derived = new Derived()
      const faults: unknown[] = []
      await write(store, 25)
      let broken = true
      const follower = follow({
        store,
        from: derived.from,
        async apply(chain, records) {
          await derived.apply(chain, records)
          if (!broken) return
          broken = false
          throw new Error('the connection broke around the commit')
        },
        batch: 10,
        onFault: (fault) => faults.push(fault),
      })
      await vi.waitFor(() => expect(derived.at(own)).toBe(26), { timeout: 60_000 })
      expect(derived.seen.get(own)).toEqual(upTo(26))
      expect(faults).toHaveLength(1)
      await follower.caughtUp()
    })

    test('once closed it takes no further batch, and says so to who waits', async () => {
      const derived = new Derived()
      await write(store, 30)
      let reached = (): void => undefined
      const inFirst = new Promise<void>((resolve) => (reached = resolve))
      let release = (): void => undefined
      const held = new Promise<void>((resolve) => (release = resolve))
      const follower = follow({
        store,
        from: derived.from,
        async apply(chain, records) {
          reached()
          await held
          await derived.apply(chain, records)
        },
        batch: 10,
      })
      const waiting = follower.caughtUp()
      await inFirst
      const closing = follower.close()
      release()
      await expect(waiting).rejects.toThrow('closed')
      await closing
      expect(derived.at(own)).toBe(10)
    })
  })
}

describe('followers of several replicas', () => {
  beforeEach(() => begin('postgres'))

  test('each replica follows its own chain; a dead one’s goes to the living one whose name comes first', async () => {
    const derived = new Derived()
    const stores = [store, await another(), await another()].toSorted((a, b) =>
      a.replica < b.replica ? -1 : 1,
    )
    const [first, second, third] = stores as [Store, Store, Store]
    try {
      await Promise.all(stores.map((one) => write(one, 5)))
      const byWhom = new Map<string, Set<string>>()
      const followers = stores.map((one) =>
        follow({
          store: one,
          from: derived.from,
          async apply(chain, records) {
            byWhom.set(chain, (byWhom.get(chain) ?? new Set()).add(one.replica))
            await derived.apply(chain, records)
          },
          lookEvery: 20,
        }),
      )
      await Promise.all(followers.map((follower) => follower.caughtUp()))
      expect(byWhom).toEqual(new Map(stores.map(({ replica }) => [replica, new Set([replica])])))

      // The third dies with records that it has not followed.
      await followers[2]?.close()
      await write(third, 7)
      const last = await headOf(first, third.replica)
      expect(derived.at(third.replica)).toBeLessThan(last)
      await third.close()
      await vi.waitFor(() => expect(derived.at(third.replica)).toBe(last), { timeout: 60_000 })
      expect(derived.seen.get(third.replica)).toEqual(upTo(last))
      expect(byWhom.get(third.replica)).toEqual(new Set([third.replica, first.replica]))
      expect(byWhom.get(second.replica)).toEqual(new Set([second.replica]))
    } finally {
      await Promise.all(open.splice(0).map((follower) => follower.close()))
      await Promise.all(stores.filter((one) => one !== store).map((one) => one.close()))
    }
  })

  test('two replicas at one chain: the position on disk lets one of them through', async () => {
    const derived = new Derived()
    await write(store, 200)
    const [head] = await store.chains()
    const chain = head?.chain ?? ''
    // Both believe that the chain is theirs to follow.
    const deluded = { ...followedBy(store), chains: () => store.chains() }
    const followers = [0, 1].map(() => follow({ store: deluded, ...derived.both, batch: 10 }))
    await vi.waitFor(() => expect(derived.at(chain)).toBe(201), { timeout: 60_000 })
    await Promise.all(followers.map((one) => one.caughtUp()))
    expect(derived.seen.get(chain)).toEqual(upTo(201))
  })
})

function followedBy(store: Store) {
  return {
    dialect: store.dialect,
    replica: store.replica,
    records: store.records.bind(store),
    onCommit: store.onCommit.bind(store),
  }
}
