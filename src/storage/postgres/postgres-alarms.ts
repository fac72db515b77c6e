import type { Kysely } from 'kysely'
import type pg from 'pg'
import { ALARM_COLUMNS, alarmValues, readAlarm, readAlarms } from '../alarm-reads.ts'
import type { AlarmFilter, AlarmRow, Alarms } from '../alarms.ts'
import type { Tables } from '../tables.ts'

const [, ...CHANGED] = ALARM_COLUMNS
const INSERT = `INSERT INTO alarms (${ALARM_COLUMNS.join(', ')}) VALUES (${ALARM_COLUMNS.map((_, n) => `$${n + 1}`).join(', ')})
  ON CONFLICT DO NOTHING`
const UPDATE = `UPDATE alarms SET ${CHANGED.map((column, n) => `${column} = $${n + 2}`).join(', ')}
  WHERE id = $1 AND version = $${ALARM_COLUMNS.length + 1}`

export class PostgresAlarms implements Alarms {
  readonly #db: Kysely<Tables>
  readonly #pool: pg.Pool

  constructor(db: Kysely<Tables>, pool: pg.Pool) {
    this.#db = db
    this.#pool = pool
  }

  list(filter: AlarmFilter): Promise<readonly AlarmRow[]> {
    return readAlarms(this.#db, filter)
  }

  get(id: string): Promise<AlarmRow | undefined> {
    return readAlarm(this.#db, { id })
  }

  open(key: string): Promise<AlarmRow | undefined> {
    return readAlarm(this.#db, { openKey: key })
  }

  async write(row: AlarmRow, replaces: number | null): Promise<boolean> {
    const values = alarmValues(row)
    const { rowCount } =
      replaces === null
        ? await this.#pool.query(INSERT, values)
        : await this.#pool.query(UPDATE, [...values, replaces])
    return rowCount === 1
  }

  async drop(before: number): Promise<void> {
    await this.#pool.query('DELETE FROM alarms WHERE resolved_at < $1', [before])
  }
}
