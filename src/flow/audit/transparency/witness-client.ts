import { formatNote, parseSignatureLine, signersOf, type NoteSignature } from './signed-note.ts'
import { parseCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { originHash } from './transparency-log.ts'
import type { VerifierKey } from './verifier-key.ts'

/** Where a witness is, without a slash at the end, and with which key it signs. */
export interface WitnessAddress {
  readonly url: string
  readonly key: VerifierKey
}

export type Submission =
  | { readonly status: 'cosigned'; readonly cosignatures: readonly NoteSignature[] }
  /** The size of the tree that the witness signed last. */
  | { readonly status: 'other_size'; readonly size: number }
  /** 422: the witness knows another log under this origin. */
  | { readonly status: 'inconsistent'; readonly message: string }
  | { readonly status: 'refused'; readonly message: string }

const TIMEOUT_MS = 10_000
const MAX_ANSWER = 64 * 1024
const SIZE = /^(0|[1-9]\d{0,15})\n?$/

/** Submits a checkpoint (C2SP tlog-witness, `add-checkpoint`). Rejects when the witness cannot be reached. */
export async function submitCheckpoint(
  witness: WitnessAddress,
  { old, proof, checkpoint }: { old: number; proof: readonly Buffer[]; checkpoint: SignedCheckpoint },
): Promise<Submission> {
  const lines = [
    `old ${old}`,
    ...proof.map((hash) => hash.toString('base64')),
    '',
    formatNote(checkpoint.note),
  ]
  const { status, text } = await call(`${witness.url}/add-checkpoint`, lines.join('\n'))
  if (status === 409) {
    const [, size] = SIZE.exec(text) ?? []
    return size === undefined
      ? { status: 'refused', message: 'it answered 409 without a size' }
      : { status: 'other_size', size: Number(size) }
  }
  if (status === 422) return { status: 'inconsistent', message: firstLine(text) }
  if (status !== 200) return { status: 'refused', message: `it answered ${status}: ${firstLine(text)}` }
  const signatures = text.split('\n').flatMap((line) => parseSignatureLine(line) ?? [])
  const { by, forged } = signersOf({ text: checkpoint.note.text, signatures }, [witness.key])
  if (by.length === 0 || forged) return { status: 'refused', message: 'its signature does not hold' }
  const { name, keyId } = witness.key
  return {
    status: 'cosigned',
    cosignatures: signatures.filter((each) => each.name === name && each.keyId === keyId),
  }
}

/**
 * The last checkpoint that a witness signed of a log; `undefined` when it never did. Rejects when it cannot be reached or
 * answers something else. Whether the signatures hold is for the caller to verify.
 */
export async function witnessedCheckpoint(
  witness: WitnessAddress,
  origin: string,
): Promise<SignedCheckpoint | undefined> {
  const { status, text } = await call(`${witness.url}/${originHash(origin)}/checkpoint`)
  if (status === 404) return undefined
  const checkpoint = status === 200 ? parseCheckpoint(text) : undefined
  if (checkpoint?.origin !== origin) throw new Error(`it answered ${status} and no checkpoint of ${origin}`)
  return checkpoint
}

async function call(url: string, body?: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url, {
    ...(body === undefined
      ? {}
      : { method: 'POST', body, headers: { 'content-type': 'text/plain; charset=utf-8' } }),
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > MAX_ANSWER) throw new Error(`it answered more than ${MAX_ANSWER} characters`)
  }
  return { status: response.status, text: text + decoder.decode() }
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').replaceAll(/\p{C}/gu, '').slice(0, 200)
}
