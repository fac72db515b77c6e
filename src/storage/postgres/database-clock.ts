import { performance } from 'node:perf_hooks'

/** The database's time, told by this process's monotonic clock between looks at it. Never goes backwards. */
export class DatabaseClock {
  #offset = 0
  #last: number

  constructor(lowest: number) {
    this.#last = lowest
  }

  /** `asked` and `answered` are `performance.now()` around the look; the database's time lies between them. */
  set(databaseTime: number, asked: number, answered: number): void {
    this.#offset = databaseTime - (asked + answered) / 2
  }

  now(): number {
    this.#last = Math.max(this.#last, Math.floor(performance.now() + this.#offset))
    return this.#last
  }
}
