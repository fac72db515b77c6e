import type { Kysely } from 'kysely'
import { ALARM_COLUMNS, alarmValues, readAlarm, readAlarms } from '../alarm-reads.ts'
import type { AlarmFilter, AlarmRow, Alarms } from '../alarms.ts'
import type { Tables } from '../tables.ts'
import type { StatementRun } from './write-statements.ts'

const [, ...CHANGED] = ALARM_COLUMNS
const INSERT = `INSERT INTO alarms (${ALARM_COLUMNS.join(', ')}) VALUES (${ALARM_COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT DO NOTHING`
const UPDATE = `UPDATE alarms SET ${CHANGED.map((column) => `${column} = ?`).join(', ')} WHERE id = ? AND version = ?`

export class SqliteAlarms implements Alarms {
  readonly #db: Kysely<Tables>
  readonly #write: (runs: readonly StatementRun[]) => Promise<boolean>

  constructor(db: Kysely<Tables>, write: (runs: readonly StatementRun[]) => Promise<boolean>) {
    this.#db = db
    this.#write = write
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

  write(row: AlarmRow, replaces: number | null): Promise<boolean> {
    const [id, ...changed] = alarmValues(row)
    return this.#write([
      replaces === null ? [INSERT, 1, [[id!, ...changed]]] : [UPDATE, 1, [[...changed, id!, replaces]]],
    ])
  }

  async drop(before: number): Promise<void> {
    await this.#write([['DELETE FROM alarms WHERE resolved_at < ?', null, [[before]]]])
  }
}
