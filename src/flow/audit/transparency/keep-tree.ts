import { setImmediate } from 'node:timers/promises'
import type { RecordRef, Store } from '../../../storage/store.ts'
import { followLedger, type LedgerFollower } from '../follow-ledger.ts'
import { recordLeaf } from './commitment.ts'
import { TreeBuilder } from './tree-builder.ts'

/** Trees whose edges stay in memory; more are read again. */
const KEPT = 8
/** Leaves a write: full tiles, so that under load each is written once. */
const BATCH = 8192
/** Leaves without a pause, so that nobody else waits for longer than a millisecond or two. */
const SLICE = 512

/** Lets the tree of each chain grow with its records. Reads their hashes only. */
export function keepTree(
  store: Store,
  options: { readonly onFault?: (error: unknown) => void } = {},
): LedgerFollower {
  const growing = new Map<string, TreeBuilder>()
  const { tiles } = store
  return followLedger({
    ...options,
    batch: BATCH,
    store: {
      dialect: store.dialect,
      replica: store.replica,
      chains: () => store.chains(),
      onCommit: (listener) => store.onCommit(listener),
      records: (chain, after, limit) => readHashes(store, chain, after, limit),
    },
    from: (chain) => tiles.size(chain),
    apply: async (chain, records) => {
      const tree =
        growing.get(chain) ??
        (await TreeBuilder.resume(await tiles.size(chain), (level, index) => tiles.tile(chain, level, index)))
      // It is put back when what it holds is on disk.
      growing.delete(chain)
      const from = tree.size
      const name = JSON.stringify(chain)
      for (const [i, { seq, hash }] of records.entries()) {
        if (i % SLICE === SLICE - 1) await setImmediate()
        if (seq !== tree.size + 1)
          throw new Error(`record ${seq} of ${chain} does not follow leaf ${tree.size} of its tree`)
        tree.append(recordLeaf(name, seq, hash))
      }
      if (!(await tiles.grow({ chain, from, to: tree.size, tiles: tree.takeTiles() })))
        throw new Error(`the tree of ${chain} was changed by another replica`)
      growing.set(chain, tree)
      const [oldest] = growing.keys()
      if (growing.size > KEPT && oldest !== undefined) growing.delete(oldest)
    },
  })
}

async function readHashes(
  { tiles }: Store,
  chain: string,
  afterSeq: number,
  limit: number,
): Promise<readonly Pick<RecordRef, 'seq' | 'hash'>[]> {
  const hashes: Pick<RecordRef, 'seq' | 'hash'>[] = []
  while (hashes.length < limit) {
    const page = await tiles.recordHashes(
      chain,
      afterSeq + hashes.length,
      Math.min(SLICE, limit - hashes.length),
    )
    if (page.length === 0) break
    hashes.push(...page)
    await setImmediate()
  }
  return hashes
}
