import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { inject } from 'vitest'
import { openPostgres } from '../../src/storage/postgres/open-postgres.ts'
import { openSqlite } from '../../src/storage/sqlite/open-sqlite.ts'
import type { Store } from '../../src/storage/store.ts'
import { dropDatabase, freshDatabase } from '../setup/start-postgres.ts'

export const DIALECTS = ['sqlite', 'postgres'] as const
export type Dialect = (typeof DIALECTS)[number]

export interface Database {
  readonly dialect: Dialect
  /** Folder or URL. */
  readonly where: string
  open(replicaLeaseMs?: number): Promise<Store>
  /** The process of this store is dead: the next one that opens may take over what it left. */
  abandon(store: Store): Promise<void>
  /** All processes that are open now are dead, and their leases are over. */
  expireReplicas(): Promise<void>
  drop(): Promise<void>
}

/** A new, empty database. */
export async function newDatabase(dialect: Dialect): Promise<Database> {
  if (dialect === 'sqlite') {
    const folder = mkdtempSync(join(tmpdir(), 'belay-proof-'))
    return {
      dialect,
      where: folder,
      open: () => openSqlite({ folder }),
      abandon: (store) => store.close(),
      expireReplicas: async () => undefined,
      drop: async () => rmSync(folder, { recursive: true, force: true }),
    }
  }
  const url = await freshDatabase(inject('postgresUrl'))
  const run = async (text: string, values: string[] = []): Promise<void> => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      await client.query(text, values)
    } finally {
      await client.end()
    }
  }
  return {
    dialect,
    where: url,
    open: (replicaLeaseMs) => openPostgres({ url, ...(replicaLeaseMs !== undefined && { replicaLeaseMs }) }),
    abandon: ({ replica }) => run('UPDATE replicas SET expires_at = 0 WHERE id = $1', [replica]),
    expireReplicas: () => run('UPDATE replicas SET expires_at = 0'),
    drop: () => dropDatabase(url),
  }
}
