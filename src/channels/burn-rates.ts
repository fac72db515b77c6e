const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const MINUTES = 6 * 60
const HOURS = 3 * 24
const MAX_AGENTS = 1_000
/** Fewer finished actions in the long window say nothing about a share of them. */
const AT_LEAST = 10

/** Burning for `long`, and still in `short`: how many times as fast as allowed, and how soon somebody must look. */
export interface BurnRule {
  readonly name: 'fast' | 'slow' | 'steady'
  readonly factor: number
  /** ms */
  readonly long: number
  /** ms; `null`: the long one alone. */
  readonly short: number | null
  readonly page: boolean
}

/** After "Alerting on SLOs", The Site Reliability Workbook (O'Reilly 2018), chapter 5. */
export const BURN_RULES: readonly BurnRule[] = [
  { name: 'fast', factor: 14.4, long: HOUR, short: 5 * MINUTE, page: true },
  { name: 'slow', factor: 6, long: 6 * HOUR, short: 30 * MINUTE, page: true },
  { name: 'steady', factor: 1, long: 3 * DAY, short: null, page: false },
]

export interface Burn {
  readonly rule: BurnRule
  /** Times as fast as allowed, in the long window. */
  readonly rate: number
  /** In the long window: finished actions and failed ones; or what was spent. */
  readonly total: number
  readonly bad: number
}

/** What an agent finished, by the minute for six hours and by the hour for three days. */
class Rings {
  readonly minutes = ring(MINUTES, MINUTE)
  readonly hours = ring(HOURS, HOUR)

  add(at: number, failed: boolean, cost: number): void {
    for (const one of [this.minutes, this.hours]) {
      const slot = one.slotAt(at)
      if (slot === -1) continue
      one.total[slot]!++
      if (failed) one.failed[slot]!++
      one.cost[slot]! += cost
    }
  }

  sums(window: number, now: number): { total: number; failed: number; cost: number } {
    const one = window <= MINUTES * MINUTE ? this.minutes : this.hours
    return one.sums(window, now)
  }
}

interface Ring {
  readonly total: Float64Array
  readonly failed: Float64Array
  readonly cost: Float64Array
  /** Empties the slots since the last one; -1 for what is older than the ring. */
  slotAt(at: number): number
  sums(window: number, now: number): { total: number; failed: number; cost: number }
}

function ring(size: number, width: number): Ring {
  const total = new Float64Array(size)
  const failed = new Float64Array(size)
  const cost = new Float64Array(size)
  let newest = Number.NEGATIVE_INFINITY
  const advance = (to: number): void => {
    if (to <= newest) return
    for (let tick = Math.max(newest + 1, to - size + 1); tick <= to; tick++) {
      const slot = tick % size
      total[slot] = failed[slot] = cost[slot] = 0
    }
    newest = to
  }
  return {
    total,
    failed,
    cost,
    slotAt(at) {
      const tick = Math.floor(at / width)
      advance(tick)
      return tick <= newest - size ? -1 : tick % size
    },
    sums(window, now) {
      const last = Math.floor(now / width)
      advance(last)
      const found = { total: 0, failed: 0, cost: 0 }
      // The slot that fills now, and as many whole ones as the window has: it is never looked at shorter than it is.
      for (let tick = last; tick > last - Math.min(size, window / width + 1); tick--) {
        const slot = tick % size
        found.total += total[slot]!
        found.failed += failed[slot]!
        found.cost += cost[slot]!
      }
      return found
    },
  }
}

/**
 * How fast agents use up the errors and the money that they may. In memory: after a start the windows fill anew, so that
 * an alarm may come later than it would have, never sooner.
 */
export class BurnRates {
  readonly #agents = new Map<string, Rings>()

  /** An action has ended. `cost` in any unit that limits have too; `at` epoch ms. */
  ended(agent: string, failed: boolean, cost: number, at: number): void {
    let rings = this.#agents.get(agent)
    if (rings === undefined) {
      if (this.#agents.size >= MAX_AGENTS) this.#agents.delete(this.#agents.keys().next().value!)
      this.#agents.set(agent, (rings = new Rings()))
    }
    rings.add(at, failed, cost)
  }

  /** The strictest rule by which errors burn, where `allowed` is the share of actions that may fail. */
  errors(agent: string, allowed: number, now: number): Burn | null {
    return this.#strictest(
      agent,
      (rings, window) => {
        const { total, failed } = rings.sums(window, now)
        return { rate: total === 0 ? 0 : failed / total / allowed, total, bad: failed }
      },
      ({ total }) => total >= AT_LEAST,
    )
  }

  /** The strictest rule by which money burns, where `limit` may be spent in `within` ms. */
  spend(agent: string, limit: number, within: number, now: number): Burn | null {
    return this.#strictest(
      agent,
      (rings, window) => {
        const { total, cost } = rings.sums(window, now)
        return { rate: cost / window / (limit / within), total, bad: cost }
      },
      // To spend a budget evenly is what it is for.
      ({ rule }) => rule.factor > 1,
    )
  }

  #strictest(
    agent: string,
    measure: (rings: Rings, window: number) => Omit<Burn, 'rule'>,
    counts: (long: Burn) => boolean,
  ): Burn | null {
    const rings = this.#agents.get(agent)
    if (rings === undefined) return null
    for (const rule of BURN_RULES) {
      const long = { rule, ...measure(rings, rule.long) }
      if (!(long.rate > rule.factor) || !counts(long)) continue
      if (rule.short !== null && !(measure(rings, rule.short).rate > rule.factor)) continue
      return long
    }
    return null
  }
}
