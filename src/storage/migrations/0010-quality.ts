import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** What judges made of actions. */
export function createScores(dialect: 'sqlite' | 'postgres'): Migration {
  const id = dialect === 'postgres' ? 'text COLLATE "C"' : 'text'
  return {
    up: async (db: Kysely<Tables>) => {
      const run = (text: string): Promise<unknown> => sql.raw(text).execute(db)
      await run(`CREATE TABLE quality_scores (
        id ${id} PRIMARY KEY, action ${id} NOT NULL, agent ${id} NOT NULL, name text NOT NULL, at bigint NOT NULL,
        timing text NOT NULL, rubric text NOT NULL, rubric_digest text NOT NULL, judge text NOT NULL,
        judge_digest text NOT NULL, content text NOT NULL, verdict text NOT NULL, score bigint,
        threshold bigint NOT NULL, label text, error text, cached bigint NOT NULL, judge_action ${id}, person text)`)
      await run('CREATE INDEX quality_scores_of_action ON quality_scores (action)')
      await run('CREATE INDEX quality_scores_of_content ON quality_scores (content)')
    },
  }
}
