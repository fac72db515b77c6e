/** What is needed of the writer's connection. */
export interface Checkpointed {
  readonly open: boolean
  pragma(source: string): unknown
}

/** Copies the log beside the writer, from a connection of its own. */
export interface LogCopier {
  /** Calls back when it has ended, with the error if it could not. */
  copy(done: (error: unknown) => void): void
  /** Ends it; a copy that is under way is waited for by nobody. */
  end(): void
}

/** 64 MB of the log, which is then taken up again from its beginning instead of growing. */
const WORTHWHILE_FRAMES = 8000
/** 192 MB: the writer stops to copy them itself, whatever the other thread does. */
const MOST_FRAMES = 24_000
/** Few enough that copying them stops the writer only for milliseconds. */
const FEW_FRAMES = 400
/** How often the length of the log is asked for. */
const WRITES_BETWEEN = 16

/**
 * When the log is copied into the database. A checkpoint by the writer stops all commits for as long as it takes, so
 * under load another thread copies most of it, as often as it takes until little is left, and the writer only the
 * rest: what is copied to its end is written again from the beginning. In the first quiet moment the writer does
 * all of it, so that the log is short when it has to be read after a crash. Should the other thread not keep up,
 * the writer copies the log when it has become too long.
 *
 * A checkpoint that cannot be made, for example on a full disk, loses nothing: the log stays, and a later one takes
 * it along; it must not end the writer. But when the disk did not take the database, a second sync might call lost
 * pages saved, after which the log that still has them would be written anew: that ends the writer.
 */
export class Checkpoints {
  readonly #connection: Checkpointed
  readonly #start: () => LogCopier
  #copier: LogCopier | undefined
  #copying = false
  #writes = 0

  constructor(connection: Checkpointed, start: () => LogCopier) {
    this.#connection = connection
    this.#start = start
  }

  /** Whether another thread is copying now: what wants the log for itself has to wait. */
  get copying(): boolean {
    return this.#copying
  }

  /** After everything that was written. */
  afterWrite(): void {
    if (++this.#writes % WRITES_BETWEEN !== 0) return
    const left = this.#left()
    if (left >= MOST_FRAMES) this.#finish()
    else if (left >= WORTHWHILE_FRAMES && !this.#copying) this.#copy()
  }

  /** Nothing has been written for a while. */
  quiet(): void {
    this.#finish()
    if (!this.#copying) this.end()
  }

  /** No longer copies beside the writer. */
  end(): void {
    this.#copier?.end()
    this.#copier = undefined
    this.#copying = false
  }

  #copy(): void {
    this.#copying = true
    const before = this.#left()
    const copier = (this.#copier ??= this.#start())
    copier.copy((error) => {
      if (this.#copier !== copier) return
      this.#copying = false
      refuseLostPages(error)
      const left = this.#left()
      if (left <= FEW_FRAMES) this.#finish()
      // Without progress a reader is in the way, or the disk is full: after the next commits it is tried again.
      else if (left < before / 2) this.#copy()
    })
  }

  #finish(): void {
    this.#try('wal_checkpoint(PASSIVE)')
  }

  /** Frames of the log that are not in the database yet. */
  #left(): number {
    const answer = this.#try('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[] | undefined
    const { log = 0, checkpointed = 0 } = answer?.[0] ?? {}
    return Math.max(0, log - checkpointed)
  }

  #try(pragma: string): unknown {
    if (!this.#connection.open) return undefined
    try {
      return this.#connection.pragma(pragma)
    } catch (error) {
      refuseLostPages(error)
      return undefined
    }
  }
}

function refuseLostPages(error: unknown): void {
  if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'SQLITE_IOERR_FSYNC')
    throw error instanceof Error ? error : new Error('the database could not be synced')
}
