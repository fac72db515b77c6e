import { hash } from 'node:crypto'

export const HASH_BYTES = 32
/** Hashes in a full tile (C2SP tlog-tiles). */
export const TILE_WIDTH = 256
export const TILE_HEIGHT = 8
export const TILE_BYTES = TILE_WIDTH * HASH_BYTES

/** The root of the tree without a leaf: the hash of nothing (RFC 6962, 2.1). */
export const EMPTY_ROOT: Buffer = Buffer.from(hash('sha256', '', 'hex'), 'hex')

// Binary strings, because `crypto.hash` is three times as fast with them as with buffers.
const pair = Buffer.alloc(1 + 2 * HASH_BYTES)
pair[0] = 1

/** `SHA-256(0x00 ‖ data)` (RFC 6962, 2.1), as a binary string of 32 characters. */
export function leafHash(data: string): string {
  return hash('sha256', `\u0000${data}`, 'binary')
}

/** `SHA-256(0x01 ‖ left ‖ right)` (RFC 6962, 2.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  pair.set(left, 1)
  pair.set(right, 1 + HASH_BYTES)
  return Buffer.from(hash('sha256', pair, 'binary'), 'latin1')
}

/**
 * Hashes `count` neighbours in `from`, which lie at `offset`, into half as many at `to` of `into`; a last one without a
 * neighbour goes up as it is, as RFC 6962 splits at powers of two. Answers how many there are then.
 */
export function foldLevel(from: Buffer, offset: number, count: number, into: Buffer, to: number): number {
  const pairs = count >> 1
  for (let i = 0; i < pairs; i++) {
    from.copy(pair, 1, offset + i * 2 * HASH_BYTES, offset + (i + 1) * 2 * HASH_BYTES)
    into.write(hash('sha256', pair, 'binary'), to + i * HASH_BYTES, 'latin1')
  }
  if (count % 2 === 0) return pairs
  from.copy(into, to + pairs * HASH_BYTES, offset + (count - 1) * HASH_BYTES, offset + count * HASH_BYTES)
  return pairs + 1
}

const scratch = Buffer.alloc(TILE_BYTES + HASH_BYTES)

/** The root over up to 257 hashes that lie side by side. */
export function foldHashes(hashes: Buffer, count: number): Buffer {
  hashes.copy(scratch, 0, 0, count * HASH_BYTES)
  let left = count
  while (left > 1) left = foldLevel(scratch, 0, left, scratch, 0)
  return Buffer.from(scratch.subarray(0, HASH_BYTES))
}

/** The largest power of two below `n`, for `n > 1` up to 2^53. */
export function splitPoint(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}
