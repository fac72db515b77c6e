/**
 * Outcomes that are on their way to the store. The agent has its answer meanwhile; its next call waits for them, so
 * that it finds the room that the last one gave back.
 */
export class Settling {
  /** Of each agent the work that was added last, which ends after all before it: one wait, however many are running. */
  readonly #last = new Map<string, Promise<unknown>>()

  add(agent: string, work: Promise<unknown>): void {
    const before = this.#last.get(agent)
    const ended = (): unknown => {
      if (before !== undefined) return before.then(last)
      last()
      return undefined
    }
    const last = (): void => {
      if (this.#last.get(agent) === entry) this.#last.delete(agent)
    }
    const entry = work.then(ended, ended)
    this.#last.set(agent, entry)
  }

  /** `undefined` when nothing is on its way: the hot path does not wait. Never rejects. */
  of(agent: string): Promise<unknown> | undefined {
    return this.#last.get(agent)
  }

  async all(): Promise<void> {
    await Promise.all(this.#last.values())
  }
}
