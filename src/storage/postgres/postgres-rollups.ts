import type { Kysely } from 'kysely'
import type pg from 'pg'
import { ROLLUPS, RollupReads } from '../rollup-reads.ts'
import {
  PART_COLUMNS,
  partRow,
  SPAN_CHANGES,
  SPAN_COLUMNS,
  spanRow,
  SUM_COLUMNS,
  sumRow,
} from '../rollup-rows.ts'
import type { RollupStep } from '../rollups.ts'
import type { Tables } from '../tables.ts'
import { inTransaction } from './connections.ts'

/** Not all that had to change did. */
class Moved extends Error {}

/** What is derived from the records; each replica writes that of the chains it follows. */
export class PostgresRollups extends RollupReads {
  readonly #pool: pg.Pool

  constructor(db: Kysely<Tables>, pool: pg.Pool) {
    super(db)
    this.#pool = pool
  }

  async apply({ chain, from, to, spans, sums, sessions }: RollupStep): Promise<boolean> {
    const inserted = spans.filter(({ replaces }) => replaces === null).map(({ value }) => spanRow(value))
    const changed = spans.flatMap(({ value, replaces }) =>
      replaces === null ? [] : [{ ...spanRow(value), replaces }],
    )
    try {
      await inTransaction(this.#pool, async (client) => {
        const run = async (text: string, values: unknown[], changes: number): Promise<void> => {
          const { rowCount } = await client.query(text, values)
          if (rowCount !== changes) throw new Moved()
        }
        if (from === 0) await run(BEGIN_POSITION, [ROLLUPS, chain, to], 1)
        else await run(MOVE_POSITION, [to, ROLLUPS, chain, from], 1)
        if (inserted.length > 0) await run(INSERT_SPANS, [JSON.stringify(inserted)], inserted.length)
        if (changed.length > 0) await run(UPDATE_SPANS, [JSON.stringify(changed)], changed.length)
        if (sums.length > 0)
          await client.query(PUT_SUMS, [JSON.stringify(sums.map((sum) => sumRow(chain, sum)))])
        if (sessions.length > 0)
          await client.query(PUT_PARTS, [JSON.stringify(sessions.map((part) => partRow(chain, part)))])
      })
      return true
    } catch (error) {
      if (error instanceof Moved) return false
      throw error
    }
  }
}

function insertAll(table: string, columns: readonly string[], conflict: string): string {
  const list = columns.join(', ')
  return `INSERT INTO ${table} (${list}) SELECT ${list} FROM json_populate_recordset(NULL::${table}, $1::json)
    ON CONFLICT ${conflict}`
}

function replaceAll(table: string, columns: readonly string[], key: readonly string[]): string {
  const others = columns.filter((name) => !key.includes(name))
  const set = others.map((name) => `${name} = excluded.${name}`).join(', ')
  return insertAll(table, columns, `(${key.join(', ')}) DO UPDATE SET ${set}`)
}

const BEGIN_POSITION =
  'INSERT INTO follower_positions (name, chain, seq) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING'
const MOVE_POSITION = 'UPDATE follower_positions SET seq = $1 WHERE name = $2 AND chain = $3 AND seq = $4'
const INSERT_SPANS = insertAll('spans', SPAN_COLUMNS, 'DO NOTHING')
const UPDATE_SPANS = `UPDATE spans s SET ${SPAN_CHANGES.map((name) => `${name} = n.${name}`).join(', ')}
  FROM json_populate_recordset(NULL::spans, $1::json) n
    JOIN json_to_recordset($1::json) AS r (id text, replaces bigint) ON r.id = n.id
  WHERE s.id = n.id AND s.version = r.replaces`
const PUT_SUMS = replaceAll('rollups', SUM_COLUMNS, ['hour', 'chain', 'key'])
const PUT_PARTS = replaceAll('agent_sessions', PART_COLUMNS, ['agent', 'session', 'chain'])
