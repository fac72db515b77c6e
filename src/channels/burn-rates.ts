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

/** Finished actions, failed ones among them, and what they cost. */
export interface Ended {
  readonly total: number
  readonly failed: number
  readonly cost: number
}

export interface EndedInHour extends Ended {
  /** Epoch ms of its beginning. */
  readonly hour: number
}

const COUNTED = ['total', 'failed', 'cost'] as const
/** No short window of a rule is longer, ms. */
const LONGEST_SHORT = 30 * MINUTE
/** What hours are looked at, ms. */
export const LONGEST_BURN = HOURS * HOUR

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

  sums(window: number, now: number): Ended {
    const one = window <= MINUTES * MINUTE ? this.minutes : this.hours
    return one.sums(window, now)
  }

  /** What an hour that is over really had, where that is more than what was seen of it here. */
  fill({ hour, ...told }: EndedInHour, now: number): void {
    if (hour + HOUR > now) return
    this.hours.sums(HOUR, now)
    this.minutes.sums(MINUTE, now)
    this.hours.atLeast(hour, told)
    const seen = { total: 0, failed: 0, cost: 0 }
    const minutes = Array.from({ length: 60 }, (_, minute) => hour + minute * MINUTE)
    for (const at of minutes) {
      const slot = this.minutes.slotAt(at)
      if (slot === -1) continue
      for (const name of COUNTED) seen[name] += this.minutes[name][slot]!
    }
    for (const at of minutes) {
      // In what minute of its hour it was is not known: the short windows know what was seen alone.
      const slot = at > now - LONGEST_SHORT - MINUTE ? -1 : this.minutes.slotAt(at)
      if (slot === -1) continue
      for (const name of COUNTED) this.minutes[name][slot]! += Math.max(0, told[name] - seen[name]) / 60
    }
  }
}

interface Ring {
  readonly total: Float64Array
  readonly failed: Float64Array
  readonly cost: Float64Array
  /** Empties the slots since the last one; -1 for what is older than the ring. */
  slotAt(at: number): number
  /** `slotAt`, which then holds no less than this. */
  atLeast(at: number, told: Ended): void
  sums(window: number, now: number): Ended
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
  const slotAt = (at: number): number => {
    const tick = Math.floor(at / width)
    advance(tick)
    return tick <= newest - size ? -1 : tick % size
  }
  return {
    total,
    failed,
    cost,
    slotAt,
    atLeast(at, told) {
      const slot = slotAt(at)
      if (slot === -1) return
      total[slot] = Math.max(total[slot]!, told.total)
      failed[slot] = Math.max(failed[slot]!, told.failed)
      cost[slot] = Math.max(cost[slot]!, told.cost)
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
 * How fast agents use up the errors and the money that they may. Whole hours come from the store, so that a start
 * forgets none and every replica knows those of all; the last half an hour is what this process saw: an alarm may come
 * later than it would have, never sooner.
 */
export class BurnRates {
  readonly #agents = new Map<string, Rings>()

  /** An action has ended. `cost` in any unit that limits have too; `at` epoch ms. */
  ended(agent: string, failed: boolean, cost: number, at: number): void {
    this.#ringsOf(agent).add(at, failed, cost)
  }

  /** What the store knows of an agent's hours that are over. May be told again and again. */
  fill(agent: string, hours: readonly EndedInHour[], now: number): void {
    if (!this.#agents.has(agent) && this.#agents.size >= MAX_AGENTS) return
    const rings = this.#ringsOf(agent)
    for (const hour of hours) rings.fill(hour, now)
  }

  #ringsOf(agent: string): Rings {
    let rings = this.#agents.get(agent)
    if (rings === undefined) {
      if (this.#agents.size >= MAX_AGENTS) this.#agents.delete(this.#agents.keys().next().value!)
      this.#agents.set(agent, (rings = new Rings()))
    }
    return rings
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
