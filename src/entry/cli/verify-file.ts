import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { LedgerReport } from '../../flow/audit/chain.ts'
import { verifyExport } from '../../flow/audit/exported/verify-export.ts'
import { signingKey } from '../../flow/audit/signing-key.ts'
import { parseCheckpoints, type SignedCheckpoint } from '../../flow/audit/transparency/checkpoint.ts'
import { parseTrustedLog, type TrustedLog } from '../../flow/audit/transparency/log-identity.ts'
import { TLOG_PROOF } from '../../flow/audit/transparency/tlog-proof.ts'
import type { Trust } from '../../flow/audit/transparency/trust.ts'
import {
  parseVerifierKey,
  publicBytes,
  type VerifierKey,
} from '../../flow/audit/transparency/verifier-key.ts'
import { verifyProofs } from '../../flow/audit/transparency/verify-proofs.ts'
import type { WitnessAddress } from '../../flow/audit/transparency/witness-client.ts'
import { CommandFailure } from './failure.ts'

const MAX_PROOF_BYTES = 64 * 1024 * 1024
const MAX_KEPT_BYTES = 16 * 1024 * 1024

/** What `ledger verify` was told of whom to believe. */
export interface TrustOptions {
  /** Where the installation's own key lies, when it is this machine's. */
  readonly data: string
  /** vkeys of logs, or files that hold one. */
  readonly key?: readonly string[]
  readonly checkpoint?: string
  /** Addresses of witnesses; one key each. */
  readonly witness?: readonly string[] | boolean
  readonly witnessKey?: readonly string[]
}

/** Verifies a file that `ledger export` or `ledger proof` wrote, without any harness. */
export async function verifyFile(
  file: string,
  options: TrustOptions,
  onProgress?: (records: number) => void,
): Promise<LedgerReport> {
  const { trust, ask } = trustOf(options)
  try {
    if (!beginningOf(file).startsWith(TLOG_PROOF))
      return await verifyExport(file, { trust, ask, ...(onProgress && { onProgress }) })
    if (ask.length > 0)
      throw new CommandFailure('A proof carries what witnesses signed: name their keys with --witness-key.')
    if (statSync(file).size > MAX_PROOF_BYTES) throw new Error(`it is larger than ${MAX_PROOF_BYTES} bytes`)
    return verifyProofs(readFileSync(file, 'utf8'), trust)
  } catch (error) {
    if (error instanceof CommandFailure) throw error
    throw new CommandFailure(`Cannot verify ${file}: ${(error as Error).message}`, { cause: error })
  }
}

/** Checkpoints that `ledger checkpoint` printed. */
export function readCheckpoints(file: string): readonly SignedCheckpoint[] {
  const kept = parseCheckpoints(readText(file, MAX_KEPT_BYTES))
  if (kept === undefined || kept.length === 0)
    throw new CommandFailure(`${file} is not what \`belay ledger checkpoint\` prints.`)
  return kept
}

function trustOf(options: TrustOptions): { trust: Trust; ask: readonly WitnessAddress[] } {
  const logs = trustedLogs(options)
  const kept = options.checkpoint === undefined ? [] : readCheckpoints(options.checkpoint)
  const keys = (options.witnessKey ?? []).map(witnessKey)
  const urls = Array.isArray(options.witness) ? (options.witness as readonly string[]) : []
  if (options.witness !== undefined && (urls.length === 0 || urls.length !== keys.length))
    throw new CommandFailure('For a file, --witness takes an address, and one --witness-key for each.')
  if (urls.length > 0) {
    const ask = urls.map((url, i) => ({ url: url.replace(/\/$/, ''), key: keys[i] as VerifierKey }))
    return { trust: { logs, kept }, ask }
  }
  return { trust: { logs, kept, witnesses: keys }, ask: [] }
}

/** A file cannot say whose signature counts: that must come from elsewhere. */
function trustedLogs({ key = [], data }: TrustOptions): readonly TrustedLog[] {
  if (key.length > 0) {
    return key.map((each) => {
      const text = existsSync(each) ? readText(each, MAX_KEPT_BYTES) : each
      const trusted = parseTrustedLog(text)
      if (trusted === undefined)
        throw new CommandFailure(`${each} is not a key of a log, as \`belay ledger key\` prints it.`)
      return trusted
    })
  }
  if (existsSync(join(data, 'ledger.key'))) return [{ name: null, publicKey: publicBytes(signingKey(data)) }]
  throw new CommandFailure('Whose signature counts? Name the key of the log with --key.', {
    advice: '`belay ledger key` prints it where the ledger is; get it from there, not with the file.',
  })
}

function witnessKey(text: string): VerifierKey {
  const key = parseVerifierKey(existsSync(text) ? readText(text, MAX_KEPT_BYTES).trim() : text)
  if (key === undefined || key.type === 1)
    throw new CommandFailure(`${text} is not the key of a witness, NAME+ID+KEY.`)
  return key
}

function readText(file: string, max: number): string {
  try {
    if (statSync(file).size > max) throw new Error(`it is larger than ${max} bytes`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new CommandFailure(`Cannot read ${file}: ${(error as Error).message}`, { cause: error })
  }
}

function beginningOf(file: string): string {
  const handle = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(256)
    return bytes.toString('utf8', 0, readSync(handle, bytes))
  } finally {
    closeSync(handle)
  }
}
