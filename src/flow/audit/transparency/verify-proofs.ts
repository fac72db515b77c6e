import { isJsonObject, type JsonValue } from '../../../action/json.ts'
import type { LedgerFault, LedgerReport } from '../chain.ts'
import { recordHash, recordLeaf } from './commitment.ts'
import { chainOf } from './log-identity.ts'
import { parseTlogProofs, type TlogProof } from './tlog-proof.ts'
import { checkSignature, checkWitnesses, type Fault, type Trust } from './trust.ts'
import { inclusionHolds } from './verify-proof-of-tree.ts'

const HASH = /^[0-9a-f]{64}$/

interface ProvedRecord {
  readonly action: string
  readonly version: number | undefined
}

/**
 * Verifies the proofs of an action, offline: each record's text leads to a leaf, the leaf to the root, the root to a
 * signature that counts; all are of one action, and none between its first and its last is missing.
 */
export function verifyProofs(text: string, trust: Trust): LedgerReport {
  const faults: LedgerFault[] = []
  const fault: Fault = (code, chain, seq, message) => void faults.push({ code, chain, seq, message })
  const proofs = parseTlogProofs(text)
  if (proofs === undefined) fault('ledger:format', '', 0, 'the file is not a proof that can be read')
  const witnesses = new Set<string>()
  const chains = new Set<string>()
  const records: ProvedRecord[] = []
  for (const proof of proofs ?? []) {
    const { checkpoint } = proof
    checkSignature(checkpoint, trust, fault)
    for (const name of checkWitnesses(checkpoint, trust, fault)) witnesses.add(name)
    checkKept(proof, trust, fault)
    chains.add(chainOf(checkpoint.origin))
    const record = provedRecord(proof, fault)
    if (record !== undefined) records.push(record)
  }
  checkAction(records, fault)
  return {
    ok: faults.length === 0,
    chains: chains.size,
    records: records.length,
    payloads: 0,
    erased: 0,
    witnesses: [...witnesses],
    faults,
  }
}

/** Of a tree of the same size a kept checkpoint says what its root is. */
function checkKept({ checkpoint }: TlogProof, trust: Trust, fault: Fault): void {
  const { origin, size, root } = checkpoint
  for (const kept of trust.kept ?? []) {
    checkSignature(kept, trust, fault)
    if (kept.origin === origin && kept.size === size && !kept.root.equals(root))
      fault(
        'ledger:fork',
        chainOf(origin),
        size,
        'the log is another one than that of the checkpoint you keep',
      )
  }
}

function provedRecord({ extra, index, path, checkpoint }: TlogProof, fault: Fault): ProvedRecord | undefined {
  const chain = chainOf(checkpoint.origin)
  const seq = index + 1
  const given = extra === undefined ? undefined : parseObject(extra.toString('utf8'))
  const { previous, text } = given ?? {}
  const said = typeof text === 'string' ? parseObject(text) : undefined
  if (
    typeof previous !== 'string' ||
    !HASH.test(previous) ||
    typeof text !== 'string' ||
    said === undefined
  ) {
    fault('ledger:format', chain, seq, `the proof of record ${seq} does not carry the record`)
    return undefined
  }
  if (said['chain'] !== chain || said['seq'] !== seq || typeof said['action'] !== 'string') {
    fault('ledger:changed', chain, seq, `record ${seq} says that it is another record`)
    return undefined
  }
  const leaf = recordLeaf(JSON.stringify(chain), seq, recordHash(previous, text))
  if (!inclusionHolds(Buffer.from(leaf, 'latin1'), index, checkpoint.size, path, checkpoint.root)) {
    fault('ledger:changed', chain, seq, `record ${seq} is not in the log: it, or its proof, was changed`)
    return undefined
  }
  const { version } = said
  return { action: said['action'], version: typeof version === 'number' ? version : undefined }
}

/** Every step of an action raises its version by one, and is a record. */
function checkAction(records: readonly ProvedRecord[], fault: Fault): void {
  const [first] = records
  if (first === undefined) return fault('ledger:cut', '', 0, 'the proof holds no record')
  if (records.some(({ action }) => action !== first.action))
    fault('ledger:changed', '', 0, 'the records are of several actions')
  const versions = new Set(records.flatMap(({ version }) => version ?? []))
  const last = Math.max(0, ...versions)
  for (let version = 1; version <= last; version++) {
    if (versions.has(version)) continue
    fault('ledger:cut', '', 0, `the record of step ${version} of ${first.action} is missing`)
    return
  }
}

function parseObject(text: string): Readonly<Record<string, JsonValue>> | undefined {
  try {
    const value = JSON.parse(text) as JsonValue
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
