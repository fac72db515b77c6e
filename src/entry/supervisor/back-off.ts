/** How long to wait before something that failed is tried again. Milliseconds. */
export interface BackOffRule {
  readonly first: number
  readonly most: number
  /** What has run this long starts again with the first wait. */
  readonly healthyAfter: number
}

const AGENT_BACK_OFF: BackOffRule = { first: 500, most: 60_000, healthyAfter: 60_000 }

/**
 * Waits that double from `first` up to `most`. Half of each is left to chance, so that what failed together does not
 * come back together.
 */
export class BackOff {
  readonly #rule: BackOffRule
  readonly #random: () => number
  #failures = 0

  constructor(rule: BackOffRule = AGENT_BACK_OFF, random: () => number = Math.random) {
    this.#rule = rule
    this.#random = random
  }

  /** How long to wait after a run that lasted `ranMs`. */
  next(ranMs: number): number {
    const { first, most, healthyAfter } = this.#rule
    if (ranMs >= healthyAfter) this.#failures = 0
    const full = Math.min(most, first * 2 ** this.#failures)
    // A power beyond this is infinite, and infinity times chance is not a time.
    this.#failures = Math.min(this.#failures + 1, 64)
    return Math.round(full * (0.5 + this.#random() / 2))
  }

  reset(): void {
    this.#failures = 0
  }
}
