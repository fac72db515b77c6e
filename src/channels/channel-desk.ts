/** How a way to reach people does. Times are epoch ms of this process. */
export interface ChannelStatus {
  readonly name: string
  /** The policy names it. */
  readonly configured: boolean
  /** It sends: it is configured and has its secrets. */
  readonly open: boolean
  /** Why it does not send, though it is configured. */
  readonly missing: string | null
  readonly deliveredAt: number | null
  readonly failedAt: number | null
  /** Without secrets. */
  readonly failure: string | null
}

/** The channels of this process, as somebody who looks after them sees them. */
export interface ChannelDesk {
  channels(): readonly ChannelStatus[]
  /** Sends a message that says it is a test; `false` when the channel is not open. Delivery shows in `channels`. */
  test(name: string, by: string): boolean
}

interface Seen {
  missing: string | null
  deliveredAt: number | null
  failedAt: number | null
  failure: string | null
}

/** Remembers, for as long as the process lives, what became of the last messages of each channel. */
export class ChannelBook {
  readonly #now: () => number
  readonly #seen = new Map<string, Seen>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** It is opened anew: what it lacked is asked again. */
  opening(name: string): void {
    this.#of(name).missing = null
  }

  missing(name: string, what: string): void {
    this.#of(name).missing = what
  }

  delivered(name: string): void {
    this.#of(name).deliveredAt = this.#now()
  }

  failed(name: string, error: unknown): void {
    const seen = this.#of(name)
    seen.failedAt = this.#now()
    seen.failure = (error instanceof Error ? error.message : String(error)).slice(0, 500)
  }

  status(name: string, { configured, open }: { configured: boolean; open: boolean }): ChannelStatus {
    return { name, configured, open, ...this.#of(name), ...(configured ? {} : { missing: null }) }
  }

  #of(name: string): Seen {
    let seen = this.#seen.get(name)
    if (seen === undefined) {
      seen = { missing: null, deliveredAt: null, failedAt: null, failure: null }
      this.#seen.set(name, seen)
    }
    return seen
  }
}
