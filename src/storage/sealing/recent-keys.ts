/** What was used last, bounded in number and, where a time is given, believed only so long (ms). */
export class LRU<T> {
  readonly #most: number
  readonly #believe: number
  readonly #kept = new Map<string, { readonly value: T; readonly until: number }>()

  constructor(most: number, believe = Number.POSITIVE_INFINITY) {
    this.#most = most
    this.#believe = believe
  }

  get(name: string): T | undefined {
    const found = this.#kept.get(name)
    if (found === undefined || performance.now() >= found.until) return undefined
    return found.value
  }

  set(name: string, value: T): void {
    this.#kept.delete(name)
    if (this.#kept.size >= this.#most)
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest)
        break
      }
    this.#kept.set(name, { value, until: performance.now() + this.#believe })
  }

  delete(name: string): void {
    this.#kept.delete(name)
  }

  clear(): void {
    this.#kept.clear()
  }
}
