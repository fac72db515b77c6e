import type { Kysely } from 'kysely'
import type { Tables } from './tables.ts'
import type { KeptCheckpoint, RecordHash, Tiles, TreeGrowth, TreeSize } from './tiles.ts'

export interface TileWrites {
  grow(growth: TreeGrowth): Promise<boolean>
  keepCheckpoint(checkpoint: KeptCheckpoint): Promise<void>
}

/** The same queries for both dialects; each writes in its own way. */
export class StoredTiles implements Tiles {
  readonly #db: Kysely<Tables>
  readonly #writes: TileWrites

  constructor(db: Kysely<Tables>, writes: TileWrites) {
    this.#db = db
    this.#writes = writes
  }

  sizes(): Promise<readonly TreeSize[]> {
    return this.#db.selectFrom('trees').select(['chain', 'size']).orderBy('chain').execute()
  }

  async size(chain: string): Promise<number> {
    const query = this.#db.selectFrom('trees').select('size').where('chain', '=', chain)
    return (await query.executeTakeFirst())?.size ?? 0
  }

  recordHashes(chain: string, afterSeq: number, limit: number): Promise<readonly RecordHash[]> {
    return this.#db
      .selectFrom('records')
      .select(['seq', 'hash'])
      .where('chain', '=', chain)
      .where('seq', '>', afterSeq)
      .orderBy('seq')
      .limit(limit)
      .execute()
  }

  async tile(chain: string, level: number, index: number): Promise<Uint8Array | undefined> {
    const query = this.#db
      .selectFrom('tree_tiles')
      .select('hashes')
      .where('chain', '=', chain)
      .where('level', '=', level)
      .where('number', '=', index)
    return (await query.executeTakeFirst())?.hashes
  }

  grow(growth: TreeGrowth): Promise<boolean> {
    return this.#writes.grow(growth)
  }

  checkpoints(chain: string): Promise<readonly KeptCheckpoint[]> {
    return this.#db
      .selectFrom('tree_checkpoints')
      .selectAll()
      .where('chain', '=', chain)
      .orderBy('size')
      .orderBy('name')
      .execute()
  }

  keepCheckpoint(checkpoint: KeptCheckpoint): Promise<void> {
    return this.#writes.keepCheckpoint(checkpoint)
  }
}
