import type { Statement } from 'better-sqlite3'
import type { Connection } from './connection.ts'

/** Rows a statement, the largest first: running one has its price, whatever it writes. */
const SIZES = [16, 4, 1]
/** All rows of a statement are copied before the first is written: where one is longer than this, each goes alone. */
const LONG = 65_536

type Value = string | number | null

/** Collects rows and inserts many of them with one statement. */
export class ManyRows {
  readonly #width: number
  readonly #statements: readonly { readonly rows: number; readonly statement: Statement }[]
  #values: Value[] = []
  #hasLong = false

  /** `head`: the statement up to `VALUES`; `row`: what stands for one row, with as many places as a row has values. */
  constructor(connection: Connection, head: string, row: string) {
    this.#width = row.split('?').length - 1
    this.#statements = SIZES.map((rows) => ({
      rows,
      statement: connection.prepare(`${head} VALUES ${Array.from({ length: rows }, () => row).join(', ')}`),
    }))
  }

  add(...values: readonly Value[]): void {
    for (const value of values) {
      if (typeof value === 'string' && value.length > LONG) this.#hasLong = true
      this.#values.push(value)
    }
  }

  /** Writes what was collected, in its order, inside the caller's transaction. When it throws, nothing of it is kept. */
  flush(): void {
    const values = this.#values
    if (values.length === 0) return
    const most = this.#hasLong ? 1 : Number.POSITIVE_INFINITY
    this.clear()
    let from = 0
    for (const { rows, statement } of this.#statements) {
      if (rows > most) continue
      const length = rows * this.#width
      for (; values.length - from >= length; from += length) statement.run(values.slice(from, from + length))
    }
  }

  /** Forgets what was collected, before a rollback. */
  clear(): void {
    this.#values = []
    this.#hasLong = false
  }
}
