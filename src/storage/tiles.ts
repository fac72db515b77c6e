/**
 * The transparency log of each chain: a Merkle tree over its records, kept in tiles (C2SP tlog-tiles), and the
 * checkpoints that others signed. All of it can be made anew from the records, except what others signed.
 */
export interface Tiles {
  /** The trees there are, with how many leaves each has, by chain. */
  sizes(): Promise<readonly TreeSize[]>
  /** How many leaves the tree has; 0 before the first. */
  size(chain: string): Promise<number>
  /** The hashes of a chain's records after `afterSeq`, in order: what leaves are made of. */
  recordHashes(chain: string, afterSeq: number, limit: number): Promise<readonly RecordHash[]>
  /** Up to 256 hashes of 32 bytes side by side; a tile at the right edge has as many as the tree does by now. */
  tile(chain: string, level: number, index: number): Promise<Uint8Array | undefined>
  /** Writes the tiles and the new size durably, or nothing of it: `false` when the tree no longer has `from` leaves. */
  grow(growth: TreeGrowth): Promise<boolean>

  /** By size, smallest first. */
  checkpoints(chain: string): Promise<readonly KeptCheckpoint[]>
  /** Replaces the checkpoint of that name, durably, unless that is of a larger tree. */
  keepCheckpoint(checkpoint: KeptCheckpoint): Promise<void>
}

export interface TreeSize {
  readonly chain: string
  readonly size: number
}

export interface RecordHash {
  readonly seq: number
  /** As in the ledger, hex. */
  readonly hash: string
}

export interface TreeGrowth {
  readonly chain: string
  readonly from: number
  readonly to: number
  readonly tiles: readonly StoredTile[]
}

export interface StoredTile {
  readonly level: number
  readonly index: number
  readonly hashes: Uint8Array
}

export interface KeptCheckpoint {
  readonly chain: string
  /** Who signed it beside the log: the name of a witness's key, or `quorum` for one that enough of them signed. */
  readonly name: string
  readonly size: number
  /** Epoch ms. */
  readonly at: number
  /** The signed note. */
  readonly note: string
}
