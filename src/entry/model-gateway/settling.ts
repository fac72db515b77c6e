/**
 * Outcomes that are on their way to the store. The agent has its answer meanwhile; its next call waits for them, so
 * that it finds the room that the last one gave back.
 */
export class Settling {
  readonly #running = new Map<string, Set<Promise<unknown>>>()

  add(agent: string, work: Promise<unknown>): void {
    let own = this.#running.get(agent)
    if (own === undefined) this.#running.set(agent, (own = new Set()))
    const entry = work.finally(() => {
      own.delete(entry)
      if (own.size === 0 && this.#running.get(agent) === own) this.#running.delete(agent)
    })
    own.add(entry)
    entry.catch(() => undefined)
  }

  /** `undefined` when nothing is on its way: the hot path does not wait. */
  of(agent: string): Promise<unknown> | undefined {
    const own = this.#running.get(agent)
    return own === undefined ? undefined : Promise.allSettled(own)
  }

  async all(): Promise<void> {
    await Promise.allSettled([...this.#running.values()].flatMap((own) => [...own]))
  }
}
