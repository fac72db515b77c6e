import { HASH_BYTES, nodeHash } from './merkle.ts'

/** A path is never longer than a tree of 2^53 leaves is high. */
export const MAX_PATH = 63

/** Whether the path leads from the leaf at `index` to the root of the tree of `size` leaves (RFC 9162, 2.1.3.2). */
export function inclusionHolds(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!isIndex(index) || !isIndex(size) || index >= size || !areHashes([leaf, root, ...path])) return false
  let node = index
  let last = size - 1
  let hash: Uint8Array = leaf
  for (const sibling of path) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash)
      while (node % 2 === 0 && node !== 0) {
        node = half(node)
        last = half(last)
      }
    } else hash = nodeHash(hash, sibling)
    node = half(node)
    last = half(last)
  }
  return last === 0 && same(hash, root)
}

/** Whether the tree of `from` leaves is the beginning of that of `to` (RFC 9162, 2.1.4.2). */
export function consistencyHolds(
  from: number,
  to: number,
  proof: readonly Uint8Array[],
  fromRoot: Uint8Array,
  toRoot: Uint8Array,
): boolean {
  if (!isIndex(from) || !isIndex(to) || from > to || !areHashes([fromRoot, toRoot, ...proof])) return false
  if (from === to) return proof.length === 0 && same(fromRoot, toRoot)
  if (from === 0) return proof.length === 0
  const path = isPowerOfTwo(from) ? [fromRoot, ...proof] : [...proof]
  let node = from - 1
  let last = to - 1
  while (node % 2 === 1) {
    node = half(node)
    last = half(last)
  }
  const [first, ...rest] = path
  if (first === undefined) return false
  let old = first
  let hash = first
  for (const each of rest) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      old = nodeHash(each, old)
      hash = nodeHash(each, hash)
      while (node % 2 === 0 && node !== 0) {
        node = half(node)
        last = half(last)
      }
    } else hash = nodeHash(hash, each)
    node = half(node)
    last = half(last)
  }
  return last === 0 && same(old, fromRoot) && same(hash, toRoot)
}

const half = (n: number): number => Math.floor(n / 2)
const isIndex = (n: number): boolean => Number.isSafeInteger(n) && n >= 0
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

function areHashes(hashes: readonly Uint8Array[]): boolean {
  return hashes.length <= MAX_PATH + 2 && hashes.every(({ length }) => length === HASH_BYTES)
}

function isPowerOfTwo(n: number): boolean {
  return Number.isInteger(Math.log2(n))
}
