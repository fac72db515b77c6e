import { hash, randomFillSync } from 'node:crypto'
import { canonicalString, type PreparedRecord } from './prepared-transition.ts'

/** Where a chain stands: the number and hash of its last record; 0 and 32 zero bytes before the first. */
export interface ChainPosition {
  readonly seq: number
  readonly hash: string
}

export const CHAIN_START: ChainPosition = { seq: 0, hash: '0'.repeat(64) }

export interface PlacedRecord {
  readonly seq: number
  readonly hash: string
  readonly text: string
  /** Salt and digest of the payload; `null` when the record has none. */
  readonly sealed: { readonly salt: string; readonly digest: string } | null
}

/** Gives a record its place after `last`: salts and digests its payload, completes its text and hashes it. */
export function placeRecord(record: PreparedRecord, chain: string, last: ChainPosition): PlacedRecord {
  const seq = last.seq + 1
  const payload = record[8]
  let sealed: PlacedRecord['sealed'] = null
  let payloadText = 'null'
  if (payload !== null) {
    const salt = randomSalt()
    const digest = hash('sha256', salt + payload[1], 'hex')
    sealed = { salt, digest }
    payloadText = `{"digest":"${digest}","kind":${canonicalString(payload[0])}}`
  }
  const text = `${record[4]}${canonicalString(chain)}${record[5]}${payloadText}${record[6]}${seq}${record[7]}`
  return { seq, hash: nextHash(last.hash, text), text, sealed }
}

/** `SHA-256(previous ‖ SHA-256(text))` over the raw bytes, as lower-case hex. */
export function nextHash(previous: string, text: string): string {
  pair.write(previous, 0, 'hex')
  pair.write(hash('sha256', text, 'hex'), 32, 'hex')
  return hash('sha256', pair, 'hex')
}

const pair = Buffer.alloc(64)

const SALT_BYTES = 16
const saltPool = Buffer.alloc(SALT_BYTES * 4096)
let saltOffset = saltPool.length

/** Fresh random bytes in hex; drawn from the system in bulk because one call a salt is slow. */
function randomSalt(): string {
  if (saltOffset === saltPool.length) {
    randomFillSync(saltPool)
    saltOffset = 0
  }
  const salt = saltPool.toString('hex', saltOffset, saltOffset + SALT_BYTES)
  saltOffset += SALT_BYTES
  return salt
}
