import type { LedgerFollower } from '../flow/audit/follow-ledger.ts'
import type { Policy } from '../policy/policy.ts'
import type { Store } from '../storage/store.ts'

/** What is derived from the ledger beside the way of actions: spans, sessions and hourly sums. */
export interface Followers {
  /** Resolves when all that was committed before the call is counted; rejects when it cannot be. */
  caughtUp(): Promise<void>
  close(): Promise<void>
}

/** Nobody who starts a harness waits for this; commands that are done sooner leave it to the next process. */
const BEGIN_AFTER_MS = 250
/** How often what is older than the policy keeps is purged. */
const PURGE_EVERY_MS = 3_600_000

type Open = () => Promise<LedgerFollower>

/**
 * Opens the followers of the ledger a moment after the start, or when they are first asked for. Each is loaded with its
 * first turn. They keep no process alive.
 */
export function openFollowers(
  store: Store,
  policies: { current(): Policy },
  onFault: (error: unknown) => void,
): Followers {
  const openers: readonly Open[] = [
    async () => (await import('../flow/audit/sessions/keep-rollups.ts')).keepRollups(store, { onFault }),
  ]
  let opened: Promise<readonly LedgerFollower[]> | undefined
  let closed = false
  const open = (): Promise<readonly LedgerFollower[]> =>
    (opened ??= closed ? Promise.resolve([]) : Promise.all(openers.map((one) => one())))
  const timer = setTimeout(() => void open().catch(onFault), BEGIN_AFTER_MS).unref()
  let purging: Promise<unknown> = Promise.resolve()
  const purge = setInterval(() => {
    const { retention } = policies.current().ledger
    purging = purging
      .then(async () => (await import('../flow/audit/retention.ts')).purgeOld(store, retention, () => closed))
      .catch(onFault)
  }, PURGE_EVERY_MS).unref()
  return {
    async caughtUp() {
      await Promise.all((await open()).map((one) => one.caughtUp()))
    },
    async close() {
      closed = true
      clearTimeout(timer)
      clearInterval(purge)
      await purging
      await Promise.all((await (opened ?? [])).map((one) => one.close()))
    },
  }
}
