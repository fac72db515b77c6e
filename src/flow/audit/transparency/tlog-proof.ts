import { parseCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { HASH_BYTES } from './merkle.ts'
import { decodeBase64, formatNote } from './signed-note.ts'
import { MAX_PATH } from './verify-proof-of-tree.ts'

/** That one entry is in a log (C2SP tlog-proof). */
export interface TlogProof {
  /** What the verifier needs to make the entry's leaf again; not authenticated by itself. */
  readonly extra: Buffer | undefined
  readonly index: number
  /** From the leaf's sibling up to the root's child. */
  readonly path: readonly Buffer[]
  readonly checkpoint: SignedCheckpoint
}

export const TLOG_PROOF = 'c2sp.org/tlog-proof@v1'
const INDEX = /^index (0|[1-9]\d{0,15})$/

export function formatTlogProof({ extra, index, path, checkpoint }: TlogProof): string {
  return [
    TLOG_PROOF,
    ...(extra === undefined ? [] : [`extra ${extra.toString('base64')}`]),
    `index ${index}`,
    ...path.map((hash) => hash.toString('base64')),
    '',
    formatNote(checkpoint.note),
  ].join('\n')
}

/** `undefined` when the text is no proof. */
export function parseTlogProof(text: string): TlogProof | undefined {
  const end = text.indexOf('\n\n')
  if (end === -1) return undefined
  const [format, ...lines] = text.slice(0, end).split('\n')
  if (format !== TLOG_PROOF) return undefined
  const hasExtra = lines[0]?.startsWith('extra ') === true
  const extra = hasExtra ? decodeBase64((lines.shift() as string).slice('extra '.length)) : undefined
  if (hasExtra && extra === undefined) return undefined
  const [, index] = INDEX.exec(lines.shift() ?? '') ?? []
  if (index === undefined || lines.length > MAX_PATH || !Number.isSafeInteger(Number(index))) return undefined
  const path = lines.map(decodeBase64)
  if (path.some((hash) => hash?.length !== HASH_BYTES)) return undefined
  const checkpoint = parseCheckpoint(text.slice(end + 2))
  if (checkpoint === undefined) return undefined
  return { extra, index: Number(index), path: path as Buffer[], checkpoint }
}

/** Several proofs one after the other, as they stand in one file; `undefined` when any of them is none. */
export function parseTlogProofs(text: string): TlogProof[] | undefined {
  const starts = [...text.matchAll(/^c2sp\.org\/tlog-proof@v1$/gm)].map(({ index }) => index)
  if (starts[0] !== 0) return undefined
  const proofs = starts.map((start, i) => parseTlogProof(text.slice(start, starts[i + 1])))
  return proofs.some((proof) => proof === undefined) ? undefined : (proofs as TlogProof[])
}
