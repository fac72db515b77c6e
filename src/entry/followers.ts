import type { LedgerFollower } from '../flow/audit/follow-ledger.ts'
import type { Store } from '../storage/store.ts'

/** What is derived from the ledger beside the way of actions: spans, sessions and hourly sums. */
export interface Followers {
  /** Resolves when all that was committed before the call is counted; rejects when it cannot be. */
  caughtUp(): Promise<void>
  close(): Promise<void>
}

/** Nobody who starts a harness waits for this; commands that are done sooner leave it to the next process. */
const BEGIN_AFTER_MS = 250

type Open = () => Promise<LedgerFollower>

/**
 * Opens the followers of the ledger a moment after the start, or when they are first asked for. Each is loaded with its
 * first turn. They keep no process alive.
 */
export function openFollowers(store: Store, onFault: (error: unknown) => void): Followers {
  const openers: readonly Open[] = [
    async () => (await import('../flow/audit/sessions/keep-rollups.ts')).keepRollups(store, { onFault }),
  ]
  let opened: Promise<readonly LedgerFollower[]> | undefined
  let closed = false
  const open = (): Promise<readonly LedgerFollower[]> =>
    (opened ??= closed ? Promise.resolve([]) : Promise.all(openers.map((one) => one())))
  const timer = setTimeout(() => void open().catch(onFault), BEGIN_AFTER_MS).unref()
  return {
    async caughtUp() {
      await Promise.all((await open()).map((one) => one.caughtUp()))
    },
    async close() {
      closed = true
      clearTimeout(timer)
      await Promise.all((await (opened ?? [])).map((one) => one.close()))
    },
  }
}
