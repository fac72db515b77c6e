import type { NanoUsd } from '../../action/money.ts'
import type { BreakerRule } from '../../policy/policy.ts'

/**
 * Closed lets everything through, open nothing, half-open a few probes. One state of the union holds what
 * that state needs and no more.
 */
export type BreakerState =
  | { readonly name: 'closed' }
  | { readonly name: 'open'; readonly since: number; readonly cause: string }
  | { readonly name: 'half_open'; readonly since: number; probesLeft: number; succeeded: number }

export type Admission =
  | { readonly admitted: true; readonly probe: boolean }
  | { readonly admitted: false; readonly code: string; readonly message: string }

export interface Trip {
  readonly code: 'breaker:error_rate' | 'breaker:spend'
  readonly message: string
}

/** The circuit breaker of one agent: error rate over the last finished actions, and speed of spending. */
export class Breaker {
  state: BreakerState = { name: 'closed' }
  #outcomes: boolean[] = []
  #failures = 0
  #spending: { at: number; cost: NanoUsd }[] = []
  #spent = 0

  /** Outcomes from before this process, newest first. */
  load(failuresNewestFirst: readonly boolean[]): void {
    this.#outcomes = failuresNewestFirst.toReversed()
    this.#failures = this.#outcomes.filter(Boolean).length
  }

  open(since: number, cause: string): void {
    this.state = { name: 'open', since, cause }
  }

  /** A person resumed the agent: what happened before no longer counts. */
  close(): void {
    this.state = { name: 'closed' }
    this.#outcomes = []
    this.#failures = 0
    this.#spending = []
    this.#spent = 0
  }

  /** Whether one more action may pass now. Takes a probe when half-open. */
  admit(rule: BreakerRule, now: number): Admission {
    const { state } = this
    if (state.name === 'open') {
      if (rule.cooldown === null || now < state.since + rule.cooldown) {
        return {
          admitted: false,
          code: 'breaker:open',
          message: `The circuit breaker is open: ${state.cause}`,
        }
      }
      this.state = { name: 'half_open', since: now, probesLeft: rule.probes, succeeded: 0 }
      return this.admit(rule, now)
    }
    if (state.name === 'half_open') {
      if (state.probesLeft === 0) {
        // Probes that never finished (held, expired) must not keep the breaker half-open for ever.
        if (rule.cooldown !== null && now >= state.since + rule.cooldown) {
          this.state = { name: 'half_open', since: now, probesLeft: rule.probes, succeeded: 0 }
          return this.admit(rule, now)
        }
        return {
          admitted: false,
          code: 'breaker:half_open',
          message: 'The circuit breaker waits for the outcome of its probes.',
        }
      }
      state.probesLeft -= 1
      return { admitted: true, probe: true }
    }
    return { admitted: true, probe: false }
  }

  /** A probe did not come to run: its place is free again. */
  forget(): void {
    if (this.state.name === 'half_open') this.state.probesLeft += 1
  }

  /** Would this cost make the agent spend faster than the rule allows? */
  wouldOverspend(rule: BreakerRule, cost: NanoUsd, now: number): Trip | undefined {
    if (rule.spend === null) return undefined
    const since = now - rule.spend.within
    while (this.#spending.length > 0 && (this.#spending[0] as { at: number }).at <= since) {
      this.#spent -= (this.#spending.shift() as { cost: NanoUsd }).cost
    }
    if (this.#spent + cost <= rule.spend.limit) return undefined
    return {
      code: 'breaker:spend',
      message: `Spending ${dollars(this.#spent + cost)} within ${rule.spend.within / 1000} s is above the limit of ${dollars(rule.spend.limit)}.`,
    }
  }

  spend(rule: BreakerRule, cost: NanoUsd, at: number): void {
    if (rule.spend === null || cost === 0) return
    // Bounded memory: neighbouring amounts merge and keep the later time, so the sum may be high, never low.
    const last = this.#spending.at(-1)
    if (last !== undefined && this.#spending.length >= 4096)
      Object.assign(last, { at, cost: last.cost + cost })
    else this.#spending.push({ at, cost })
    this.#spent += cost
  }

  /**
   * Counts a finished action. Trips as soon as the failures among the last `over` are more than the rate
   * allows, even if all the rest should succeed: with 5% of 100, at the sixth failure.
   */
  finished(rule: BreakerRule, failed: boolean): Trip | 'closed' | undefined {
    if (this.state.name === 'half_open') {
      if (failed)
        return {
          code: 'breaker:error_rate',
          message: 'A probe failed while the circuit breaker was half-open.',
        }
      this.state.succeeded += 1
      if (this.state.succeeded < rule.probes) return undefined
      this.close()
      return 'closed'
    }
    this.#outcomes.push(failed)
    if (failed) this.#failures += 1
    while (this.#outcomes.length > rule.over) if (this.#outcomes.shift() === true) this.#failures -= 1
    if (this.state.name !== 'closed' || rule.errorRate === null) return undefined
    if (this.#failures <= rule.errorRate * rule.over) return undefined
    return {
      code: 'breaker:error_rate',
      message: `${this.#failures} of the last ${this.#outcomes.length} finished actions failed; at most ${rule.errorRate * rule.over} of ${rule.over} may.`,
    }
  }
}

function dollars(nano: NanoUsd): string {
  return `$${(nano / 1e9).toFixed(4).replace(/\.?0+$/, '')}`
}
