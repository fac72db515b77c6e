import type { Store } from '../../../storage/store.ts'
import { followLedger, type LedgerFollower } from '../follow-ledger.ts'
import { recordLeaf } from './commitment.ts'
import { TreeBuilder } from './tree-builder.ts'

/** Trees whose edges stay in memory; more are read again. */
const KEPT = 8

/** Lets the tree of each chain grow with its records. Reads their hashes only; one write has up to 1,000 leaves. */
export function keepTree(
  store: Store,
  options: { readonly onFault?: (error: unknown) => void } = {},
): LedgerFollower {
  const growing = new Map<string, TreeBuilder>()
  const { tiles } = store
  return followLedger({
    ...options,
    store: {
      dialect: store.dialect,
      replica: store.replica,
      chains: () => store.chains(),
      onCommit: (listener) => store.onCommit(listener),
      records: (chain, after, limit) => tiles.recordHashes(chain, after, limit),
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
      for (const { seq, hash } of records) {
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
