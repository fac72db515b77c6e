import type { Kysely } from 'kysely'
import type pg from 'pg'
import { countAgreement, readKnownScore, readScores, SCORE_COLUMNS, scoreValues } from '../score-reads.ts'
import type { AgreementCount, PersonSaid, ScoreFilter, ScoreRow, Scores } from '../scores.ts'
import type { Tables } from '../tables.ts'
import { inTransaction } from './connections.ts'

const INSERT = `INSERT INTO quality_scores (${SCORE_COLUMNS.join(', ')}) VALUES (${SCORE_COLUMNS.map((_, n) => `$${n + 1}`).join(', ')})
  ON CONFLICT DO NOTHING`
const SAY = 'UPDATE quality_scores SET person = $1 WHERE action = $2 AND at < $3 AND person IS NULL'

export class PostgresScores implements Scores {
  readonly #db: Kysely<Tables>
  readonly #pool: pg.Pool

  constructor(db: Kysely<Tables>, pool: pg.Pool) {
    this.#db = db
    this.#pool = pool
  }

  async keep(scores: readonly ScoreRow[], people: readonly PersonSaid[]): Promise<void> {
    if (scores.length + people.length === 0) return
    await inTransaction(this.#pool, async (client) => {
      for (const score of scores) await client.query(INSERT, scoreValues(score))
      for (const { action, outcome, before } of people) await client.query(SAY, [outcome, action, before])
    })
  }

  list(filter: ScoreFilter): Promise<readonly ScoreRow[]> {
    return readScores(this.#db, filter)
  }

  known(same: Parameters<Scores['known']>[0], since: number): Promise<ScoreRow | undefined> {
    return readKnownScore(this.#db, same, since)
  }

  agreement(since: number): Promise<readonly AgreementCount[]> {
    return countAgreement(this.#db, since)
  }
}
