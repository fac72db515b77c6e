import type { Store, StoredRecord } from '../../storage/store.ts'

/** What a follower reads of a record: at least its number. */
export type FollowedRecord = Pick<StoredRecord, 'seq'>

/** What a follower needs of the store; of the records it may read less than there is. */
export interface FollowedStore<R extends FollowedRecord> extends Pick<
  Store,
  'dialect' | 'replica' | 'chains' | 'onCommit'
> {
  records(chain: string, afterSeq: number, limit: number): Promise<readonly R[]>
}

export interface FollowOptions<R extends FollowedRecord = StoredRecord> {
  readonly store: FollowedStore<R>
  /** The number of the last record of the chain that was applied, as it is on disk; 0 before the first. */
  readonly from: (chain: string) => Promise<number>
  /**
   * Keeps what is derived from these records, which follow one another and the position, together with the new
   * position (`seq` of the last), in one commit that applies nothing unless the position is still the one before
   * the first: another replica may have followed the same chain. Whatever it rejects with, the position is read
   * again and the records come again.
   */
  readonly apply: (chain: string, records: readonly R[]) => Promise<void>
  /** Most records a batch: by default 1,000; up to 10,000 where little is read of each. */
  readonly batch?: number
  /** How soon after a commit the first batch is taken, ms; meanwhile commits collect. */
  readonly delay?: number
  /** How often a replica looks whether another one has died and left a chain, ms. */
  readonly lookEvery?: number
  readonly onFault?: (error: unknown) => void
}

export interface LedgerFollower {
  /**
   * Resolves when all that was committed before the call, in the chains that this process follows, is applied.
   * Rejects with what `apply` or the store rejected with, and when it is closed meanwhile.
   */
  caughtUp(): Promise<void>
  /** Resolves when the batch under way has ended; takes no further one. */
  close(): Promise<void>
}

const BATCH = 1000
const MAX_BATCH = 10_000
const DELAY_MS = 100
const LOOK_EVERY_MS = 5_000
const MAX_FAULT_PAUSE_MS = 30_000
/** A commit this recent says that agents are waiting for this thread, ms. */
const BUSY_MS = 20
/** While agents wait, a batch is followed by a pause of this many times its own length. */
const BUSY_SHARE = 3
/** After so many records in full batches on end it has fallen behind, and takes half of the time. */
const BEHIND = 50_000

/**
 * Reads the ledger's records after its position, in order, and hands them on in batches: what is derived from the
 * ledger (rollups, trees, indexes) is never computed on the way of an action. Each replica follows its own chain; the
 * chain of a dead one is followed by the living one whose name comes first. One batch is in memory at a time. While
 * the store is busy it gives way; it keeps no process alive.
 */
export function followLedger<R extends FollowedRecord = StoredRecord>(
  options: FollowOptions<R>,
): LedgerFollower {
  return new Follower(options)
}

class Follower<R extends FollowedRecord> implements LedgerFollower {
  readonly #options: FollowOptions<R>
  readonly #batch: number
  readonly #positions = new Map<string, number>()
  readonly #stopListening: () => void
  readonly #look: NodeJS.Timeout | undefined
  /** One batch at a time, whoever asks for it. */
  #turn: Promise<unknown> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #running = false
  #heard = true
  #heardAt = 0
  #fullBatches = 0
  #faults = 0
  #closed = false

  constructor(options: FollowOptions<R>) {
    this.#options = options
    this.#batch = Math.min(options.batch ?? BATCH, MAX_BATCH)
    const { store, delay = DELAY_MS, lookEvery = LOOK_EVERY_MS } = options
    this.#stopListening = store.onCommit(() => {
      this.#heard = true
      this.#heardAt = performance.now()
      this.#schedule(delay)
    })
    if (store.dialect === 'postgres') {
      this.#look = setInterval(() => {
        this.#heard = true
        this.#schedule(0)
      }, lookEvery).unref()
    }
    this.#schedule(delay)
  }

  async caughtUp(): Promise<void> {
    for (const { chain, seq } of await this.#chains()) {
      while ((await this.#position(chain)) < seq) {
        if (this.#closed) throw new Error('the follower was closed')
        await this.#alone(() => this.#take(chain, seq))
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#stopListening()
    clearInterval(this.#look)
    clearTimeout(this.#timer)
    await this.#turn
  }

  #schedule(ms: number): void {
    if (this.#closed || this.#running || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#running = true
      void this.#run().finally(() => {
        this.#running = false
        if (this.#heard) this.#schedule(this.#faults > 0 ? this.#faultPause() : this.#delay())
      })
    }, ms).unref()
  }

  #delay(): number {
    return this.#options.delay ?? DELAY_MS
  }

  /** Batch after batch, until there is nothing more. */
  async #run(): Promise<void> {
    this.#heard = false
    try {
      for (const { chain, seq } of await this.#chains()) {
        while (!this.#closed && (await this.#position(chain)) < seq) {
          const started = performance.now()
          const taken = await this.#alone(() => this.#take(chain, seq))
          this.#fullBatches = taken < this.#batch ? 0 : this.#fullBatches + 1
          await this.#giveWay(performance.now() - started)
        }
      }
      this.#faults = 0
    } catch (error) {
      this.#faults++
      this.#heard = true
      if (!this.#closed) this.#options.onFault?.(error)
    }
  }

  #faultPause(): number {
    return Math.min(MAX_FAULT_PAUSE_MS, this.#delay() * 2 ** Math.min(this.#faults, 20))
  }

  async #giveWay(took: number): Promise<void> {
    const busy = performance.now() - this.#heardAt < BUSY_MS
    if (!busy || this.#closed) return
    const pause = took * (this.#fullBatches * this.#batch > BEHIND ? 1 : BUSY_SHARE)
    await new Promise((resolve) => setTimeout(resolve, pause).unref())
  }

  /** Applies the next batch, up to `last`. Answers how many records it had. */
  async #take(chain: string, last: number): Promise<number> {
    const after = await this.#position(chain)
    if (this.#closed || after >= last) return 0
    try {
      const records = await this.#options.store.records(chain, after, Math.min(this.#batch, last - after))
      const end = records.at(-1)
      if (end === undefined)
        throw new Error(`the chain ${chain} ends at record ${after}; its head says ${last}`)
      await this.#options.apply(chain, records)
      this.#positions.set(chain, end.seq)
      return records.length
    } catch (error) {
      // Whether it was applied is what the disk says.
      this.#positions.delete(chain)
      throw error
    }
  }

  async #position(chain: string): Promise<number> {
    const known = this.#positions.get(chain)
    if (known !== undefined) return known
    const read = await this.#options.from(chain)
    this.#positions.set(chain, read)
    return read
  }

  /** The chains that this process follows, and where they stand. */
  async #chains(): Promise<readonly { readonly chain: string; readonly seq: number }[]> {
    const { store } = this.#options
    const all = await store.chains()
    if (store.dialect === 'sqlite') return all
    const living = all.filter(({ live }) => live).map(({ chain }) => chain)
    const isFirst = living.every((other) => store.replica <= other)
    return all.filter(({ chain, live }) => chain === store.replica || (!live && isFirst))
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}
