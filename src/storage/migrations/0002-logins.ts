import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** People who are logged in. */
export function createLogins(dialect: 'sqlite' | 'postgres'): Migration {
  const [id, inKey] = dialect === 'postgres' ? ['text COLLATE "C"', ''] : ['text', ' WITHOUT ROWID']
  return {
    up: async (db: Kysely<Tables>) => {
      await sql
        .raw(
          `CREATE TABLE logins (
            id ${id} PRIMARY KEY, version bigint NOT NULL, kind text NOT NULL, hash text NOT NULL UNIQUE,
            person text NOT NULL, via text NOT NULL, roles text NOT NULL, claims text NOT NULL,
            created_at bigint NOT NULL, seen_at bigint NOT NULL, expires_at bigint NOT NULL, ended_at bigint)${inKey}`,
        )
        .execute(db)
    },
  }
}
