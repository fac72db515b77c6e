import type { Kysely } from 'kysely'
import { countAgreement, readKnownScore, readScores, SCORE_COLUMNS, scoreValues } from '../score-reads.ts'
import type { AgreementCount, PersonSaid, ScoreFilter, ScoreRow, Scores } from '../scores.ts'
import type { Tables } from '../tables.ts'
import type { StatementRun } from './write-statements.ts'

const INSERT = `INSERT INTO quality_scores (${SCORE_COLUMNS.join(', ')}) VALUES (${SCORE_COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT DO NOTHING`
const SAY = 'UPDATE quality_scores SET person = ? WHERE action = ? AND at < ? AND person IS NULL'

export class SqliteScores implements Scores {
  readonly #db: Kysely<Tables>
  readonly #write: (runs: readonly StatementRun[]) => Promise<boolean>

  constructor(db: Kysely<Tables>, write: (runs: readonly StatementRun[]) => Promise<boolean>) {
    this.#db = db
    this.#write = write
  }

  async keep(scores: readonly ScoreRow[], people: readonly PersonSaid[]): Promise<void> {
    if (scores.length + people.length === 0) return
    await this.#write([
      [INSERT, null, scores.map(scoreValues)],
      [SAY, null, people.map(({ action, outcome, before }) => [outcome, action, before])],
    ])
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
