import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** What people were told of. */
export function createAlarms(dialect: 'sqlite' | 'postgres'): Migration {
  const id = dialect === 'postgres' ? 'text COLLATE "C"' : 'text'
  return {
    up: async (db: Kysely<Tables>) => {
      const run = (text: string): Promise<unknown> => sql.raw(text).execute(db)
      await run(`CREATE TABLE alarms (
        id ${id} PRIMARY KEY, version bigint NOT NULL, key text NOT NULL, kind text NOT NULL, agent ${id},
        urgent bigint NOT NULL, title text NOT NULL, facts text NOT NULL, act text NOT NULL, session text, action ${id},
        raised_at bigint NOT NULL, last_at bigint NOT NULL, count bigint NOT NULL, told_at bigint NOT NULL,
        acknowledged_by text, acknowledged_at bigint, resolved_at bigint, resolved_by text)`)
      await run('CREATE UNIQUE INDEX alarms_open ON alarms (key) WHERE resolved_at IS NULL')
    },
  }
}
