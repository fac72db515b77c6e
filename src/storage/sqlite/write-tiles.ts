import type { Statement } from 'better-sqlite3'
import type { KeptCheckpoint, TreeGrowth } from '../tiles.ts'
import type { Connection } from './connection.ts'

/** Writes trees, each growth in a transaction of its own. */
export class TileWriter {
  readonly #grow: (growth: TreeGrowth) => boolean
  readonly #keep: Statement

  constructor(connection: Connection) {
    const size = connection.prepare('SELECT size FROM trees WHERE chain = ?').pluck()
    const resize = connection.prepare(
      'INSERT INTO trees (chain, size) VALUES (?, ?) ON CONFLICT (chain) DO UPDATE SET size = excluded.size',
    )
    const put = connection.prepare(
      `INSERT INTO tree_tiles (chain, level, number, hashes) VALUES (?, ?, ?, ?)
       ON CONFLICT (chain, level, number) DO UPDATE SET hashes = excluded.hashes`,
    )
    this.#keep = connection.prepare(
      `INSERT INTO tree_checkpoints (chain, name, size, at, note) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (chain, name) DO UPDATE SET size = excluded.size, at = excluded.at, note = excluded.note
       WHERE tree_checkpoints.size <= excluded.size`,
    )
    const growing = connection.transaction(({ chain, from, to, tiles }: TreeGrowth): boolean => {
      if ((size.get(chain) ?? 0) !== from) return false
      for (const { level, index, hashes } of tiles) put.run(chain, level, index, Buffer.from(hashes))
      resize.run(chain, to)
      return true
    })
    this.#grow = (growth) => growing.immediate(growth)
  }

  grow(growth: TreeGrowth): boolean {
    return this.#grow(growth)
  }

  keepCheckpoint({ chain, name, size, at, note }: KeptCheckpoint): null {
    this.#keep.run(chain, name, size, at, note)
    return null
  }
}
