/** Sending will not work now; again after `ms`, and nothing else before that. */
export class Later extends Error {
  readonly ms: number

  constructor(message: string, ms: number) {
    super(message)
    this.name = 'Later'
    this.ms = ms
  }
}

/** Sending will never work: the receiver does not want it, or it is malformed. */
export class Undeliverable extends Error {
  override readonly name = 'Undeliverable'
}

export interface Parcel {
  send(): Promise<void>
  /** Whether it is still worth sending, asked before each attempt. With it, attempts go on until it is not. */
  wanted?(): Promise<boolean>
}

export interface OutboxOptions {
  readonly onFault: (error: unknown) => void
  readonly onSent?: (() => void) | undefined
  /** Parcels that wait at the same time; further ones are dropped with a fault. Default 1,000. */
  readonly limit?: number
  readonly concurrency?: number
  /** Attempts for a parcel without `wanted`. Default 8: about four minutes. */
  readonly attempts?: number
  /** Wait before the second attempt, ms; it doubles up to `maxDelay`. Defaults 1,000 and 60,000. */
  readonly delay?: number
  readonly maxDelay?: number
}

interface Waiting {
  readonly parcel: Parcel
  attempt: number
}

/**
 * Sends parcels in the background, in order of posting, again after failures. Bounded; whoever posts never waits and
 * never sees a failure.
 */
export class Outbox {
  readonly #options: Required<Omit<OutboxOptions, 'onSent'>> & Pick<OutboxOptions, 'onSent'>
  readonly #ready: Waiting[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  #running = 0
  #held = 0
  #pausedUntil = 0
  #closed = false
  #idle: (() => void)[] = []

  constructor(options: OutboxOptions) {
    this.#options = { limit: 1_000, concurrency: 1, attempts: 8, delay: 1_000, maxDelay: 60_000, ...options }
  }

  post(parcel: Parcel): void {
    if (this.#closed) return
    if (this.#held >= this.#options.limit) {
      this.#options.onFault(new Error(`the outbox is full (${this.#options.limit}); a message was dropped`))
      return
    }
    this.#held++
    this.#ready.push({ parcel, attempt: 0 })
    this.#pump()
  }

  /** Resolves when everything that was posted was sent or given up. */
  async idle(): Promise<void> {
    if (this.#held === 0) return
    await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /** Sends nothing more; resolves when what is being sent has ended. */
  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#held = this.#running
    this.#ready.length = 0
    this.#timers.clear()
    await this.idle()
  }

  #pump(): void {
    const pause = this.#pausedUntil - performance.now()
    if (pause > 0) {
      if (this.#ready.length > 0) this.#after(pause, () => this.#pump())
      return
    }
    while (this.#running < this.#options.concurrency) {
      const next = this.#ready.shift()
      if (next === undefined) return
      this.#running++
      void this.#attempt(next).then(() => {
        this.#running--
        this.#pump()
      })
    }
  }

  async #attempt(waiting: Waiting): Promise<void> {
    const { parcel } = waiting
    try {
      if (parcel.wanted === undefined || (await parcel.wanted())) {
        await parcel.send()
        this.#options.onSent?.()
      }
      this.#done()
    } catch (error) {
      waiting.attempt++
      this.#failed(waiting, error)
    }
  }

  #failed(waiting: Waiting, error: unknown): void {
    const { attempts, delay, maxDelay, onFault } = this.#options
    const final =
      error instanceof Undeliverable || (waiting.parcel.wanted === undefined && waiting.attempt >= attempts)
    // Told once when it begins, now and then while it lasts, and when it is given up.
    if (final || waiting.attempt % 10 === 1) onFault(error)
    if (final || this.#closed) {
      this.#done()
      return
    }
    const late = error instanceof Later ? error.ms : 0
    if (late > 0) this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + late)
    const backOff = Math.min(delay * 2 ** Math.min(waiting.attempt - 1, 20), maxDelay)
    this.#after(Math.max(late, backOff), () => {
      this.#ready.push(waiting)
      this.#pump()
    })
  }

  #after(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, ms)
    timer.unref()
    this.#timers.add(timer)
  }

  #done(): void {
    this.#held--
    if (this.#held > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}
