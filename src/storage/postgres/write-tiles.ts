import type pg from 'pg'
import type { KeptCheckpoint, TreeGrowth } from '../tiles.ts'
import { inTransaction } from './connections.ts'

/** `false` when another replica has let the tree grow meanwhile. */
export function growTree(pool: pg.Pool, { chain, from, to, tiles }: TreeGrowth): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    const { rowCount } = await client.query(from === 0 ? BEGIN_TREE : GROW_TREE, [chain, from, to])
    if (rowCount !== 1) return false
    for (const { level, index, hashes } of tiles) await client.query(PUT_TILE, [chain, level, index, hashes])
    return true
  })
}

export async function keepCheckpoint(pool: pg.Pool, checkpoint: KeptCheckpoint): Promise<void> {
  const { chain, name, size, at, note } = checkpoint
  await pool.query(KEEP, [chain, name, size, at, note])
}

const BEGIN_TREE = `INSERT INTO trees (chain, size) VALUES ($1, $3::bigint + $2::bigint) ON CONFLICT DO NOTHING`
const GROW_TREE = `UPDATE trees SET size = $3 WHERE chain = $1 AND size = $2`
const PUT_TILE = `INSERT INTO tree_tiles (chain, level, number, hashes) VALUES ($1, $2, $3, $4)
  ON CONFLICT (chain, level, number) DO UPDATE SET hashes = $4`
const KEEP = `INSERT INTO tree_checkpoints (chain, name, size, at, note) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (chain, name) DO UPDATE SET size = $3, at = $4, note = $5 WHERE tree_checkpoints.size <= $3`
