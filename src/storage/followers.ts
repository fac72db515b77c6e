/** How far those who read the ledger record by record have come, on disk. */
export interface FollowerPositions {
  /** By chain, the number of the last record that the follower is done with. Empty for one that nobody knows. */
  positions(follower: string): Promise<ReadonlyMap<string, number>>
  /**
   * Moves on, durably. `from`: where it stands, `null` in a chain that it does not know yet. `false`, and nothing is
   * changed, when it stands somewhere else.
   */
  move(follower: string, chain: string, from: number | null, to: number): Promise<boolean>
}
