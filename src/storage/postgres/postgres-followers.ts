import type { Kysely } from 'kysely'
import type pg from 'pg'
import { readPositions } from '../follower-reads.ts'
import type { FollowerPositions } from '../followers.ts'
import type { Tables } from '../tables.ts'

const BEGIN = 'INSERT INTO follower_positions (name, chain, seq) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING'
const MOVE = 'UPDATE follower_positions SET seq = $3 WHERE name = $1 AND chain = $2 AND seq = $4'

export class PostgresFollowers implements FollowerPositions {
  readonly #db: Kysely<Tables>
  readonly #pool: pg.Pool

  constructor(db: Kysely<Tables>, pool: pg.Pool) {
    this.#db = db
    this.#pool = pool
  }

  positions(follower: string): Promise<ReadonlyMap<string, number>> {
    return readPositions(this.#db, follower)
  }

  async move(follower: string, chain: string, from: number | null, to: number): Promise<boolean> {
    const { rowCount } =
      from === null
        ? await this.#pool.query(BEGIN, [follower, chain, to])
        : await this.#pool.query(MOVE, [follower, chain, to, from])
    return rowCount === 1
  }
}
