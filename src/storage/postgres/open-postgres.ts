import { randomUUID } from 'node:crypto'
import { Kysely, PostgresDialect } from 'kysely'
import { BelayError } from '../../errors/catalogue.ts'
import { CHAIN_START } from '../hash-chain.ts'
import { migrate } from '../migrations/migrate.ts'
import type { MasterKey } from '../sealing/master-key.ts'
import type { Store } from '../store.ts'
import type { Tables } from '../tables.ts'
import { connectionsTo, DB_NOW, type Connections } from './connections.ts'
import { DatabaseClock } from './database-clock.ts'
import { PostgresStore } from './postgres-store.ts'
import { renewLease } from './replica-lease.ts'

/** A replica that has not sent a heartbeat for this long may be taken over. */
const REPLICA_LEASE_MS = 30_000

/**
 * Opens the shared store as a new replica, next to any others. `url` is a `postgres://` connection string;
 * `replicaLeaseMs` is how long this replica lives without a heartbeat. Throws `store:unavailable` when the
 * database cannot be reached or its schema cannot be brought up to date.
 */
export async function openPostgres(options: {
  readonly url: string
  readonly replicaLeaseMs?: number
  /** Seals what is stored of persons, the same one on all replicas; without one it is kept as it is. */
  readonly masterKey?: MasterKey
}): Promise<Store> {
  const leaseMs = options.replicaLeaseMs ?? REPLICA_LEASE_MS
  const connections = connectionsTo(options.url)
  try {
    await migrateAlone(options.url)
    const replica = `r-${randomUUID()}`
    const clock = await enter(connections, replica, leaseMs)
    const masterKey = options.masterKey ?? null
    const store = new PostgresStore({ connections, replica, clock, leaseMs, masterKey })
    await store.begin()
    return store
  } catch (error) {
    await Promise.all([connections.pool.end(), connections.locks.end()])
    if (error instanceof BelayError) throw error
    const cause = error instanceof Error ? error.message : String(error)
    throw new BelayError('store:unavailable', { cause }, { cause: error })
  }
}

/** On connections of its own, because Kysely closes them with itself. */
async function migrateAlone(url: string): Promise<void> {
  const { pool, locks } = connectionsTo(url)
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  try {
    await migrate(db, 'postgres')
  } finally {
    await db.destroy()
    await locks.end()
  }
}

/** Enters the replica and its chain, and sets the clock: not below any time that a replica has seen. */
async function enter({ pool }: Connections, replica: string, leaseMs: number): Promise<DatabaseClock> {
  await pool.query(`INSERT INTO replicas (id, expires_at) VALUES ($1, ${DB_NOW} + $2::bigint)`, [
    replica,
    leaseMs,
  ])
  await pool.query('INSERT INTO chains (chain, replica, seq, hash, clock) VALUES ($1, $1, $2, $3, 0)', [
    replica,
    CHAIN_START.seq,
    CHAIN_START.hash,
  ])
  const { rows } = await pool.query<{ clock: number }>('SELECT max(clock) AS clock FROM chains')
  const clock = new DatabaseClock(rows[0]?.clock ?? 0)
  await renewLease(pool, replica, leaseMs, clock)
  return clock
}
