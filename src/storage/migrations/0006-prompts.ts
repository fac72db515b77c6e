import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** The registry of prompts: versions, which never change, and labels, which move. */
export function createPrompts(dialect: 'sqlite' | 'postgres'): Migration {
  const [id, inKey] = dialect === 'postgres' ? ['text COLLATE "C"', ''] : ['text', ' WITHOUT ROWID']
  return {
    up: async (db: Kysely<Tables>) => {
      for (const text of [
        `CREATE TABLE prompt_versions (
          name ${id} NOT NULL, version bigint NOT NULL, digest text NOT NULL, content text NOT NULL,
          config text NOT NULL, note text, created_at bigint NOT NULL, created_by text NOT NULL,
          PRIMARY KEY (name, version))${inKey}`,
        `CREATE TABLE prompt_labels (
          name ${id} NOT NULL, label ${id} NOT NULL, version bigint NOT NULL, moved_at bigint NOT NULL,
          moved_by text NOT NULL, PRIMARY KEY (name, label))${inKey}`,
      ])
        await sql.raw(text).execute(db)
    },
  }
}
