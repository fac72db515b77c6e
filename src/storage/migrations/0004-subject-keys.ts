import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** The keys of data subjects. On SQLite they lie in a file of their own: see sqlite/subject-key-file.ts. */
export function createSubjectKeys(dialect: 'sqlite' | 'postgres'): Migration {
  return {
    up: async (db: Kysely<Tables>) => {
      if (dialect === 'sqlite') return
      await sql
        .raw(
          `CREATE TABLE subject_keys (
            subject text COLLATE "C" NOT NULL, generation bigint NOT NULL, wrapped text,
            created_at bigint NOT NULL, destroyed_at bigint, PRIMARY KEY (subject, generation))`,
        )
        .execute(db)
    },
  }
}
