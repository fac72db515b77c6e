import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { parseCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { cosign } from './cosignature.ts'
import { keysFor, type TrustedLog } from './log-identity.ts'
import { EMPTY_ROOT, HASH_BYTES } from './merkle.ts'
import { decodeBase64, formatNote, signatureLine, signersOf } from './signed-note.ts'
import { originHash } from './transparency-log.ts'
import { MAX_PATH, consistencyHolds } from './verify-proof-of-tree.ts'

export interface WitnessOptions {
  readonly name: string
  readonly key: KeyObject
  /** 32 bytes. */
  readonly publicKey: Buffer
  /** Whose logs it watches. */
  readonly logs: readonly TrustedLog[]
  /** Where it keeps the last checkpoint of each log. */
  readonly folder: string
  /** Epoch ms. */
  readonly now?: () => number
}

export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422
  readonly body: string
  readonly type?: 'text/x.tlog.size'
}

const OLD = /^old (0|[1-9]\d{0,15})$/

/**
 * A witness (C2SP tlog-witness): remembers of each log the last checkpoint, and signs only what goes on from there. What
 * it answers is on disk before. Works synchronously, so that of two requests one sees what the other left.
 */
export class Witness {
  readonly #options: WitnessOptions

  constructor(options: WitnessOptions) {
    this.#options = options
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
  }

  /** `add-checkpoint`. Throws when what it remembers cannot be read or written: then nothing is signed. */
  addCheckpoint(body: string): WitnessAnswer {
    const request = parseRequest(body)
    if (request === undefined) return refusal(400, 'not an add-checkpoint request')
    const { old, proof, checkpoint } = request
    const keys = keysFor(checkpoint.origin, this.#options.logs)
    if (keys.length === 0) return refusal(404, 'this log is not watched here')
    const { by, forged } = signersOf(checkpoint.note, keys)
    if (by.length === 0 || forged) return refusal(403, 'not signed by the log')
    if (old > checkpoint.size) return refusal(400, 'the old size is larger than the checkpoint')
    const last = this.#last(checkpoint.origin)
    if (old !== (last?.size ?? 0))
      return { status: 409, body: `${last?.size ?? 0}\n`, type: 'text/x.tlog.size' }
    if (checkpoint.size === 0 && !checkpoint.root.equals(EMPTY_ROOT))
      return refusal(422, 'the empty tree has another root')
    const before = last?.root ?? EMPTY_ROOT
    if (!consistencyHolds(old, checkpoint.size, proof, before, checkpoint.root))
      return refusal(422, 'not consistent with the last checkpoint')
    return this.#sign(checkpoint, by[0]?.keyId)
  }

  /** The last checkpoint that it signed of the log, by the hash of the origin. */
  checkpoint(hash: string): string | undefined {
    if (!/^[0-9a-f]{64}$/.test(hash)) return undefined
    try {
      return readFileSync(this.#file(hash), 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  #sign(checkpoint: SignedCheckpoint, keyId: string | undefined): WitnessAnswer {
    const { note, origin } = checkpoint
    const seconds = Math.floor((this.#options.now ?? Date.now)() / 1000)
    const cosignature = cosign(note.text, this.#options, seconds)
    const own = note.signatures.filter((each) => each.name === origin && each.keyId === keyId)
    this.#keep(originHash(origin), formatNote({ text: note.text, signatures: [...own, cosignature] }))
    return { status: 200, body: signatureLine(cosignature) }
  }

  #last(origin: string): SignedCheckpoint | undefined {
    const text = this.checkpoint(originHash(origin))
    if (text === undefined) return undefined
    const checkpoint = parseCheckpoint(text)
    if (checkpoint === undefined) throw new Error(`what was kept of ${origin} cannot be read`)
    return checkpoint
  }

  #keep(hash: string, text: string): void {
    const file = this.#file(hash)
    const handle = openSync(`${file}.new`, 'w', 0o600)
    try {
      writeSync(handle, text)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    renameSync(`${file}.new`, file)
    const folder = openSync(this.#options.folder, 'r')
    try {
      fsyncSync(folder)
    } finally {
      closeSync(folder)
    }
  }

  #file(hash: string): string {
    return join(this.#options.folder, `${hash}.checkpoint`)
  }
}

function refusal(status: 400 | 403 | 404 | 422, why: string): WitnessAnswer {
  return { status, body: `${why}\n` }
}

function parseRequest(
  body: string,
): { old: number; proof: Buffer[]; checkpoint: SignedCheckpoint } | undefined {
  const end = body.indexOf('\n\n')
  if (end === -1) return undefined
  const [first = '', ...lines] = body.slice(0, end).split('\n')
  const [, old] = OLD.exec(first) ?? []
  if (old === undefined || lines.length > MAX_PATH) return undefined
  const proof = lines.map(decodeBase64)
  if (proof.some((hash) => hash?.length !== HASH_BYTES)) return undefined
  const checkpoint = parseCheckpoint(body.slice(end + 2))
  return checkpoint === undefined ? undefined : { old: Number(old), proof: proof as Buffer[], checkpoint }
}
