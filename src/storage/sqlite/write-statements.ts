import type { Statement } from 'better-sqlite3'
import type { Connection } from './connection.ts'

/** A statement to run for each of the rows; with `changes`, each must change exactly so many rows. */
export type StatementRun = readonly [
  text: string,
  changes: number | null,
  rows: readonly (readonly (string | number | null)[])[],
]

/**
 * Runs what is derived from the ledger, or belongs to none of its transitions, as one transaction: all of it, or
 * nothing when a statement did not change what it had to. The texts are ours and few; they are prepared once.
 */
export class StatementWriter {
  readonly #connection: Connection
  readonly #prepared = new Map<string, Statement>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  write(runs: readonly StatementRun[]): boolean {
    this.#statement('BEGIN IMMEDIATE').run()
    let holds = false
    try {
      holds = runs.every(([text, changes, rows]) => {
        const statement = this.#statement(text)
        return rows.every((row) => {
          const result = statement.run(...row)
          return changes === null || result.changes === changes
        })
      })
      if (holds) this.#statement('COMMIT').run()
    } finally {
      // A full disk may have rolled back already.
      if (this.#connection.inTransaction) this.#statement('ROLLBACK').run()
    }
    return holds
  }

  #statement(text: string): Statement {
    const known = this.#prepared.get(text)
    if (known !== undefined) return known
    const statement = this.#connection.prepare(text)
    this.#prepared.set(text, statement)
    return statement
  }
}
