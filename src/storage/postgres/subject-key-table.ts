import type pg from 'pg'
import type { SubjectKeyRow, SubjectKeyRows } from '../sealing/subject-keys.ts'

/** The keys of data subjects, in a table that backups leave out: see docs/ledger.md. */
export class SubjectKeyTable implements SubjectKeyRows {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async read(subjects: readonly string[]): Promise<readonly SubjectKeyRow[]> {
    const { rows } = await this.#pool.query<SubjectKeyRow>(
      'SELECT subject, generation, wrapped FROM subject_keys WHERE subject = ANY($1::text[])',
      [subjects],
    )
    return rows
  }

  async insert(rows: readonly SubjectKeyRow[], at: number): Promise<void> {
    await this.#pool.query(
      `INSERT INTO subject_keys (subject, generation, wrapped, created_at)
       SELECT r.subject, r.generation, r.wrapped, $2::bigint
       FROM json_to_recordset($1::json) AS r (subject text, generation bigint, wrapped text)
       ORDER BY r.subject ON CONFLICT DO NOTHING`,
      [JSON.stringify(rows), at],
    )
  }

  async destroy(subject: string, at: number): Promise<number> {
    const { rowCount } = await this.#pool.query(
      'UPDATE subject_keys SET wrapped = NULL, destroyed_at = $2 WHERE subject = $1 AND wrapped IS NOT NULL',
      [subject, at],
    )
    return rowCount ?? 0
  }
}
