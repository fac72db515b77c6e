import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { EMPTY_ROOT, leafHash } from './merkle.ts'
import { TreeBuilder, type Tile } from './tree-builder.ts'
import { TreeRange } from './tree-range.ts'
import { TreeReader } from './tree-reader.ts'
import { consistencyHolds, inclusionHolds } from './verify-proof-of-tree.ts'

// The definition of RFC 6962, section 2.1, word for word and with nothing of ours.
function mth(leaves: readonly Buffer[]): Buffer {
  const sha = (...parts: Uint8Array[]): Buffer => {
    const hash = createHash('sha256')
    for (const part of parts) hash.update(part)
    return hash.digest()
  }
  if (leaves.length === 0) return sha()
  if (leaves.length === 1) return sha(Buffer.of(0), leaves[0] as Buffer)
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return sha(Buffer.of(1), mth(leaves.slice(0, k)), mth(leaves.slice(k)))
}

/** The inputs and roots of Certificate Transparency's own test vectors. */
const CT_INPUTS = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
]
const CT_ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

const text = (n: number): string => `leaf ${n}`
const leafBytes = (n: number): Buffer => Buffer.from(leafHash(text(n)), 'latin1')

function grow(size: number): { builder: TreeBuilder; reader: TreeReader; tiles: Map<string, Tile> } {
  const builder = new TreeBuilder()
  const tiles = new Map<string, Tile>()
  for (let n = 0; n < size; n++) {
    builder.append(leafHash(text(n)))
    // As in a ledger: sometimes many leaves a write, sometimes one.
    if (n % 7 === 0 || n > size - 4)
      for (const tile of builder.takeTiles()) tiles.set(`${tile.level}/${tile.index}`, tile)
  }
  for (const tile of builder.takeTiles()) tiles.set(`${tile.level}/${tile.index}`, tile)
  const reader = new TreeReader(async (level, index) => tiles.get(`${level}/${index}`)?.hashes)
  return { builder, reader, tiles }
}

describe('the tree', () => {
  test('has the roots of the vectors of Certificate Transparency', () => {
    const builder = new TreeBuilder()
    const range = new TreeRange(0)
    expect(builder.root()).toEqual(EMPTY_ROOT)
    for (const [n, input] of CT_INPUTS.entries()) {
      const leaf = leafHash(Buffer.from(input, 'hex').toString('latin1'))
      builder.append(leaf)
      range.append(leaf)
      expect(builder.root().toString('hex')).toBe(CT_ROOTS[n])
      expect(range.root().toString('hex')).toBe(CT_ROOTS[n])
    }
  })

  test('is that of RFC 6962 at every size, from its edge and from its tiles', async () => {
    const { reader } = grow(700)
    const builder = new TreeBuilder()
    const leaves = Array.from({ length: 700 }, (_, n) => Buffer.from(text(n)))
    for (let size = 1; size <= 700; size++) {
      builder.append(leafHash(text(size - 1)))
      if (size > 40 && size % 13 !== 0 && Math.abs(size - 256) > 2 && Math.abs(size - 512) > 2) continue
      const root = mth(leaves.slice(0, size))
      expect(builder.root(), `size ${size}`).toEqual(root)
      expect(await reader.root(size), `size ${size}`).toEqual(root)
    }
  })

  test('over 65,536 leaves has a third level, and goes on from its tiles', async () => {
    const { builder, reader, tiles } = grow(65_536 + 300)
    expect(tiles.get('2/0')?.hashes.length).toBe(32)
    expect(await reader.root(builder.size)).toEqual(builder.root())
    const resumed = await TreeBuilder.resume(builder.size, async (l, i) => tiles.get(`${l}/${i}`)?.hashes)
    for (let n = builder.size; n < 65_536 + 600; n++) {
      const leaf = leafHash(text(n))
      builder.append(leaf)
      resumed.append(leaf)
    }
    expect(resumed.root()).toEqual(builder.root())
    await expect(TreeBuilder.resume(300, async () => undefined)).rejects.toThrow('missing')
  })

  test('ranges that were hashed apart join to the same tree', () => {
    const cuts = [0, 1, 5, 6, 64, 100, 255, 256, 333]
    const whole = new TreeRange(0)
    const joined = new TreeRange(0)
    for (const [i, from] of cuts.slice(0, -1).entries()) {
      const range = new TreeRange(from)
      for (let n = from; n < (cuts[i + 1] as number); n++) {
        range.append(leafHash(text(n)))
        whole.append(leafHash(text(n)))
      }
      for (const node of range.nodes()) joined.join(node)
      expect(joined.root()).toEqual(whole.root())
    }
    expect(() => joined.join({ level: 0, index: 3, hash: Buffer.alloc(32) })).toThrow(RangeError)
  })
})

describe('proofs', () => {
  test('of inclusion hold for their leaf, place, size and root, and for no others', async () => {
    const { reader } = grow(600)
    for (const size of [1, 2, 3, 7, 8, 255, 256, 257, 511, 600]) {
      const root = await reader.root(size)
      for (const index of new Set([0, 1, size >> 1, size - 2, size - 1])) {
        if (index < 0 || index >= size) continue
        const path = await reader.inclusionProof(index, size)
        const leaf = leafBytes(index)
        expect(inclusionHolds(leaf, index, size, path, root)).toBe(true)
        expect(inclusionHolds(leafBytes(index + 1), index, size, path, root)).toBe(false)
        expect(inclusionHolds(leaf, index + 1, size, path, root)).toBe(false)
        expect(inclusionHolds(leaf, index, size, [...path, root], root)).toBe(false)
        expect(inclusionHolds(leaf, index, size, path, leafBytes(99))).toBe(false)
        if (path.length > 0) {
          expect(inclusionHolds(leaf, index, size, path.slice(1), root)).toBe(false)
          expect(inclusionHolds(leaf, index, size, path.with(0, Buffer.alloc(32)), root)).toBe(false)
          expect(inclusionHolds(leaf, index, size, path.with(0, Buffer.alloc(31)), root)).toBe(false)
        }
      }
    }
    await expect(reader.inclusionProof(5, 5)).rejects.toThrow(RangeError)
  })

  test('of consistency hold between any two sizes, and for no other roots', async () => {
    const { reader } = grow(300)
    for (let to = 1; to <= 300; to += to < 34 ? 1 : 53) {
      const toRoot = await reader.root(to)
      for (let from = 0; from <= to; from += from < 34 ? 1 : 31) {
        const proof = await reader.consistencyProof(from, to)
        const fromRoot = await reader.root(from)
        expect(consistencyHolds(from, to, proof, fromRoot, toRoot), `${from} to ${to}`).toBe(true)
        if (from === 0 || from === to) continue
        expect(consistencyHolds(from, to, proof, leafBytes(1), toRoot)).toBe(false)
        expect(consistencyHolds(from, to, proof, fromRoot, leafBytes(1))).toBe(false)
        expect(consistencyHolds(from, to, proof.slice(1), fromRoot, toRoot)).toBe(false)
        expect(consistencyHolds(from, to, [...proof, leafBytes(2)], fromRoot, toRoot)).toBe(false)
        expect(consistencyHolds(from, to, [], fromRoot, toRoot)).toBe(false)
        expect(consistencyHolds(to, from, proof, toRoot, fromRoot)).toBe(false)
      }
    }
  })
})
