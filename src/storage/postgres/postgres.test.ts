import pg from 'pg'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { dropDatabase, freshDatabase } from '../../../test/setup/start-postgres.ts'
import { sampleAction, storeContract } from '../contract.ts'
import type { BudgetAccount, Store, Transition } from '../store.ts'
import { openPostgres } from './open-postgres.ts'

storeContract('postgres', async () => {
  const url = await freshDatabase(inject('postgresUrl'))
  let current = await openPostgres({ url })
  return {
    store: current,
    async reopen() {
      await current.close()
      current = await openPostgres({ url })
      return current
    },
    async close() {
      await current.close()
      await dropDatabase(url)
    },
  }
})

describe('replicas on one database', () => {
  let url: string
  let one: Store
  let two: Store

  beforeEach(async () => {
    url = await freshDatabase(inject('postgresUrl'))
    ;[one, two] = await Promise.all([openPostgres({ url }), openPostgres({ url })])
  })

  afterEach(async () => {
    await Promise.all([one.close(), two.close()])
    await dropDatabase(url)
  })

  async function run(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query(text, values)).rows as Record<string, unknown>[]
    } finally {
      await client.end()
    }
  }

  const ACCOUNT: BudgetAccount = {
    key: 'agent:clerk/usd/day/2026-11-23',
    agent: 'clerk',
    unit: 'nano_usd',
    window: 'day',
    startsAt: 0,
    endsAt: 100,
    limit: 1000,
  }

  const insertOf = (id: string): Transition => ({
    action: { value: sampleAction(id), replaces: null },
    records: [{ kind: 'decision', at: 1, action: id, agent: 'clerk', body: {} }],
  })
  const charge = (reserved: number, spent: number): Transition => ({
    charges: [{ account: ACCOUNT.key, reserved, spent }],
    records: [],
  })

  test('groups find what they change by its key, although no statistics were gathered yet', async () => {
    const ids = Array.from({ length: 300 }, (_, n) => `a-${n}`)
    await Promise.all(ids.map((id) => one.commit(insertOf(id))))
    for (let version = 1; version <= 3; version++) {
      const move = (id: string): Transition => ({
        action: { value: sampleAction(id, { version: version + 1 }), replaces: version },
        records: [{ kind: 'start', at: 1, action: id, agent: 'clerk', body: {} }],
      })
      const results = await Promise.all(ids.map((id) => one.commit(move(id))))
      expect(results.every(({ status }) => status === 'committed')).toBe(true)
    }
    // A session says what it did when it ends.
    await one.close()
    const counted = (): Promise<Record<string, unknown>[]> =>
      run(`SELECT n_tup_upd::int AS updated, seq_tup_read::int AS read_in_full FROM pg_stat_user_tables
        WHERE relname = 'actions'`)
    await vi.waitFor(async () => expect((await counted())[0]).toMatchObject({ updated: 900 }), 60_000)
    expect((await counted())[0]).toEqual({ updated: 900, read_in_full: 0 })
  })

  test('a replica whose lease ran out is refused until its heartbeat, and for ever once it is fenced', async () => {
    await one.lease(ACCOUNT, 100)
    await one.commit(charge(30, 0))
    await run('UPDATE replicas SET expires_at = 1 WHERE id = $1', [one.replica])
    await expect(one.commit(insertOf('a-1'))).rejects.toMatchObject({ code: 'store:fenced' })
    await expect(one.lease(ACCOUNT, 1)).rejects.toMatchObject({ code: 'store:fenced' })
    await one.heartbeat()
    expect(await one.commit(insertOf('a-1'))).toMatchObject({ status: 'committed' })

    await run('UPDATE replicas SET expires_at = 1 WHERE id = $1', [one.replica])
    expect(await two.takeOverDeadReplicas()).toEqual([one.replica])
    await expect(one.heartbeat()).rejects.toMatchObject({ code: 'store:fenced' })
    await expect(one.commit(insertOf('a-2'))).rejects.toMatchObject({ code: 'store:fenced' })
    await expect(one.giveBack(ACCOUNT.key, 1)).rejects.toMatchObject({ code: 'store:fenced' })
    expect(await two.action('a-2')).toBeUndefined()
    expect(await two.lease({ ...ACCOUNT }, 970)).toBe(970)
    expect((await two.chains()).find(({ chain }) => chain === one.replica)?.live).toBe(false)
  })

  test('two replicas at once: one wins each action, and the limit holds between them', async () => {
    const limit = 5000
    const account = { ...ACCOUNT, limit }
    const spend = async (store: Store): Promise<number> => {
      let share = 0
      let spent = 0
      await Promise.all(
        Array.from({ length: 300 }, async (_, n) => {
          const need = (n % 50) + 1
          if (share < need) {
            const taken = await store.lease(account, need)
            share += taken
          }
          if (share < need) return
          share -= need
          await store.commit(charge(need, 0))
          await store.commit(charge(-need, need))
          spent += need
        }),
      )
      return spent
    }
    const races = Array.from({ length: 50 }, (_, n) => `race-${n}`)
    const [spentByOne, spentByTwo, ...raced] = await Promise.all([
      spend(one),
      spend(two),
      ...races.map(async (id) => {
        const results = await Promise.all([one.commit(insertOf(id)), two.commit(insertOf(id))])
        return results.map(({ status }) => status).toSorted()
      }),
    ])
    expect(raced).toEqual(races.map(() => ['committed', 'conflict']))
    expect(spentByOne + spentByTwo).toBeLessThanOrEqual(limit)
    expect((await two.budgets({ at: 50 }))[0]).toMatchObject({ reserved: 0, spent: spentByOne + spentByTwo })
    const [sums] = await run(
      `SELECT a.granted = sum(l.granted) AS agree, a.granted <= a.max_amount AS within
     FROM budget_accounts a JOIN budget_leases l ON l.account = a.key GROUP BY a.granted, a.max_amount`,
    )
    expect(sums).toEqual({ agree: true, within: true })
  })

  test('a starved account is told to the others, whose share then serves it', async () => {
    let taken = 0
    while (taken < 1000) taken += await one.lease(ACCOUNT, 100)
    const told = new Promise<void>((resolve) => {
      const stop = one.onCommit(
        () => void one.starvedAccounts().then((starved) => starved.length > 0 && resolve(stop())),
      )
    })
    expect(await two.lease(ACCOUNT, 10)).toBe(0)
    // A commit is announced after the starvation, on the same session of the listener.
    await two.commit(insertOf('a-1'))
    await told
    await one.giveBack(ACCOUNT.key, 400)
    expect(await two.lease(ACCOUNT, 10)).toBe(80)
  })

  test('one replica settles what another reserved', async () => {
    await one.lease(ACCOUNT, 100)
    await one.commit(charge(100, 0))
    await two.lease({ ...ACCOUNT }, 1)
    expect(await two.commit(charge(-100, 60))).toMatchObject({ status: 'committed' })
    expect((await one.budgets({ at: 50 }))[0]).toMatchObject({ reserved: 0, spent: 60 })
    await one.dropBudgets(ACCOUNT.endsAt + 1)
    expect(await two.budgets({ at: 50 })).toEqual([])
    expect(await two.commit(charge(0, 5))).toMatchObject({ status: 'committed' })
  })

  test('a lost session: what was committed stays answered, and the next group goes on', async () => {
    await one.commit(insertOf('a-1'))
    const killing = run(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    )
    const results = await Promise.allSettled(
      Array.from({ length: 200 }, (_, n) => one.commit(insertOf(`b-${n}`))),
    )
    await killing
    // The other replica's connections were ended too; a read may meet one of them.
    const actions = await vi.waitFor(() => two.actions({ limit: 1000 }), { timeout: 60_000 })
    const stored = new Set(actions.map(({ id }) => id))
    results.forEach((result, n) => {
      const committed = result.status === 'fulfilled' && result.value.status === 'committed'
      expect([n, stored.has(`b-${n}`)]).toEqual([n, committed])
    })
    expect(await one.commit(insertOf('c-1'))).toMatchObject({ status: 'committed' })
    const records = await two.records(one.replica, 0, 1000)
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_, n) => n + 1))
  })

  test('work for one key runs in one replica at a time', async () => {
    let running = 0
    let most = 0
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running)
      await two.agents()
      running--
    }
    const turns = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? one : two).exclusively('k', work))
    await Promise.all(turns)
    expect(most).toBe(1)
  })

  test('a pause by one replica stops what starts in another', async () => {
    const paused = {
      name: 'clerk',
      version: 1,
      state: 'paused',
      reason: null,
      changedBy: null,
      changedAt: 1,
    } as const
    const guarded = (n: number): Transition => ({
      ...insertOf(`g-${n}`),
      agentUnchanged: { name: 'clerk', version: 0 },
    })
    const before = Array.from({ length: 50 }, (_, n) => one.commit(guarded(n)))
    expect(await two.commit({ agent: { value: paused, replaces: null }, records: [] })).toMatchObject({
      status: 'committed',
    })
    expect(await one.commit(guarded(99))).toEqual({ status: 'conflict', on: 'agent' })
    await Promise.all(before)
  })

  test('a read whose session ends is an error of the store, and the next one is answered', async () => {
    await one.commit(insertOf('a-1'))
    const other = new pg.Client({ connectionString: url })
    await other.connect()
    await other.query('BEGIN; LOCK TABLE actions IN ACCESS EXCLUSIVE MODE')
    const read = one.actions({ limit: 1 }).catch((error: unknown) => error)
    const ended = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%actions%'`
    await expect.poll(async () => (await run(ended)).length).toBe(1)
    expect(await read).toMatchObject({ code: 'store:unavailable' })
    await other.query('ROLLBACK')
    await other.end()
    expect(await one.actions({ limit: 1 })).toMatchObject([{ id: 'a-1' }])
  })

  test('an unreachable database is an error, not a wait', async () => {
    const nowhere = openPostgres({ url: 'postgres://belay:belay@127.0.0.1:1/postgres' })
    await expect(nowhere).rejects.toMatchObject({ code: 'store:unavailable' })
  })
})
