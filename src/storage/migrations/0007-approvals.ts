import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** What was approved in advance, and who is away. */
export function createApprovals(dialect: 'sqlite' | 'postgres'): Migration {
  const [id, inKey] = dialect === 'postgres' ? ['text COLLATE "C"', ''] : ['text', ' WITHOUT ROWID']
  return {
    up: async (db: Kysely<Tables>) => {
      const run = (text: string): Promise<unknown> => sql.raw(text).execute(db)
      await run(`CREATE TABLE standing_approvals (
        id ${id} PRIMARY KEY, version bigint NOT NULL, agent ${id} NOT NULL, action text NOT NULL, bounds text NOT NULL,
        max_count bigint NOT NULL, sum_path text, max_sum bigint, reason text NOT NULL, grants text NOT NULL,
        created_by text NOT NULL, created_at bigint NOT NULL, expires_at bigint NOT NULL, revoked_at bigint,
        revoked_by text, used bigint NOT NULL, used_sum bigint NOT NULL,
        CHECK (used <= max_count), CHECK (max_sum IS NULL OR used_sum <= max_sum))${inKey}`)
      await run('CREATE INDEX standing_approvals_by_kind ON standing_approvals (agent, action)')
      await run(`CREATE TABLE absences (
        id ${id} PRIMARY KEY, version bigint NOT NULL, person text NOT NULL, substitute text NOT NULL,
        from_at bigint NOT NULL, until_at bigint NOT NULL, reason text, created_by text NOT NULL,
        created_at bigint NOT NULL, ended_at bigint)${inKey}`)
    },
  }
}
