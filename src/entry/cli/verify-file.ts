import { createReadStream, openSync, readFileSync, readSync, closeSync, statSync } from 'node:fs'
import type { LedgerReport } from '../../flow/audit/chain.ts'
import type { JsonObject } from '../../action/json.ts'
import type { Checkpoint } from '../../flow/audit/checkpoint.ts'
import { isCheckpoint, verifyExport } from '../../flow/audit/export-ledger.ts'
import { PROOF_FORMAT, verifyProof } from '../../flow/audit/prove.ts'
import type { Proof } from '../../flow/audit/prove.ts'
import { CommandFailure } from './failure.ts'

const MAX_LINE_LENGTH = 64 * 1024 * 1024
const MAX_PROOF_BYTES = 256 * 1024 * 1024
const PROOF_START = new RegExp(`^\\s*\\{\\s*"format":\\s*"${PROOF_FORMAT}"`)

/** Verifies a file that `ledger export` or `ledger proof` wrote, without any harness. */
export async function verifyFile(
  file: string,
  kept: { readonly checkpoint?: Checkpoint } = {},
): Promise<LedgerReport> {
  try {
    if (!PROOF_START.test(beginningOf(file))) return await verifyExport(linesOf(file), kept)
    if (statSync(file).size > MAX_PROOF_BYTES) throw new Error(`it is larger than ${MAX_PROOF_BYTES} bytes`)
    return verifyProofText(readFileSync(file, 'utf8'), kept)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
    throw new CommandFailure(`Cannot read ${file}: ${(error as Error).message}`, { cause: error })
  }
}

function verifyProofText(text: string, kept: { readonly checkpoint?: Checkpoint }): LedgerReport {
  try {
    return verifyProof(JSON.parse(text) as Proof, kept)
  } catch (error) {
    const message = `the file is not a proof that can be read: ${(error as Error).message}`
    const fault = { code: 'ledger:format', chain: '', seq: 0, message } as const
    return { ok: false, chains: 0, records: 0, payloads: 0, erased: 0, faults: [fault] }
  }
}

/** A checkpoint that `ledger checkpoint` printed. */
export function readCheckpoint(file: string): Checkpoint & JsonObject {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new CommandFailure(`Cannot read the checkpoint ${file}: ${(error as Error).message}`, {
      cause: error,
    })
  }
  if (!isCheckpoint(value))
    throw new CommandFailure(`${file} is not what \`belay ledger checkpoint\` prints.`)
  return value as Checkpoint & JsonObject
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

/** Like readline, with a bound: a file without line breaks must not fill the memory. */
async function* linesOf(file: string): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of createReadStream(file, { encoding: 'utf8' })) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_LINE_LENGTH)
      throw new CommandFailure(`${file} has a line of more than ${MAX_LINE_LENGTH} characters.`, {
        exitCode: 1,
      })
    yield* lines
  }
  if (rest !== '') yield rest
}
