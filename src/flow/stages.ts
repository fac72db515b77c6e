import type { Action } from '../action/action.ts'
import type { Policy } from '../policy/policy.ts'
import type { Store } from '../storage/store.ts'
import type { Announcer } from './approve/announcer.ts'
import type { Approve } from './approve/approve.ts'
import type { RecentActions } from './recent-actions.ts'
import type { RideAlong } from './ride-along.ts'
import type { Undoers } from './contain/undoers.ts'
import type { History } from './monitor/history.ts'
import type { Monitor } from './monitor/monitor.ts'
import type { Scorer } from './check-content.ts'
import type { Verify } from './verify/verify.ts'
import type { Waiters } from './waiters.ts'

/** The policy in force; a reload swaps it between two judgements, never within one. */
export interface PolicySource {
  current(): Policy
}

/**
 * Is told of every step after it is on disk, by the process that recorded it. `before` is the action that the step
 * replaced, absent for a new one. What it throws goes to `onFault`.
 */
export type Observer = (action: Action, before?: Action) => void

/** What every verb of the flow works with. One value for the whole process. */
export interface Stages {
  readonly store: Store
  readonly policies: PolicySource
  readonly verify: Verify
  /** `null`: nobody can score, so what must be scored is refused. */
  readonly scorer: Scorer | null
  readonly monitor: Monitor
  readonly approve: Approve
  /** In memory on SQLite, where one process sees everything; empty on PostgreSQL, which is asked under a lock. */
  history: History
  /** While history is read again because a new policy looks back further: nothing is judged on the short one. */
  historyReload: Promise<void> | null
  /** Outcomes on their way to the store. */
  readonly reporting: Set<Promise<unknown>>
  readonly rideAlong: RideAlong
  readonly undoers: Undoers
  readonly waiters: Waiters
  readonly announcer: Announcer
  readonly onMoved?: Observer | undefined
  /** Where faults go that must not change the answer of what has already happened. */
  readonly onFault: (error: unknown) => void
  /** Non-terminal actions that this process moved last, with their input, so that the next step need not read them. */
  readonly recent: RecentActions
}
