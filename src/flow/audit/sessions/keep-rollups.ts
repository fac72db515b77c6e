import type { Store } from '../../../storage/store.ts'
import { followLedger, type FollowOptions, type LedgerFollower } from '../follow-ledger.ts'
import { RollUp } from './roll-up.ts'

/** Smaller than it could be: while a batch is written, the writer of SQLite writes nothing else. */
const BATCH = 500

/** Keeps spans, sessions and hourly sums as records are committed: each record counted exactly once. */
export function keepRollups(
  store: Store,
  options: Pick<FollowOptions, 'delay' | 'lookEvery' | 'onFault' | 'batch'> = {},
): LedgerFollower {
  const rollUp = new RollUp(store)
  return followLedger({
    batch: BATCH,
    ...options,
    store,
    from: (chain) => store.rollups.position(chain),
    apply: (chain, records) => rollUp.apply(chain, records),
  })
}
