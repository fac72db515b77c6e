import { createHash, createPublicKey, verify } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

// A second verifier, written from RFC 6962 and the pages of C2SP alone: recursive where the shipped one is iterative, and
// without a line of it. It throws for whatever it does not accept.

const sha = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const leafOf = (data: Uint8Array): Buffer => sha(Buffer.of(0), data)
const node = (left: Uint8Array, right: Uint8Array): Buffer => sha(Buffer.of(1), left, right)

function powerBelow(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

/** RFC 6962, 2.1. */
export function merkleTreeHash(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha()
  if (leaves.length === 1) return leaves[0] as Buffer
  const k = powerBelow(leaves.length)
  return node(merkleTreeHash(leaves.slice(0, k)), merkleTreeHash(leaves.slice(k)))
}

/** The root that an audit path leads to: RFC 6962, 2.1.1 read backwards. */
export function rootFromPath(index: number, size: number, leaf: Buffer, path: readonly Buffer[]): Buffer {
  if (size === 1) {
    if (path.length > 0) throw new Error('the path is too long')
    return leaf
  }
  const sibling = path.at(-1)
  if (sibling === undefined) throw new Error('the path is too short')
  const k = powerBelow(size)
  return index < k
    ? node(rootFromPath(index, k, leaf, path.slice(0, -1)), sibling)
    : node(sibling, rootFromPath(index - k, size - k, leaf, path.slice(0, -1)))
}

/** The roots of the old and the new tree that a consistency proof leads to: RFC 6962, 2.1.2 read backwards. */
export function rootsFromConsistency(
  from: number,
  to: number,
  proof: readonly Buffer[],
  oldRoot: Buffer,
): { old: Buffer; new: Buffer } {
  const walk = (m: number, n: number, left: readonly Buffer[], complete: boolean): [Buffer, Buffer] => {
    if (m === n) {
      if (complete) return [oldRoot, oldRoot]
      const [only] = left
      if (only === undefined || left.length > 1) throw new Error('the proof has a wrong length')
      return [only, only]
    }
    const other = left.at(-1)
    if (other === undefined) throw new Error('the proof is too short')
    const k = powerBelow(n)
    if (m <= k) {
      const [old, now] = walk(m, k, left.slice(0, -1), complete)
      return [old, node(now, other)]
    }
    const [old, now] = walk(m - k, n - k, left.slice(0, -1), false)
    return [node(other, old), node(other, now)]
  }
  const [old, now] = walk(from, to, proof, true)
  return { old, new: now }
}

export interface ReadCheckpoint {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
}

/** Opens a note (C2SP signed-note, tlog-checkpoint): every vkey given must have signed it. */
export function openCheckpoint(note: string, ...vkeys: readonly string[]): ReadCheckpoint {
  const split = note.lastIndexOf('\n\n')
  const text = note.slice(0, split + 1)
  const lines = note
    .slice(split + 2)
    .trimEnd()
    .split('\n')
  for (const vkey of vkeys) {
    const [name, id, ...key] = vkey.split('+')
    const material = Buffer.from(key.join('+'), 'base64')
    const expected = sha(Buffer.from(`${name}\n`), material).subarray(0, 4)
    if (expected.toString('hex') !== id) throw new Error('the id of the key is wrong')
    const signature = lines
      .map((line) => line.split(' '))
      .filter(([dash, who]) => dash === '—' && who === name)
      .map(([, , encoded]) => Buffer.from(encoded ?? '', 'base64'))
      .find((bytes) => bytes.subarray(0, 4).equals(expected))
      ?.subarray(4)
    if (signature === undefined) throw new Error(`not signed by ${name}`)
    const point = material.subarray(1)
    const publicKey = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') },
      format: 'jwk',
    })
    const isCosignature = material[0] === 4
    const message = isCosignature ? `cosignature/v1\ntime ${signature.readBigUInt64BE(0)}\n${text}` : text
    const bare = isCosignature ? signature.subarray(8) : signature
    if (!verify(null, Buffer.from(message), publicKey, bare))
      throw new Error(`the signature of ${name} is wrong`)
  }
  const [origin = '', size = '', root = ''] = text.split('\n')
  return { origin, size: Number(size), root: Buffer.from(root, 'base64') }
}

/** A proof of one record (C2SP tlog-proof) with the leaf of docs/ledger.md. Answers the record's text. */
export function openProof(proof: string, ...vkeys: readonly string[]): { text: string; leaf: string } {
  const head = proof.slice(0, proof.indexOf('\n\n')).split('\n')
  if (head.shift() !== 'c2sp.org/tlog-proof@v1') throw new Error('not a proof')
  const extra = JSON.parse(Buffer.from((head.shift() ?? '').replace('extra ', ''), 'base64').toString()) as {
    previous: string
    text: string
  }
  const index = Number((head.shift() ?? '').replace('index ', ''))
  const path = head.map((line) => Buffer.from(line, 'base64'))
  const checkpoint = openCheckpoint(proof.slice(proof.indexOf('\n\n') + 2), ...vkeys)
  const { chain, seq } = JSON.parse(extra.text) as { chain: string; seq: number }
  const hash = sha(Buffer.from(extra.previous, 'hex'), sha(Buffer.from(extra.text))).toString('hex')
  const leaf = JSON.stringify({ chain, hash, seq })
  const root = rootFromPath(index, checkpoint.size, leafOf(Buffer.from(leaf)), path)
  if (index !== seq - 1 || !root.equals(checkpoint.root)) throw new Error('the record is not in the log')
  return { text: extra.text, leaf }
}

/** Reads a whole log from a folder (C2SP tlog-tiles): entries, every tile, and the root. Answers the entries. */
export function readLog(folder: string, ...vkeys: readonly string[]): string[] {
  const checkpoint = openCheckpoint(readFileSync(join(folder, 'checkpoint'), 'utf8'), ...vkeys)
  const tile = (level: number | 'entries', n: number, width: number): Buffer => {
    const digits = String(n).padStart(Math.ceil(String(n).length / 3) * 3, '0')
    const groups = digits.match(/.../g) ?? []
    const path = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/')
    const file = join(folder, 'tile', String(level), path)
    return readFileSync(width === 256 ? file : join(`${file}.p`, String(width)))
  }
  const entries: string[] = []
  let hashes: Buffer[] = []
  for (let n = 0; n * 256 < checkpoint.size; n++) {
    const width = Math.min(256, checkpoint.size - n * 256)
    const bundle = tile('entries', n, width)
    for (let at = 0; at < bundle.length;) {
      const length = bundle.readUInt16BE(at)
      entries.push(bundle.toString('utf8', at + 2, at + 2 + length))
      at += 2 + length
    }
  }
  if (entries.length !== checkpoint.size) throw new Error('entries are missing')
  hashes = entries.map((entry) => leafOf(Buffer.from(entry)))
  if (!merkleTreeHash(hashes).equals(checkpoint.root))
    throw new Error('the entries are not those of the checkpoint')
  for (let level = 0; hashes.length > 0; level++) {
    const above: Buffer[] = []
    for (let n = 0; n * 256 < hashes.length; n++) {
      const part = hashes.slice(n * 256, (n + 1) * 256)
      if (!tile(level, n, part.length).equals(Buffer.concat(part)))
        throw new Error(`the tile ${level}/${n} is wrong`)
      if (part.length === 256) above.push(merkleTreeHash(part))
    }
    hashes = above
  }
  if (existsSync(join(folder, 'tile', '9'))) throw new Error('there are tiles too many')
  return entries
}
