import { closeSync, fdatasync, openSync } from 'node:fs'

/**
 * Makes commits durable beside the writer. SQLite runs with `synchronous=NORMAL`: it writes a commit to the
 * write-ahead log and orders checkpoints safely, but does not wait for the disk. This waits, on another thread,
 * while the writer goes on; nobody is answered before the log that holds his commit is on disk. One sync serves
 * all commits that were written before it began.
 */
export class LogSync {
  readonly #sync: (done: (error: Error | null) => void) => void
  readonly #onFailure: (error: Error) => void
  #waiting: (() => void)[] = []
  #running = false
  #failed = false

  /** `onFailure`: the disk did not take the log. What it holds is unknown then, and no later sync can mend it. */
  constructor(sync: (done: (error: Error | null) => void) => void, onFailure: (error: Error) => void) {
    this.#sync = sync
    this.#onFailure = onFailure
  }

  /** Calls back when everything written so far is on disk; never after a failure. */
  afterSync(done: () => void): void {
    if (this.#failed) return
    this.#waiting.push(done)
    if (!this.#running) this.#run()
  }

  #run(): void {
    const served = this.#waiting
    this.#waiting = []
    this.#running = true
    this.#sync((error) => {
      this.#running = false
      if (error !== null) {
        this.#failed = true
        this.#onFailure(error)
        return
      }
      if (this.#waiting.length > 0) this.#run()
      for (const done of served) done()
    })
  }
}

/** Syncs the write-ahead log of a database. SQLite keeps its locks on other files, so closing this one drops none. */
export function syncOfLog(database: string): {
  sync: (done: (error: Error | null) => void) => void
  close: () => void
} {
  // Writable, because some systems sync only what was opened for writing.
  const log = openSync(`${database}-wal`, 'r+')
  return { sync: (done) => fdatasync(log, done), close: () => closeSync(log) }
}
