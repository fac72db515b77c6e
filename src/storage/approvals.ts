import type { JsonValue } from '../action/json.ts'

/** What belongs to approvals beside the actions that wait: what was granted in advance, and who is away. */
export interface Approvals {
  /** Newest first. `open`: neither revoked nor expired at that time (epoch ms) nor used up. */
  standing(filter: {
    readonly agent?: string
    readonly action?: string
    readonly open?: number
    readonly before?: string
    readonly limit: number
  }): Promise<readonly StandingRow[]>
  standingById(id: string): Promise<StandingRow | undefined>
  /** Absences that have not ended and last beyond `at` (epoch ms), oldest first. */
  absences(at: number): Promise<readonly AbsenceRow[]>
  absence(id: string): Promise<AbsenceRow | undefined>
}

/** What a value of the input may be for a standing approval to cover it. Exactly one of these. */
export type Bound =
  | { readonly equals: JsonValue }
  | { readonly one_of: readonly JsonValue[] }
  | { readonly min?: number; readonly max?: number }
  | { readonly max_length: number }
  | { readonly any: true }

export interface Grant {
  readonly by: string
  readonly at: number
  /** Given by whoever holds the admin token, who counts as one member of any group. */
  readonly owner?: true
}

/** A yes in advance, to one exact kind of action, for a while and a number of times. Times are epoch ms. */
export interface StandingRow {
  readonly id: string
  /** The first is 1. Uses do not count it up. */
  readonly version: number
  readonly agent: string
  readonly action: string
  /** What it may be done to, exactly; empty: nothing that names a target. */
  readonly targets: readonly string[]
  /** By dotted path; every value of an input must lie within one of them. */
  readonly bounds: Readonly<Record<string, Bound>>
  readonly maxCount: number
  /** The sum of the number at `path` over all uses, in millionths. */
  readonly maxSum: { readonly path: string; readonly limit: number } | null
  readonly reason: string
  readonly grants: readonly Grant[]
  readonly createdBy: string
  readonly createdAt: number
  readonly expiresAt: number
  readonly revokedAt: number | null
  readonly revokedBy: string | null
  /** Counted by the store alone, with the start of each action that it covers. */
  readonly used: number
  readonly usedSum: number
}

/** Counts one use with the commit that it belongs to; a conflict on `standing` when none is left at `at`. */
export interface StandingUse {
  readonly id: string
  /** Millionths. */
  readonly amount: number
  readonly at: number
}

/** A person is away, and somebody stands in for them. Times are epoch ms. */
export interface AbsenceRow {
  readonly id: string
  readonly version: number
  readonly person: string
  readonly substitute: string
  readonly from: number
  readonly until: number
  readonly reason: string | null
  readonly createdBy: string
  readonly createdAt: number
  readonly endedAt: number | null
}
