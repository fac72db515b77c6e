import type { KeyObject } from 'node:crypto'
import { HASH_BYTES } from './merkle.ts'
import { decodeBase64, formatNote, parseNote, signNote, type SignedNote } from './signed-note.ts'

/** Where a log stands (C2SP tlog-checkpoint): how many entries it has, and the root over them. */
export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
}

/** A checkpoint with what was signed. */
export interface SignedCheckpoint extends Checkpoint {
  readonly note: SignedNote
}

const MAX_CHECKPOINTS = 10_000
const SIZE = /^(?:0|[1-9]\d{0,15})$/

export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`
}

/** The note's text as a checkpoint; `undefined` when it is none. Lines of extensions are allowed and ignored. */
export function parseCheckpointText(text: string): Checkpoint | undefined {
  const [origin = '', size = '', encoded = '', ...extensions] = text.split('\n')
  if (extensions.pop() !== '' || origin === '' || !SIZE.test(size) || extensions.includes(''))
    return undefined
  const root = decodeBase64(encoded)
  if (root?.length !== HASH_BYTES || !Number.isSafeInteger(Number(size))) return undefined
  return { origin, size: Number(size), root }
}

export function parseCheckpoint(text: string): SignedCheckpoint | undefined {
  const note = parseNote(text)
  const checkpoint = note === undefined ? undefined : parseCheckpointText(note.text)
  return note === undefined || checkpoint === undefined ? undefined : { ...checkpoint, note }
}

/** Signs a checkpoint; the key's name is the origin. */
export function signCheckpoint(
  checkpoint: Checkpoint,
  key: KeyObject,
  publicKey: Uint8Array,
): SignedCheckpoint {
  const note = signNote(checkpointText(checkpoint), checkpoint.origin, key, publicKey)
  return { ...checkpoint, note }
}

/** Several checkpoints as one text: one signed note after the other, an empty line between them. */
export function formatCheckpoints(checkpoints: readonly SignedCheckpoint[]): string {
  return checkpoints.map(({ note }) => formatNote(note)).join('\n')
}

/** What `formatCheckpoints` wrote; `undefined` when anything in it is no checkpoint. */
export function parseCheckpoints(text: string): SignedCheckpoint[] | undefined {
  // A note has one empty line in it, as a checkpoint has none.
  const parts = text.replace(/\n$/, '').split('\n\n')
  if (parts.length % 2 !== 0 || parts.length / 2 > MAX_CHECKPOINTS) return undefined
  const checkpoints: SignedCheckpoint[] = []
  for (let i = 0; i < parts.length; i += 2) {
    const checkpoint = parseCheckpoint(`${parts[i] as string}\n\n${parts[i + 1] as string}\n`)
    if (checkpoint === undefined) return undefined
    checkpoints.push(checkpoint)
  }
  return checkpoints
}
