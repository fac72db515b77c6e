/**
 * What people were told of and is not over yet, and what is: one open alarm for each key. It is told beside the ledger;
 * what people do about one is recorded there.
 */
export interface Alarms {
  /** Newest first. */
  list(filter: AlarmFilter): Promise<readonly AlarmRow[]>
  get(id: string): Promise<AlarmRow | undefined>
  /** The one of the key that is open. */
  open(key: string): Promise<AlarmRow | undefined>
  /**
   * Writes the row if its version is still the one it replaces and no other alarm of its key is open, durably. Answers
   * whether it was written.
   */
  write(row: AlarmRow, replaces: number | null): Promise<boolean>
  /** Forgets those that were resolved before `before`, epoch ms. */
  drop(before: number): Promise<void>
}

export interface AlarmFilter {
  readonly open?: boolean
  readonly agent?: string
  /** As the row has it. */
  readonly kind?: string
  /** Ids are ordered by time: only those before this one. */
  readonly before?: string
  readonly limit: number
}

/** Times are epoch ms. */
export interface AlarmRow {
  /** `alm_` and a UUIDv7. */
  readonly id: string
  readonly version: number
  /** What repeats of the same are recognised by. */
  readonly key: string
  readonly kind: string
  readonly agent: string | null
  readonly urgent: boolean
  readonly title: string
  /** What happened, in numbers, when it was last raised. */
  readonly facts: readonly string[]
  readonly act: string
  readonly session: string | null
  readonly action: string | null
  readonly raisedAt: number
  readonly lastAt: number
  /** How often it was raised. */
  readonly count: number
  /** When people were last told. */
  readonly toldAt: number
  readonly acknowledgedBy: string | null
  readonly acknowledgedAt: number | null
  readonly resolvedAt: number | null
  /** `null` while open, and where it was over by itself. */
  readonly resolvedBy: string | null
}
