import { EMPTY_ROOT, HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, foldLevel, nodeHash, splitPoint } from './merkle.ts'

/** Reads a tile of the tree: at least `width` hashes of it. */
export type ReadTile = (level: number, index: number) => Promise<Uint8Array | undefined>

/** Expanded tiles kept, 16 KiB each. */
const KEPT = 128
/** Where each height of an expanded full tile begins, in bytes; the leaves come first. */
const STARTS = Array.from({ length: TILE_HEIGHT + 1 }, (_, height) =>
  Array.from({ length: height }, (__, below) => (TILE_WIDTH >> below) * HASH_BYTES).reduce(
    (a, b) => a + b,
    0,
  ),
)

/**
 * Roots and proofs out of tiles. Full tiles never change, so they are kept with the nodes inside them, which makes a
 * proof cost a few look-ups.
 */
export class TreeReader {
  readonly #read: ReadTile
  readonly #full = new Map<string, Buffer>()
  /** Of each level the last tile that was read at the edge. What is in it stays; it only gets longer. */
  readonly #edge = new Map<number, { readonly index: number; readonly bytes: Uint8Array }>()

  constructor(read: ReadTile) {
    this.#read = read
  }

  /** The root over the first `size` leaves. */
  root(size: number): Promise<Buffer> {
    return size === 0 ? Promise.resolve(EMPTY_ROOT) : this.#range(0, size, size)
  }

  /** The audit path of leaf `index` in the tree of `size` leaves (RFC 6962, 2.1.1), from its sibling up. */
  async inclusionProof(index: number, size: number): Promise<Buffer[]> {
    if (!(index >= 0 && index < size)) throw new RangeError(`no leaf ${index} in a tree of ${size}`)
    const path: Buffer[] = []
    let start = 0
    let end = size
    while (end - start > 1) {
      const middle = start + splitPoint(end - start)
      if (index < middle) {
        path.push(await this.#range(middle, end, size))
        end = middle
      } else {
        path.push(await this.#range(start, middle, size))
        start = middle
      }
    }
    return path.toReversed()
  }

  /** That the tree of `from` leaves is the beginning of that of `to` (RFC 6962, 2.1.2). Empty where none is needed. */
  async consistencyProof(from: number, to: number): Promise<Buffer[]> {
    if (!(from >= 0 && from <= to)) throw new RangeError(`no tree of ${from} in one of ${to}`)
    if (from === 0 || from === to) return []
    const proof: Buffer[] = []
    let start = 0
    let end = to
    // As long as the old tree ends where a subtree ends, its root is what the verifier has.
    let known = true
    while (from !== end) {
      const middle = start + splitPoint(end - start)
      if (from <= middle) {
        proof.push(await this.#range(middle, end, to))
        end = middle
      } else {
        proof.push(await this.#range(start, middle, to))
        start = middle
        known = false
      }
    }
    if (!known) proof.push(await this.#range(start, end, to))
    return proof.toReversed()
  }

  /** The hash over the leaves `start … end`, of which the tree has `size`. */
  async #range(start: number, end: number, size: number): Promise<Buffer> {
    const length = end - start
    const height = Math.log2(length)
    if (Number.isInteger(height) && start % length === 0) return this.#node(height, start / length, size)
    const middle = start + splitPoint(length)
    return nodeHash(await this.#range(start, middle, size), await this.#range(middle, end, size))
  }

  /** The root of a whole subtree of 2^height leaves. */
  async #node(height: number, index: number, size: number): Promise<Buffer> {
    const level = Math.floor(height / TILE_HEIGHT)
    const inner = height % TILE_HEIGHT
    const hashes = TILE_WIDTH >> inner
    const tile = Math.floor(index / hashes)
    const within = index % hashes
    const isFull = (tile + 1) * TILE_WIDTH ** (level + 1) <= size
    if (isFull) {
      const expanded = await this.#expanded(level, tile)
      const at = (STARTS[inner] as number) + within * HASH_BYTES
      return Buffer.from(expanded.subarray(at, at + HASH_BYTES))
    }
    const first = within << inner
    const bytes = await this.#atEdge(level, tile, first + (1 << inner))
    const nodes = Buffer.from(bytes.subarray(first * HASH_BYTES, (first + (1 << inner)) * HASH_BYTES))
    let count = 1 << inner
    while (count > 1) count = foldLevel(nodes, 0, count, nodes, 0)
    return nodes.subarray(0, HASH_BYTES)
  }

  async #expanded(level: number, index: number): Promise<Buffer> {
    const key = `${level}/${index}`
    const kept = this.#full.get(key)
    if (kept !== undefined) {
      this.#full.delete(key)
      this.#full.set(key, kept)
      return kept
    }
    const expanded = Buffer.alloc((2 * TILE_WIDTH - 1) * HASH_BYTES)
    expanded.set((await this.#tile(level, index, TILE_WIDTH)).subarray(0, TILE_WIDTH * HASH_BYTES))
    for (let height = 0; height < TILE_HEIGHT; height++)
      foldLevel(
        expanded,
        STARTS[height] as number,
        TILE_WIDTH >> height,
        expanded,
        STARTS[height + 1] as number,
      )
    this.#full.set(key, expanded)
    const [oldest] = this.#full.keys()
    if (this.#full.size > KEPT && oldest !== undefined) this.#full.delete(oldest)
    return expanded
  }

  async #atEdge(level: number, index: number, width: number): Promise<Uint8Array> {
    const kept = this.#edge.get(level)
    if (kept?.index === index && kept.bytes.length >= width * HASH_BYTES) return kept.bytes
    const bytes = await this.#tile(level, index, width)
    this.#edge.set(level, { index, bytes })
    return bytes
  }

  async #tile(level: number, index: number, width: number): Promise<Uint8Array> {
    const bytes = await this.#read(level, index)
    if (bytes === undefined || bytes.length < width * HASH_BYTES)
      throw new Error(`the tile ${level}/${index} of the tree is missing`)
    return bytes
  }
}
