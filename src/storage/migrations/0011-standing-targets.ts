import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** What standing approvals cover beyond the input. Those that were granted before go on covering no target. */
export function addStandingTargets(): Migration {
  return {
    up: async (db: Kysely<Tables>) => {
      await sql
        .raw("ALTER TABLE standing_approvals ADD COLUMN targets text NOT NULL DEFAULT '[]'")
        .execute(db)
    },
  }
}
