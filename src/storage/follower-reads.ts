import { sql, type Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/** The same query for both dialects. */
export async function readPositions(
  db: Kysely<Tables>,
  follower: string,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ chain: string; seq: number }>`SELECT chain, seq FROM follower_positions
    WHERE name = ${follower}`.execute(db)
  return new Map(rows.map(({ chain, seq }) => [chain, seq]))
}
