import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** The Merkle tree of each chain in tiles, and what witnesses signed. */
export function createTrees(dialect: 'sqlite' | 'postgres'): Migration {
  const [bytes, inKey] = dialect === 'postgres' ? ['bytea', ''] : ['blob', ' WITHOUT ROWID']
  return {
    up: async (db: Kysely<Tables>) => {
      const run = (text: string): Promise<unknown> => sql.raw(text).execute(db)
      await run(`CREATE TABLE trees (chain text PRIMARY KEY, size bigint NOT NULL)${inKey}`)
      // With row ids on SQLite: a tile is as long as a page.
      await run(`CREATE TABLE tree_tiles (
        chain text NOT NULL, level bigint NOT NULL, number bigint NOT NULL, hashes ${bytes} NOT NULL,
        PRIMARY KEY (chain, level, number))`)
      await run(`CREATE TABLE tree_checkpoints (
        chain text NOT NULL, name text NOT NULL, size bigint NOT NULL, at bigint NOT NULL, note text NOT NULL,
        PRIMARY KEY (chain, name))${inKey}`)
    },
  }
}
