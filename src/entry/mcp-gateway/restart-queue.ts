const MAX_WAITING = 200
/** How long a request waits for a server that is being started again. */
const WAIT_MS = 10_000

interface Entry {
  readonly go: () => void
  readonly fail: (cause: string) => void
  readonly timer: NodeJS.Timeout
}

/** Requests for a server that is not there at the moment. */
export class RestartQueue {
  readonly #entries = new Set<Entry>()

  /** One of the two is called, once. */
  add(go: () => void, fail: (cause: string) => void): void {
    if (this.#entries.size >= MAX_WAITING) return fail('the server is not there')
    const timer = setTimeout(() => {
      this.#entries.delete(entry)
      fail('the server is not there')
    }, WAIT_MS)
    const entry: Entry = { go, fail, timer }
    this.#entries.add(entry)
  }

  go(): void {
    for (const { go } of this.#take()) go()
  }

  fail(cause: string): void {
    for (const { fail } of this.#take()) fail(cause)
  }

  #take(): readonly Entry[] {
    const entries = [...this.#entries]
    this.#entries.clear()
    for (const { timer } of entries) clearTimeout(timer)
    return entries
  }
}
