import { hash } from 'node:crypto'
import { leafHash } from './merkle.ts'

/**
 * What a log says of a record: `{"chain":…,"hash":…,"seq":…}` as RFC 8785 canonical JSON, with the record's hash in its
 * chain. Small, because an entry has at most 65,535 bytes; the hash stands for the record's text and for all before it.
 * `chain` as JSON text: it is the same for a whole log.
 */
export function commitment(chain: string, seq: number, recordHash: string): string {
  return `{"chain":${chain},"hash":"${recordHash}","seq":${seq}}`
}

/** The hash of the leaf of a record, as a binary string. `chain` as JSON text. */
export function recordLeaf(chain: string, seq: number, recordHash: string): string {
  return leafHash(commitment(chain, seq, recordHash))
}

/** The hash that a record has in its chain: `SHA-256(previous ‖ SHA-256(text))` over raw bytes, hex. */
export function recordHash(previous: string, text: string): string {
  return hash(
    'sha256',
    Buffer.concat([Buffer.from(previous, 'hex'), Buffer.from(hash('sha256', text, 'hex'), 'hex')]),
    'hex',
  )
}
