export interface ProviderHealthOptions {
  /** Failures in a row that open it. Default 5. */
  readonly failures?: number
  /** The first cool-down, ms; each further one is twice as long. Default 2 s. */
  readonly coolDown?: number
  /** The longest cool-down, ms. Default 2 min. */
  readonly longest?: number
  /** Share of a cool-down that chance adds, so that replicas do not come back together. Default 0.25. */
  readonly jitter?: number
  /** Monotonic, ms. */
  readonly now?: () => number
  /** From 0 up to 1. */
  readonly random?: () => number
}

type State =
  | { readonly kind: 'closed'; failed: number }
  | { readonly kind: 'open'; readonly opened: number; readonly until: number }
  | { readonly kind: 'half_open'; readonly opened: number; readonly until: number }

/** A permission to call. Report the outcome once; what is reported after the state has moved on is ignored. */
export interface HealthTicket {
  /** It is the one call that decides whether the provider is well again. */
  readonly probe: boolean
  /** Any answer that is no overload: a refusal is a sign of health too. */
  succeeded(): void
  /** A failed connection, a time-out, a 5xx or an overload. `retryAfter` (ms) is what the provider asked for. */
  failed(retryAfter?: number): void
  /** It ended without telling anything of the provider, for example because the agent left. */
  dropped(): void
}

/**
 * Breakers of providers, by origin: a provider that failed some times in a row is left alone for a while, then one
 * call tries it. Holds no timer; never calls anything. A rate limit is no failure here: it is the agent's own load.
 */
export class ProviderHealth {
  readonly #options: Required<ProviderHealthOptions>
  readonly #states = new Map<string, State>()

  constructor(options: ProviderHealthOptions = {}) {
    this.#options = {
      failures: options.failures ?? 5,
      coolDown: options.coolDown ?? 2_000,
      longest: options.longest ?? 120_000,
      jitter: options.jitter ?? 0.25,
      now: options.now ?? (() => performance.now()),
      random: options.random ?? Math.random,
    }
  }

  /** A ticket, or how long (ms) to leave the provider alone. */
  admit(origin: string): HealthTicket | number {
    let state = this.#states.get(origin)
    if (state === undefined) {
      state = { kind: 'closed', failed: 0 }
      this.#states.set(origin, state)
    }
    if (state.kind === 'closed') return this.#ticket(origin, state, false)
    const left = state.until - this.#options.now()
    if (left > 0) return left
    // Also when a probe was lost: its ticket counts no longer.
    const probing: State = {
      kind: 'half_open',
      opened: state.opened,
      until: this.#options.now() + this.#options.longest,
    }
    this.#states.set(origin, probing)
    return this.#ticket(origin, probing, true)
  }

  /** For the console and for metrics. */
  state(origin: string): 'closed' | 'open' | 'half_open' {
    return this.#states.get(origin)?.kind ?? 'closed'
  }

  #ticket(origin: string, state: State, probe: boolean): HealthTicket {
    const current = (): boolean => this.#states.get(origin) === state
    return {
      probe,
      succeeded: () => {
        if (!current()) return
        if (state.kind === 'closed') state.failed = 0
        else this.#states.set(origin, { kind: 'closed', failed: 0 })
      },
      failed: (retryAfter = 0) => {
        if (!current()) return
        if (state.kind === 'closed' && ++state.failed < this.#options.failures) return
        this.#open(origin, state.kind === 'closed' ? 1 : state.opened + 1, retryAfter)
      },
      dropped: () => {
        // The next call is the probe then.
        if (current() && state.kind === 'half_open')
          this.#states.set(origin, { kind: 'open', opened: state.opened, until: this.#options.now() })
      },
    }
  }

  #open(origin: string, opened: number, retryAfter: number): void {
    const { coolDown, longest, jitter, now, random } = this.#options
    const grown = Math.min(coolDown * 2 ** Math.min(opened - 1, 30), longest)
    const asked = Math.min(Math.max(grown, retryAfter), longest)
    this.#states.set(origin, { kind: 'open', opened, until: now() + asked * (1 + jitter * random()) })
  }
}
