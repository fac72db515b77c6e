import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import { cosignatureHolds } from './cosignature.ts'
import {
  COSIGNATURE_ED25519,
  COSIGNATURE_ML_DSA_44,
  ED25519,
  decodeBase64,
  isKeyName,
  keyIdOf,
} from './signed-note.ts'

/** Whose signatures count: `NAME+ID+KEY`, a vkey of C2SP signed-note. */
export interface VerifierKey {
  readonly name: string
  readonly keyId: string
  readonly type: number
  readonly publicKey: Buffer
  /** Whether the signature of a note's line is one of this key under the text. */
  holds(text: string, signature: Buffer): boolean
}

/** DER in front of the bare public key (RFC 8410, RFC 9881). */
const SPKI: Readonly<Record<number, { readonly der: string; readonly length: number }>> = {
  [ED25519]: { der: '302a300506032b6570032100', length: 32 },
  [COSIGNATURE_ED25519]: { der: '302a300506032b6570032100', length: 32 },
  [COSIGNATURE_ML_DSA_44]: { der: '30820532300b06096086480165030403110382052100', length: 1312 },
}
const MAX_LENGTH = 4096

/** `undefined` for a text that is no key, whose id does not fit, or whose type is none that Belay verifies. */
export function parseVerifierKey(text: string): VerifierKey | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const [name = '', keyId = '', ...rest] = text.split('+')
  const bytes = decodeBase64(rest.join('+'))
  if (bytes === undefined || bytes.length < 2 || !isKeyName(name)) return undefined
  const key = verifierKey(name, bytes[0] as number, bytes.subarray(1))
  return key?.keyId === keyId ? key : undefined
}

export function formatVerifierKey({ name, keyId, type, publicKey }: Omit<VerifierKey, 'holds'>): string {
  return `${name}+${keyId}+${Buffer.concat([Buffer.of(type), publicKey]).toString('base64')}`
}

/** The key of that type under that name; `undefined` when it is none. */
export function verifierKey(name: string, type: number, publicKey: Buffer): VerifierKey | undefined {
  const key = keyObject(type, publicKey)
  if (key === undefined) return undefined
  const holds =
    type === ED25519
      ? (text: string, signature: Buffer) => quietly(() => verify(null, Buffer.from(text), key, signature))
      : (text: string, signature: Buffer) =>
          quietly(() => cosignatureHolds({ name, type, key }, text, signature))
  return { name, keyId: keyIdOf(name, type, publicKey), type, publicKey, holds }
}

/** The 32 bytes of an Ed25519 key's public part (RFC 8032). */
export function publicBytes(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32)
}

function keyObject(type: number, publicKey: Buffer): KeyObject | undefined {
  const shape = SPKI[type]
  if (shape === undefined || publicKey.length !== shape.length) return undefined
  try {
    const der = Buffer.concat([Buffer.from(shape.der, 'hex'), publicKey])
    return createPublicKey({ key: der, format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}

function quietly(verifies: () => boolean): boolean {
  try {
    return verifies()
  } catch {
    return false
  }
}
