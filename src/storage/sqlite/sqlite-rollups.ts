import type { Kysely } from 'kysely'
import { RollupReads, ROLLUPS } from '../rollup-reads.ts'
import {
  changedValues,
  PART_COLUMNS,
  partRow,
  SPAN_CHANGES,
  SPAN_COLUMNS,
  spanValues,
  SUM_COLUMNS,
  sumRow,
  type Row,
} from '../rollup-rows.ts'
import type { RollupStep } from '../rollups.ts'
import type { Tables } from '../tables.ts'
import type { StatementRun } from './write-statements.ts'

/** What is derived from the records, written by the writer thread. */
export class SqliteRollups extends RollupReads {
  readonly #write: (runs: readonly StatementRun[]) => Promise<boolean>

  constructor(db: Kysely<Tables>, write: (runs: readonly StatementRun[]) => Promise<boolean>) {
    super(db)
    this.#write = write
  }

  apply({ chain, from, to, spans, sums, sessions }: RollupStep): Promise<boolean> {
    const inserted = spans.filter(({ replaces }) => replaces === null)
    const changed = spans.flatMap(({ value, replaces }) => (replaces === null ? [] : [{ value, replaces }]))
    return this.#write([
      from === 0
        ? [BEGIN_POSITION, 1, [[ROLLUPS, chain, to]]]
        : [MOVE_POSITION, 1, [[to, ROLLUPS, chain, from]]],
      [INSERT_SPAN, 1, inserted.map(({ value }) => spanValues(value))],
      [UPDATE_SPAN, 1, changed.map(({ value, replaces }) => [...changedValues(value), value.id, replaces])],
      [PUT_SUM, null, sums.map((sum) => valuesOf(sumRow(chain, sum), SUM_COLUMNS))],
      [PUT_PART, null, sessions.map((part) => valuesOf(partRow(chain, part), PART_COLUMNS))],
    ])
  }
}

function valuesOf(row: Row, columns: readonly string[]): (string | number | null)[] {
  return columns.map((column) => row[column] ?? null)
}

function insert(verb: string, table: string, columns: readonly string[], more = ''): string {
  return `${verb} INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')}) ${more}`
}

const BEGIN_POSITION = insert(
  'INSERT',
  'follower_positions',
  ['name', 'chain', 'seq'],
  'ON CONFLICT DO NOTHING',
)
const MOVE_POSITION = 'UPDATE follower_positions SET seq = ? WHERE name = ? AND chain = ? AND seq = ?'
const INSERT_SPAN = insert('INSERT', 'spans', SPAN_COLUMNS, 'ON CONFLICT DO NOTHING')
const UPDATE_SPAN = `UPDATE spans SET ${SPAN_CHANGES.map((name) => `${name} = ?`).join(', ')} WHERE id = ? AND version = ?`
const PUT_SUM = insert('REPLACE', 'rollups', SUM_COLUMNS)
const PUT_PART = insert('REPLACE', 'agent_sessions', PART_COLUMNS)
