/**
 * What has been learned of how agents behave, as opaque data: one row for each agent, action and kind. It is derived and
 * may be lost; it is written beside the way of actions.
 */
export interface Baselines {
  /** Of all rows, without their data. */
  heads(): Promise<readonly BaselineHead[]>
  rows(keys: readonly BaselineKey[]): Promise<readonly BaselineRow[]>
  /** Writes each row whose version is still the one it replaces, durably. Answers which were written, in order. */
  write(rows: readonly BaselineWrite[]): Promise<readonly boolean[]>
  /** Forgets all that was learned of an agent. */
  drop(agent: string): Promise<void>
}

export interface BaselineKey {
  readonly agent: string
  /** Empty for what belongs to the agent as a whole. */
  readonly action: string
  readonly kind: 'behaviour' | 'novelty'
}

export interface BaselineHead extends BaselineKey {
  readonly version: number
}

export interface BaselineRow extends BaselineHead {
  /** Epoch ms. */
  readonly updatedAt: number
  readonly data: Uint8Array
}

export interface BaselineWrite {
  readonly row: BaselineRow
  /** `null` for a row that is not there. */
  readonly replaces: number | null
}
