import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Kysely, SqliteDialect } from 'kysely'
import { BelayError } from '../../errors/catalogue.ts'
import { CHAIN_START } from '../hash-chain.ts'
import { migrate } from '../migrations/migrate.ts'
import type { MasterKey } from '../sealing/master-key.ts'
import type { Store } from '../store.ts'
import type { Tables } from '../tables.ts'
import { openForReading, openForWriting } from './connection.ts'
import { lockFolder } from './process-lock.ts'
import { SqliteStore } from './sqlite-store.ts'
import { CHAIN } from './writer-jobs.ts'

/**
 * Opens the embedded store in `folder`, which is made when it is missing; one process at a time. Throws
 * `store:locked` while another process has it open and `store:unavailable` when it cannot be opened.
 */
export async function openSqlite(options: {
  readonly folder: string
  /** Has no effect: a process that holds the folder's lock cannot be declared dead. */
  readonly replicaLeaseMs?: number
  /** Seals what is stored of persons; without one it is kept as it is. */
  readonly masterKey?: MasterKey
}): Promise<Store> {
  const { folder } = options
  let unlock: (() => void) | undefined
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    unlock = lockFolder(folder)
    const file = join(folder, 'belay.db')
    const replica = `r-${randomUUID()}`
    const clock = await prepareFile(file, replica)
    const masterKey = options.masterKey ?? null
    const store = new SqliteStore({ file, replica, clock, reader: openForReading(file), unlock, masterKey })
    await store.begin()
    return store
  } catch (error) {
    unlock?.()
    if (error instanceof BelayError) throw error
    const cause = `${folder}: ${error instanceof Error ? error.message : String(error)}`
    throw new BelayError('store:unavailable', { cause }, { cause: error })
  }
}

/** Makes the tables, enters this replica, and answers the highest time that the store has seen. */
async function prepareFile(file: string, replica: string): Promise<number> {
  const connection = openForWriting(file)
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: connection }) })
  try {
    await migrate(db, 'sqlite')
    const last = await db.selectFrom('chains').select('clock').where('chain', '=', CHAIN).executeTakeFirst()
    const clock = Math.max(Date.now(), last?.clock ?? 0)
    await db
      .insertInto('replicas')
      .values({ id: replica, expires_at: Number.MAX_SAFE_INTEGER, fenced_at: null })
      .execute()
    await db
      .insertInto('chains')
      .values({ chain: CHAIN, replica, seq: CHAIN_START.seq, hash: CHAIN_START.hash, clock })
      .onConflict((conflict) => conflict.column('chain').doUpdateSet({ replica }))
      .execute()
    return clock
  } finally {
    await db.destroy()
  }
}
