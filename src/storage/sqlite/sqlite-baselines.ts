import type { Kysely } from 'kysely'
import { baselineValues, readBaselineHeads, readBaselines } from '../baseline-reads.ts'
import type { BaselineHead, BaselineKey, BaselineRow, Baselines, BaselineWrite } from '../baselines.ts'
import type { Tables } from '../tables.ts'
import type { StatementRun } from './write-statements.ts'

const INSERT = `INSERT INTO baselines (agent, action, kind, version, updated_at, data) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT DO NOTHING`
const UPDATE = `UPDATE baselines SET version = ?, updated_at = ?, data = ?
  WHERE agent = ? AND action = ? AND kind = ? AND version = ?`
const DROP = 'DELETE FROM baselines WHERE agent = ?'

export class SqliteBaselines implements Baselines {
  readonly #db: Kysely<Tables>
  readonly #write: (runs: readonly StatementRun[]) => Promise<boolean>

  constructor(db: Kysely<Tables>, write: (runs: readonly StatementRun[]) => Promise<boolean>) {
    this.#db = db
    this.#write = write
  }

  heads(): Promise<readonly BaselineHead[]> {
    return readBaselineHeads(this.#db)
  }

  rows(keys: readonly BaselineKey[]): Promise<readonly BaselineRow[]> {
    return readBaselines(this.#db, keys)
  }

  async write(rows: readonly BaselineWrite[]): Promise<readonly boolean[]> {
    if (rows.length === 0) return []
    const runs = rows.map(runOf)
    // One transaction for all; one that lost its row must not take the others with it.
    if (await this.#write(runs)) return rows.map(() => true)
    const written: boolean[] = []
    for (const run of runs) written.push(await this.#write([run]))
    return written
  }

  async drop(agent: string): Promise<void> {
    await this.#write([[DROP, null, [[agent]]]])
  }
}

function runOf(one: BaselineWrite): StatementRun {
  const [agent, action, kind, version, updatedAt, data] = baselineValues(one)
  return one.replaces === null
    ? [INSERT, 1, [[agent, action, kind, version, updatedAt, data]]]
    : [UPDATE, 1, [[version, updatedAt, data, agent, action, kind, one.replaces]]]
}
