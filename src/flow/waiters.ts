/** Who waits for which action to change. A notice carries no data: whoever is woken reads the action again. */
export class Waiters {
  readonly #waiting = new Map<string, Set<() => void>>()

  get ids(): Iterable<string> {
    return this.#waiting.keys()
  }

  /** Resolves at the next notice for the id, after `ms`, or when the signal aborts. */
  wait(id: string, ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(id) ?? new Set()
      this.#waiting.set(id, waiting)
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        waiting.delete(done)
        if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id)
        resolve()
      }
      const timer = setTimeout(done, ms)
      waiting.add(done)
      signal?.addEventListener('abort', done, { once: true })
      if (signal?.aborted === true) done()
    })
  }

  notify(id: string): void {
    // Waking removes the waiter from the set that is being read.
    for (const wake of Array.from(this.#waiting.get(id) ?? [])) wake()
  }

  notifyAll(): void {
    for (const id of Array.from(this.#waiting.keys())) this.notify(id)
  }
}
