import { closeSync, fdatasync, openSync } from 'node:fs'

/** Starts to sync the log; the lane is free again when it calls back. */
export type SyncLog = (lane: number, done: (error: Error | null) => void) => void

/** Each takes one of the few threads that the process has for files; a third group shares the next sync. */
const LANES = 2

/**
 * Makes commits durable beside the writer. SQLite runs with `synchronous=NORMAL`: it writes a commit to the
 * write-ahead log and orders checkpoints safely, but does not wait for the disk. This waits, on another thread,
 * while the writer goes on; nobody is answered before a sync that began after his commit has ended. One sync serves
 * all commits that were written before it began, and a commit need not wait for a sync that began before it to end.
 */
export class LogSync {
  readonly #sync: SyncLog
  readonly #onFailure: (error: Error) => void
  readonly #free = Array.from({ length: LANES }, (_, lane) => lane)
  /** Whom each sync under way serves, in the order in which they began. */
  readonly #running: (() => void)[][] = []
  #waiting: (() => void)[] = []
  #failed = false

  /** `onFailure`: the disk did not take the log. What it holds is unknown then, and no later sync can mend it. */
  constructor(sync: SyncLog, onFailure: (error: Error) => void) {
    this.#sync = sync
    this.#onFailure = onFailure
  }

  /** Calls back, in the order of the calls, when everything written so far is on disk; never after a failure. */
  afterSync(done: () => void): void {
    if (this.#failed) return
    this.#waiting.push(done)
    this.#run()
  }

  #run(): void {
    if (this.#waiting.length === 0) return
    const lane = this.#free.pop()
    if (lane === undefined) return
    const served = this.#waiting
    this.#waiting = []
    this.#running.push(served)
    this.#sync(lane, (error) => {
      if (this.#failed) return
      if (error !== null) {
        this.#failed = true
        this.#onFailure(error)
        return
      }
      this.#free.push(lane)
      this.#run()
      // What those before it wait for was written before it began, too.
      const ended = this.#running.splice(0, this.#running.indexOf(served) + 1)
      for (const group of ended) for (const done of group) done()
    })
  }
}

/** Syncs the write-ahead log of a database. SQLite keeps its locks on other files, so closing this one drops none. */
export function syncOfLog(database: string): { sync: SyncLog; close: () => void } {
  // Writable, because some systems sync only what was opened for writing. Each lane opens the log for itself: the
  // system reports that something could not be written once to each who has it open, not once to each who syncs.
  const logs = Array.from({ length: LANES }, () => openSync(`${database}-wal`, 'r+'))
  return {
    sync: (lane, done) => fdatasync(logs[lane] as number, done),
    close: () => logs.forEach((log) => closeSync(log)),
  }
}
