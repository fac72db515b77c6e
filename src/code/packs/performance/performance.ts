import { packOf } from '../rule.ts'
import { ENDLESS_LOOP } from './endless-loop.ts'
import { GROWING_COLLECTION } from './growing-collection.ts'
import { GROWING_LISTENERS } from './growing-listeners.ts'
import { INVARIANT_WORK_IN_LOOP } from './invariant-work-in-loop.ts'
import { QUADRATIC_WORK } from './quadratic-work.ts'
import { QUERY_IN_LOOP } from './query-in-loop.ts'
import { QUERY_PER_RESOLVER } from './query-per-resolver.ts'
import { SEQUENTIAL_AWAITS } from './sequential-awaits.ts'
import { SYNC_IO_IN_HANDLER } from './sync-io-in-handler.ts'
import { UNBOUNDED_READ } from './unbounded-read.ts'

/** What makes a program slow, or fall over, under load. */
export const PERFORMANCE = packOf(
  'performance',
  [
    QUERY_IN_LOOP,
    QUERY_PER_RESOLVER,
    QUADRATIC_WORK,
    UNBOUNDED_READ,
    SYNC_IO_IN_HANDLER,
    GROWING_COLLECTION,
    GROWING_LISTENERS,
    ENDLESS_LOOP,
    SEQUENTIAL_AWAITS,
    INVARIANT_WORK_IN_LOOP,
  ],
  [QUERY_IN_LOOP, ENDLESS_LOOP],
)
