import { sign, verify, type KeyObject } from 'node:crypto'
import { COSIGNATURE_ED25519, keyIdOf, type NoteSignature } from './signed-note.ts'
import { parseCheckpointText } from './checkpoint.ts'

const TIME_BYTES = 8

/**
 * A witness's statement that it saw this checkpoint, consistent with all it saw before of the log (C2SP
 * tlog-cosignature, Ed25519). `seconds`: POSIX time.
 */
export function cosign(
  text: string,
  witness: { readonly name: string; readonly key: KeyObject; readonly publicKey: Uint8Array },
  seconds: number,
): NoteSignature {
  const time = Buffer.alloc(TIME_BYTES)
  time.writeBigUInt64BE(BigInt(seconds))
  const signature = Buffer.concat([time, sign(null, ed25519Message(text, BigInt(seconds)), witness.key)])
  return {
    name: witness.name,
    keyId: keyIdOf(witness.name, COSIGNATURE_ED25519, witness.publicKey),
    signature,
  }
}

/** When a cosignature was made, POSIX seconds. */
export function cosignedAt(signature: Buffer): number {
  return Number(signature.readBigUInt64BE(0))
}

/** Whether a cosignature, of either type, is the witness's under the text of the checkpoint. May throw. */
export function cosignatureHolds(
  witness: { readonly name: string; readonly type: number; readonly key: KeyObject },
  text: string,
  signature: Buffer,
): boolean {
  const time = signature.readBigUInt64BE(0)
  // Without a time it would be a statement about some subtree only.
  if (time === 0n || time >> 63n !== 0n) return false
  const message =
    witness.type === COSIGNATURE_ED25519 ? ed25519Message(text, time) : mlDsaMessage(witness.name, text, time)
  return message !== undefined && verify(null, message, witness.key, signature.subarray(TIME_BYTES))
}

function ed25519Message(text: string, time: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${time}\n${text}`, 'utf8')
}

/** The `cosigned_message` over the whole tree of the checkpoint. */
function mlDsaMessage(name: string, text: string, time: bigint): Buffer | undefined {
  const checkpoint = parseCheckpointText(text)
  if (checkpoint === undefined) return undefined
  const numbers = Buffer.alloc(TIME_BYTES)
  numbers.writeBigUInt64BE(time)
  const range = Buffer.alloc(2 * TIME_BYTES)
  range.writeBigUInt64BE(BigInt(checkpoint.size), TIME_BYTES)
  return Buffer.concat([
    Buffer.from('subtree/v1\n\0'),
    opaque(name),
    numbers,
    opaque(checkpoint.origin),
    range,
    checkpoint.root,
  ])
}

function opaque(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}
