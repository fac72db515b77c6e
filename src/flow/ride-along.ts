/** At most so long, ms. */
const PATIENCE_MS = 5

/**
 * Lets commits that nobody waits for leave with the next one that somebody waits for. Each group of commits has a price
 * of its own, above all a sync of the disk: an agent that calls again at once then pays for one group a call and not two.
 */
export class RideAlong {
  #riders: (() => void)[] = []
  #timer: NodeJS.Timeout | null = null
  #closed = false

  /** Resolves when a commit is about to leave, a few milliseconds later where there is none. */
  turn(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    return new Promise((resolve) => {
      this.#riders.push(resolve)
      this.#timer ??= setTimeout(() => {
        this.#timer = null
        this.leave()
      }, PATIENCE_MS)
    })
  }

  /** To be called before a commit that is waited for, and by whoever waits for what the riders free. */
  leave(): void {
    if (this.#riders.length === 0) return
    for (const resolve of this.#riders.splice(0)) resolve()
  }

  /** From here on nobody waits. */
  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.leave()
  }
}
