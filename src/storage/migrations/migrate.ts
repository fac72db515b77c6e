import type { Kysely } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import { BelayError } from '../../errors/catalogue.ts'
import type { Tables } from '../tables.ts'
import { createTables } from './0001-tables.ts'
import { createLogins } from './0002-logins.ts'
import { createTrees } from './0003-transparency.ts'
import { createSubjectKeys } from './0004-subject-keys.ts'
import { createRollups } from './0005-rollups.ts'
import { createPrompts } from './0006-prompts.ts'
import { createApprovals } from './0007-approvals.ts'
import { createBaselines } from './0008-baselines.ts'
import { createAlarms } from './0009-alarms.ts'
import { createScores } from './0010-quality.ts'
import { addStandingTargets } from './0011-standing-targets.ts'

/** Brings the database to the newest schema. Rejects with `store:unavailable` and leaves it as it was. */
export async function migrate(db: Kysely<Tables>, dialect: 'sqlite' | 'postgres'): Promise<void> {
  const migrations: Record<string, Migration> = {
    '0001-tables': createTables(dialect),
    '0002-logins': createLogins(dialect),
    '0003-transparency': createTrees(dialect),
    '0004-subject-keys': createSubjectKeys(dialect),
    '0005-rollups': createRollups(dialect),
    '0006-prompts': createPrompts(dialect),
    '0007-approvals': createApprovals(dialect),
    '0008-baselines': createBaselines(dialect),
    '0009-alarms': createAlarms(dialect),
    '0010-quality': createScores(dialect),
    '0011-standing-targets': addStandingTargets(),
  }
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(migrations) },
    migrationTableName: 'belay_migration',
    migrationLockTableName: 'belay_migration_lock',
  })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) {
    const cause = error instanceof Error ? error.message : JSON.stringify(error)
    throw new BelayError('store:unavailable', {
      cause: `the schema could not be brought up to date: ${cause}`,
    })
  }
}
