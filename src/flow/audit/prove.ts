import type { KeyObject } from 'node:crypto'
import { BelayError } from '../../errors/catalogue.ts'
import type { Store, StoredRecord } from '../../storage/store.ts'
import { CHAIN_ORIGIN, ChainVerifier, follow, textDigest, type LedgerReport } from './chain.ts'
import { checkpoint, checkpointHolds, type Checkpoint } from './checkpoint.ts'

export const PROOF_FORMAT = 'belay-proof/1'

/**
 * That the records of one action are in the ledger, without showing anybody else's: from the action's first
 * record to the head of its chain, its own records in full and of the others only the digest of their text.
 */
export interface Proof {
  readonly format: typeof PROOF_FORMAT
  readonly action: string
  readonly chains: readonly {
    readonly chain: string
    readonly first: number
    /** Hash of the record before `first`. */
    readonly previous: string
    readonly entries: readonly ({ readonly text: string } | { readonly digest: string })[]
  }[]
  readonly checkpoint: Checkpoint
}

/** Throws `ledger:not_found` when no record names the action. Its size grows with the records since. */
export async function prove(store: Store, key: KeyObject, action: string): Promise<Proof> {
  const own = await store.recordsOf(action)
  if (own.length === 0) throw new BelayError('ledger:not_found', { id: action })
  const signed = await checkpoint(store, key)
  const chains: Proof['chains'][number][] = []
  for (const chain of new Set(own.map((record) => record.chain))) {
    const first = Math.min(...own.filter((record) => record.chain === chain).map(({ seq }) => seq))
    const last = signed.chains.find((head) => head.chain === chain)?.seq ?? first
    const [before] = first === 1 ? [] : await store.records(chain, first - 2, 1)
    const entries: Proof['chains'][number]['entries'][number][] = []
    for await (const { text, action: whose } of from(store, chain, first - 1, last)) {
      entries.push(whose === action ? { text } : { digest: textDigest(text) })
    }
    chains.push({ chain, first, previous: before?.hash ?? CHAIN_ORIGIN, entries })
  }
  return { format: PROOF_FORMAT, action, chains, checkpoint: signed }
}

/** Verifies a proof offline. The report counts the action's own records. */
export function verifyProof(proof: Proof, options: { readonly checkpoint?: Checkpoint } = {}): LedgerReport {
  const verifier = new ChainVerifier()
  const fault = verifier.fault.bind(verifier)
  let records = 0
  if (!checkpointHolds(proof.checkpoint))
    fault('ledger:signature', '', 0, 'the signature of the checkpoint does not hold')
  if (options.checkpoint !== undefined && options.checkpoint.public_key !== proof.checkpoint.public_key) {
    fault('ledger:signature', '', 0, 'the proof is signed by another key than the checkpoint that you keep')
  }
  for (const { chain, first, previous, entries } of proof.chains) {
    let hash = previous
    let seq = first - 1
    for (const entry of entries) {
      seq++
      hash = follow(hash, 'text' in entry ? textDigest(entry.text) : entry.digest)
      if ('text' in entry) {
        records++
        if (!names(entry.text, proof.action, chain, seq))
          fault('ledger:changed', chain, seq, `record ${seq} is not about ${proof.action}`)
      }
      const kept = options.checkpoint?.chains.find((head) => head.chain === chain && head.seq === seq)
      if (kept !== undefined && kept.hash !== hash)
        fault('ledger:head', chain, seq, `record ${seq} is not the one of the checkpoint that you keep`)
    }
    const head = proof.checkpoint.chains.find((one) => one.chain === chain)
    if (head === undefined || head.seq !== seq || head.hash !== hash) {
      fault(
        'ledger:head',
        chain,
        seq,
        'the records do not lead to the checkpoint: something was changed, cut or reordered',
      )
    }
  }
  if (records === 0) fault('ledger:cut', '', 0, 'the proof holds no record of the action')
  return { ...verifier.report(0, 0), chains: proof.chains.length, records }
}

async function* from(store: Store, chain: string, after: number, last: number): AsyncGenerator<StoredRecord> {
  let seen = after
  while (seen < last) {
    const page = await store.records(chain, seen, 1000)
    for (const record of page) {
      if (record.seq > last) return
      yield record
    }
    if (page.length === 0) return
    seen = page.at(-1)?.seq ?? last
  }
}

function names(text: string, action: string, chain: string, seq: number): boolean {
  try {
    const said = JSON.parse(text) as Record<string, unknown>
    return said['action'] === action && said['chain'] === chain && said['seq'] === seq
  } catch {
    return false
  }
}
