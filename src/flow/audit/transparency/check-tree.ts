import type { Store } from '../../../storage/store.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import { recordLeaf } from './commitment.ts'
import { HASH_BYTES, TILE_WIDTH } from './merkle.ts'
import { TreeBuilder } from './tree-builder.ts'
import type { Fault } from './trust.ts'

/**
 * Makes the tree of a chain again out of its records, and compares it with the stored tiles, and at their sizes with the
 * checkpoints that somebody signed.
 */
export class TreeCheck {
  readonly #chain: string
  readonly #name: string
  readonly #fault: Fault
  readonly #store: Pick<Store, 'tiles'>
  readonly #expected: readonly SignedCheckpoint[]
  /** How many leaves the stored tree has. */
  readonly #stored: number
  readonly #tree = new TreeBuilder()
  #next = 0

  constructor(parts: {
    readonly chain: string
    readonly store: Pick<Store, 'tiles'>
    readonly stored: number
    readonly expected: readonly SignedCheckpoint[]
    readonly fault: Fault
  }) {
    this.#chain = parts.chain
    this.#name = JSON.stringify(parts.chain)
    this.#store = parts.store
    this.#stored = parts.stored
    this.#expected = parts.expected.toSorted((a, b) => a.size - b.size)
    this.#fault = parts.fault
    this.#compareRoots()
  }

  add(seq: number, recordHash: string): void {
    this.#tree.append(recordLeaf(this.#name, seq, recordHash))
    this.#compareRoots()
  }

  /** Compares the tiles that changed since the last call. */
  async compareTiles(): Promise<void> {
    for (const { level, index, hashes } of this.#tree.takeTiles()) {
      const inTree = Math.floor(this.#stored / TILE_WIDTH ** level) - index * TILE_WIDTH
      const bytes = Math.min(inTree, TILE_WIDTH) * HASH_BYTES
      if (bytes <= 0) continue
      const stored = await this.#store.tiles.tile(this.#chain, level, index)
      const both = Math.min(bytes, hashes.length)
      if (stored === undefined || stored.length < bytes || !same(stored, hashes, both))
        this.#fault(
          'ledger:tree',
          this.#chain,
          index * TILE_WIDTH ** (level + 1) + 1,
          `the tile ${level}/${index} of the tree is not that of the records`,
        )
    }
  }

  /** After the last record. */
  end(): void {
    for (const { origin, size } of this.#expected.slice(this.#next))
      this.#fault(
        'ledger:cut',
        this.#chain,
        this.#tree.size,
        `there are ${this.#tree.size} records; a checkpoint of ${origin} was signed over ${size}`,
      )
    if (this.#stored > this.#tree.size)
      this.#fault(
        'ledger:cut',
        this.#chain,
        this.#tree.size,
        `there are ${this.#tree.size} records; the tree was made over ${this.#stored}`,
      )
  }

  #compareRoots(): void {
    for (;;) {
      const expected = this.#expected[this.#next]
      if (expected === undefined || expected.size !== this.#tree.size) return
      this.#next++
      if (!this.#tree.root().equals(expected.root))
        this.#fault(
          'ledger:fork',
          this.#chain,
          expected.size,
          `the first ${expected.size} records are not those of a checkpoint that was signed of ${expected.origin}`,
        )
    }
  }
}

function same(a: Uint8Array, b: Uint8Array, bytes: number): boolean {
  return Buffer.compare(a.subarray(0, bytes), b.subarray(0, bytes)) === 0
}
