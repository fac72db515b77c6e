import { createHash, sign, type KeyObject } from 'node:crypto'
import type { VerifierKey } from './verifier-key.ts'

/** A text signed by one or more keys (C2SP signed-note). `text` ends with its newline. */
export interface SignedNote {
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

export interface NoteSignature {
  readonly name: string
  /** Four bytes, hex. */
  readonly keyId: string
  readonly signature: Buffer
}

/** Signature types (C2SP signed-note): of a log, and of witnesses. */
export const ED25519 = 0x01
export const COSIGNATURE_ED25519 = 0x04
export const COSIGNATURE_ML_DSA_44 = 0x06

const MAX_NOTE_LENGTH = 256 * 1024
const MAX_SIGNATURES = 64
const SIGNATURE_LINE = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/
const NAME = /^[^\s+]+$/u
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** Reads a note; `undefined` when it is none. No signature is verified by that. */
export function parseNote(text: string): SignedNote | undefined {
  if (text.length > MAX_NOTE_LENGTH || !text.endsWith('\n') || hasControls(text) || !text.isWellFormed())
    return undefined
  const end = text.lastIndexOf('\n\n')
  if (end === -1) return undefined
  const lines = text.slice(end + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) return undefined
  const signatures = lines.map(parseSignatureLine)
  if (signatures.some((each) => each === undefined)) return undefined
  return { text: text.slice(0, end + 1), signatures: signatures as NoteSignature[] }
}

export function formatNote({ text, signatures }: SignedNote): string {
  return `${text}\n${signatures.map(signatureLine).join('')}`
}

export function signatureLine({ name, keyId, signature }: NoteSignature): string {
  return `— ${name} ${Buffer.concat([Buffer.from(keyId, 'hex'), signature]).toString('base64')}\n`
}

/** One line without its newline; `undefined` when it is no signature. */
export function parseSignatureLine(line: string): NoteSignature | undefined {
  const [, name, encoded] = SIGNATURE_LINE.exec(line) ?? []
  if (name === undefined || encoded === undefined || !isKeyName(name)) return undefined
  const bytes = decodeBase64(encoded)
  if (bytes === undefined || bytes.length < 5) return undefined
  return { name, keyId: bytes.toString('hex', 0, 4), signature: bytes.subarray(4) }
}

/** Key names are not empty and hold neither spaces nor a plus. */
export function isKeyName(name: string): boolean {
  return NAME.test(name)
}

/** The first four bytes of `SHA-256(name ‖ 0x0A ‖ type ‖ public key)`, hex. */
export function keyIdOf(name: string, type: number, publicKey: Uint8Array): string {
  return createHash('sha256')
    .update(`${name}\n`)
    .update(Buffer.of(type))
    .update(publicKey)
    .digest('hex')
    .slice(0, 8)
}

/** Signs a note's text as a log does. */
export function signNote(text: string, name: string, key: KeyObject, publicKey: Uint8Array): SignedNote {
  const signature = sign(null, Buffer.from(text, 'utf8'), key)
  return { text, signatures: [{ name, keyId: keyIdOf(name, ED25519, publicKey), signature }] }
}

export interface Signed {
  /** Keys of which a signature was found and holds. */
  readonly by: readonly VerifierKey[]
  /** A signature claims one of the keys and does not hold: the note is to be refused. */
  readonly forged: boolean
}

/**
 * Which of these keys signed the note. Signatures of other keys are ignored. What is signed follows from the type of
 * the key: the text itself, or for a cosignature (C2SP tlog-cosignature) the text under its time.
 */
export function signersOf(note: SignedNote, keys: readonly VerifierKey[]): Signed {
  const by: VerifierKey[] = []
  let forged = false
  for (const { name, keyId, signature } of note.signatures) {
    for (const key of keys) {
      if (key.name !== name || key.keyId !== keyId) continue
      if (!key.holds(note.text, signature)) forged = true
      else if (!by.includes(key)) by.push(key)
    }
  }
  return { by, forged }
}

/** Canonical base64 with padding only: each sequence of bytes has one text. */
export function decodeBase64(text: string): Buffer | undefined {
  if (!BASE64.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

function hasControls(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 && code !== 0x0a) return true
  }
  return false
}
