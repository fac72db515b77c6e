import type { Kysely } from 'kysely'
import type pg from 'pg'
import { baselineValues, readBaselineHeads, readBaselines } from '../baseline-reads.ts'
import type { BaselineHead, BaselineKey, BaselineRow, Baselines, BaselineWrite } from '../baselines.ts'
import type { Tables } from '../tables.ts'

const INSERT = `INSERT INTO baselines (agent, action, kind, version, updated_at, data) VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT DO NOTHING`
const UPDATE = `UPDATE baselines SET version = $4, updated_at = $5, data = $6
  WHERE agent = $1 AND action = $2 AND kind = $3 AND version = $7`

export class PostgresBaselines implements Baselines {
  readonly #db: Kysely<Tables>
  readonly #pool: pg.Pool

  constructor(db: Kysely<Tables>, pool: pg.Pool) {
    this.#db = db
    this.#pool = pool
  }

  heads(): Promise<readonly BaselineHead[]> {
    return readBaselineHeads(this.#db)
  }

  rows(keys: readonly BaselineKey[]): Promise<readonly BaselineRow[]> {
    return readBaselines(this.#db, keys)
  }

  async write(rows: readonly BaselineWrite[]): Promise<readonly boolean[]> {
    const written: boolean[] = []
    for (const one of rows) {
      const { rowCount } =
        one.replaces === null
          ? await this.#pool.query(INSERT, [...baselineValues(one)])
          : await this.#pool.query(UPDATE, [...baselineValues(one), one.replaces])
      written.push(rowCount === 1)
    }
    return written
  }

  async drop(agent: string): Promise<void> {
    await this.#pool.query('DELETE FROM baselines WHERE agent = $1', [agent])
  }
}
