import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** What was learned of how agents behave. */
export function createBaselines(dialect: 'sqlite' | 'postgres'): Migration {
  const id = dialect === 'postgres' ? 'text COLLATE "C"' : 'text'
  return {
    up: async (db: Kysely<Tables>) => {
      // With row ids on SQLite: a row is longer than a page.
      await sql
        .raw(
          `CREATE TABLE baselines (
            agent ${id} NOT NULL, action ${id} NOT NULL, kind text NOT NULL, version bigint NOT NULL,
            updated_at bigint NOT NULL, data text NOT NULL, PRIMARY KEY (agent, action, kind))`,
        )
        .execute(db)
    },
  }
}
