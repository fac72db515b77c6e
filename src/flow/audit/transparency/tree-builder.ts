import { EMPTY_ROOT, HASH_BYTES, TILE_BYTES, TILE_WIDTH, foldHashes } from './merkle.ts'

/** One tile of a tree (C2SP tlog-tiles): up to 256 hashes side by side. */
export interface Tile {
  readonly level: number
  readonly index: number
  readonly hashes: Buffer
}

/**
 * Grows a tree leaf by leaf and hands out its tiles. In memory is only the right edge: one tile a level. A leaf costs
 * one hash of a node, on average.
 */
export class TreeBuilder {
  /** Of each level the tile that is not full. */
  readonly #edge: { readonly hashes: Buffer; width: number; index: number; changed: boolean }[] = []
  #size = 0
  /** Tiles that filled since they were last asked for. */
  #full: Tile[] = []

  /** Goes on with a tree of `size` leaves, whose edge is read from `tile`. */
  static async resume(
    size: number,
    tile: (level: number, index: number) => Promise<Uint8Array | undefined>,
  ): Promise<TreeBuilder> {
    const builder = new TreeBuilder()
    builder.#size = size
    for (const { level, index, width } of edgeOf(size)) {
      const edge = builder.#level(level)
      edge.index = index
      edge.width = width
      if (width === 0) continue
      const stored = await tile(level, index)
      if (stored === undefined || stored.length < width * HASH_BYTES)
        throw new Error(`the tile ${level}/${index} of the tree is missing`)
      edge.hashes.set(stored.subarray(0, width * HASH_BYTES))
    }
    return builder
  }

  get size(): number {
    return this.#size
  }

  /** `leaf`: a leaf's hash as a binary string. */
  append(leaf: string): void {
    const edge = this.#level(0)
    edge.hashes.write(leaf, edge.width * HASH_BYTES, 'latin1')
    this.#size++
    this.#grown(0)
  }

  /** The root over all leaves. */
  root(): Buffer {
    return rootOfEdge(this.#edge)
  }

  /** The tiles that changed since the last call: those that filled, then those of the edge. */
  takeTiles(): Tile[] {
    const taken = this.#full
    this.#full = []
    for (const [level, edge] of this.#edge.entries()) {
      if (!edge.changed) continue
      edge.changed = false
      if (edge.width === 0) continue
      taken.push({
        level,
        index: edge.index,
        hashes: Buffer.from(edge.hashes.subarray(0, edge.width * HASH_BYTES)),
      })
    }
    return taken
  }

  #grown(level: number): void {
    const edge = this.#level(level)
    edge.width++
    edge.changed = true
    if (edge.width < TILE_WIDTH) return
    this.#full.push({ level, index: edge.index, hashes: Buffer.from(edge.hashes) })
    const above = this.#level(level + 1)
    foldHashes(edge.hashes, TILE_WIDTH).copy(above.hashes, above.width * HASH_BYTES)
    edge.width = 0
    edge.index++
    edge.changed = false
    this.#grown(level + 1)
  }

  #level(level: number) {
    return (this.#edge[level] ??= { hashes: Buffer.alloc(TILE_BYTES), width: 0, index: 0, changed: false })
  }
}

/** The partial tiles of a tree of `size` leaves, from the leaves up; a level whose tiles are all full has width 0. */
function edgeOf(size: number): { level: number; index: number; width: number }[] {
  const edge = []
  for (let level = 0, hashes = size; hashes > 0; level++) {
    edge.push({ level, index: Math.floor(hashes / TILE_WIDTH), width: hashes % TILE_WIDTH })
    hashes = Math.floor(hashes / TILE_WIDTH)
  }
  return edge
}

const entries = Buffer.alloc(TILE_BYTES + HASH_BYTES)

/** The root of the tree whose right edge this is: what a level has left over is the last entry of the level above. */
function rootOfEdge(edge: readonly { readonly hashes: Uint8Array; readonly width: number }[]): Buffer {
  let left: Buffer | undefined
  for (const { hashes, width } of edge) {
    if (width === 0) continue
    entries.set(hashes.subarray(0, width * HASH_BYTES))
    if (left !== undefined) left.copy(entries, width * HASH_BYTES)
    left = foldHashes(entries, left === undefined ? width : width + 1)
  }
  return left ?? EMPTY_ROOT
}
