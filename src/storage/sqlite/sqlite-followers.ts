import type { Kysely } from 'kysely'
import { readPositions } from '../follower-reads.ts'
import type { FollowerPositions } from '../followers.ts'
import type { Tables } from '../tables.ts'
import type { StatementRun } from './write-statements.ts'

const BEGIN = 'INSERT INTO follower_positions (name, chain, seq) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'
const MOVE = 'UPDATE follower_positions SET seq = ? WHERE name = ? AND chain = ? AND seq = ?'

export class SqliteFollowers implements FollowerPositions {
  readonly #db: Kysely<Tables>
  readonly #write: (runs: readonly StatementRun[]) => Promise<boolean>

  constructor(db: Kysely<Tables>, write: (runs: readonly StatementRun[]) => Promise<boolean>) {
    this.#db = db
    this.#write = write
  }

  positions(follower: string): Promise<ReadonlyMap<string, number>> {
    return readPositions(this.#db, follower)
  }

  move(follower: string, chain: string, from: number | null, to: number): Promise<boolean> {
    return this.#write([
      from === null ? [BEGIN, 1, [[follower, chain, to]]] : [MOVE, 1, [[to, follower, chain, from]]],
    ])
  }
}
