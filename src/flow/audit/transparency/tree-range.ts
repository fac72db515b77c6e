import { hash } from 'node:crypto'
import { EMPTY_ROOT, HASH_BYTES, nodeHash } from './merkle.ts'

/** The root of a whole subtree of 2^level leaves, the `index`-th of its size. */
export interface TreeNode {
  readonly level: number
  readonly index: number
  readonly hash: Uint8Array
}

const MAX_NODES = 128

/**
 * The leaves from one number up to another as the fewest whole subtrees. Ranges that follow one another can be hashed
 * apart, in threads, and joined; joined from the first leaf on they have the root of the tree.
 */
export class TreeRange {
  /** Side by side, so that two neighbours are hashed as they lie. */
  readonly #hashes = Buffer.alloc(MAX_NODES * HASH_BYTES)
  readonly #levels = new Int32Array(MAX_NODES)
  readonly #indexes = new Float64Array(MAX_NODES)
  readonly #pair = Buffer.alloc(1 + 2 * HASH_BYTES, 1)
  #nodes = 0
  #next: number

  constructor(first: number) {
    this.#next = first
  }

  /** The number of the leaf that comes next. */
  get next(): number {
    return this.#next
  }

  /** `leaf`: a leaf's hash as a binary string. */
  append(leaf: string): void {
    this.#hashes.write(leaf, this.#nodes * HASH_BYTES, 'latin1')
    this.#push(0, this.#next)
  }

  /** A whole subtree that begins where this range ends. */
  join({ level, index, hash: bytes }: TreeNode): void {
    if (index * 2 ** level !== this.#next) throw new RangeError('the subtree does not follow')
    this.#hashes.set(bytes, this.#nodes * HASH_BYTES)
    this.#push(level, index)
  }

  nodes(): TreeNode[] {
    return Array.from({ length: this.#nodes }, (_, i) => ({
      level: this.#levels[i] as number,
      index: this.#indexes[i] as number,
      hash: this.#hash(i),
    }))
  }

  /** The root of the tree, for a range that begins with leaf 0. */
  root(): Buffer {
    let root: Buffer | undefined
    for (let i = this.#nodes - 1; i >= 0; i--)
      root = root === undefined ? this.#hash(i) : nodeHash(this.#hash(i), root)
    return root ?? EMPTY_ROOT
  }

  #push(level: number, index: number): void {
    this.#levels[this.#nodes] = level
    this.#indexes[this.#nodes] = index
    this.#nodes++
    this.#next += 2 ** level
    while (this.#nodes > 1 && this.#canMerge(this.#nodes - 2)) this.#merge(this.#nodes - 2)
  }

  #canMerge(left: number): boolean {
    return this.#levels[left] === this.#levels[left + 1] && (this.#indexes[left] as number) % 2 === 0
  }

  #merge(left: number): void {
    const at = left * HASH_BYTES
    this.#hashes.copy(this.#pair, 1, at, at + 2 * HASH_BYTES)
    this.#hashes.write(hash('sha256', this.#pair, 'binary'), at, 'latin1')
    this.#levels[left] = (this.#levels[left] as number) + 1
    this.#indexes[left] = (this.#indexes[left] as number) / 2
    this.#nodes--
  }

  #hash(i: number): Buffer {
    return Buffer.from(this.#hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES))
  }
}
