import { BelayError } from '../../../errors/catalogue.ts'
import { CHAIN_ORIGIN } from '../chain.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import { formatTlogProof } from './tlog-proof.ts'
import type { TransparencyLog } from './transparency-log.ts'

/**
 * That every record of an action is in the log: one proof (C2SP tlog-proof) a record, one after the other. Each carries
 * the record's exact text; of the others only hashes. Under the newest checkpoint that enough witnesses signed, when
 * that covers the records. Throws `ledger:not_found` when no record names the action, `ledger:behind` when the tree of
 * another replica does not hold it yet.
 */
export async function proveAction(log: TransparencyLog, action: string): Promise<string> {
  const records = await log.store.recordsOf(action)
  if (records.length === 0) throw new BelayError('ledger:not_found', { id: action })
  const checkpoints = new Map<string, SignedCheckpoint>()
  let proofs = ''
  for (const { chain, seq, text } of records) {
    const last = Math.max(...records.filter((each) => each.chain === chain).map((each) => each.seq))
    const checkpoint = checkpoints.get(chain) ?? (await checkpointOver(log, chain, last, action))
    checkpoints.set(chain, checkpoint)
    const [before] = seq === 1 ? [] : await log.store.tiles.recordHashes(chain, seq - 2, 1)
    const extra = { previous: before?.hash ?? CHAIN_ORIGIN, text }
    proofs += formatTlogProof({
      extra: Buffer.from(JSON.stringify(extra)),
      index: seq - 1,
      path: await log.reader(chain).inclusionProof(seq - 1, checkpoint.size),
      checkpoint,
    })
  }
  return proofs
}

async function checkpointOver(
  log: TransparencyLog,
  chain: string,
  seq: number,
  action: string,
): Promise<SignedCheckpoint> {
  const witnessed = await log.witnessed(chain)
  if (witnessed !== undefined && witnessed.size >= seq) return witnessed
  const size = await log.grownTo(chain, seq)
  if (size < seq) throw new BelayError('ledger:behind', { id: action })
  return log.sign(chain, size)
}
