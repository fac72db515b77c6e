import type { KeptCheckpoint, TreeGrowth } from '../tiles.ts'
import type { Packed } from './packed.ts'
import type { KeyJob } from './subject-key-file.ts'

/** What the main thread asks of the writer thread. `now` is the store's clock. */
export type Job =
  /** `transitions` are packed `PreparedTransition`s. */
  | { readonly kind: 'commit'; readonly transitions: Packed; readonly now: number }
  | { readonly kind: 'lease'; readonly account: AccountTuple; readonly need: number }
  | { readonly kind: 'give back'; readonly account: string; readonly amount: number }
  | { readonly kind: 'drop budgets'; readonly before: number }
  | { readonly kind: 'drop logins'; readonly before: number }
  | { readonly kind: 'take over'; readonly now: number }
  | { readonly kind: 'grow tree'; readonly growth: TreeGrowth }
  | { readonly kind: 'keep checkpoint'; readonly checkpoint: KeptCheckpoint }
  | { readonly kind: 'sign of life'; readonly now: number }
  /** `StatementRun`s, packed; answers whether all of them held. */
  | { readonly kind: 'run'; readonly statements: Packed }
  | { readonly kind: 'subject keys'; readonly job: KeyJob }
  | { readonly kind: 'scrub' }
  | { readonly kind: 'close' }

export type AccountTuple = readonly [
  key: string,
  agent: string | null,
  unit: string,
  window: string,
  startsAt: number,
  endsAt: number,
  limit: number,
]

/** Of each transition: what it conflicts on, why it failed, or seq and hash of its records in turn. */
export type Written =
  | {
      readonly conflict:
        | 'action'
        | 'agent'
        | 'idempotency'
        | 'key'
        | 'login'
        | 'standing'
        | 'absence'
        | 'prompt'
    }
  | { readonly fault: string }
  | readonly (string | number)[]

export type Request = readonly [id: number, job: Job]
export type Response = readonly [id: number, fault: string | null, value: unknown]

export interface WriterSettings {
  readonly file: string
  readonly replica: string
}

/** SQLite keeps one chain, continued across restarts. */
export const CHAIN = 'main'
