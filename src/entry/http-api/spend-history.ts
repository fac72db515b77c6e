import { HISTORY_MS, type HourCost } from '../../flow/audit/spend-forecast.ts'
import type { CostOfHour, Store } from '../../storage/store.ts'

const HOUR_MS = 3_600_000
/** Hours that are asked for each time: what ends an hour late still changes what its own hour cost. */
const FRESH_HOURS = 2
/** How long what older hours cost is taken as it was read, ms. */
const KEPT_MS = 60_000
/** Agents whose hours are kept, those that acted last. 5 KB each. */
const MOST_AGENTS = 2_000
/** Read so many days at once, so that no answer of the store is large. */
const DAYS_AT_ONCE = 7
const HOURS = HISTORY_MS / HOUR_MS + 1

interface Kept {
  readonly at: number
  /** Beginning of the first hour, epoch ms. */
  readonly from: number
  readonly of: ReadonlyMap<string | null, Float64Array>
}

/** What the hours before now cost, by agent; `null` is all of them together. */
export type CostBefore = (agent: string | null) => readonly HourCost[]

/**
 * What forecasts are made from. Four weeks of sums are read at most once a minute, however many look on, and by one
 * question at a time; only the last hours are asked each time.
 */
export class SpendHistory {
  readonly #rollups: Pick<Store['rollups'], 'costs'>
  #kept: Kept | undefined
  #reading: { readonly from: number; readonly read: Promise<Kept> } | undefined

  constructor(rollups: Pick<Store['rollups'], 'costs'>) {
    this.#rollups = rollups
  }

  async before(now: number): Promise<CostBefore> {
    const to = Math.ceil(now / HOUR_MS) * HOUR_MS
    const fresh = to - FRESH_HOURS * HOUR_MS
    const [kept, recent] = await Promise.all([
      this.#keptAt(to - HISTORY_MS - HOUR_MS, fresh, now),
      this.#rollups.costs({ from: fresh, to }),
    ])
    return (agent) => [...hoursOf(kept, agent), ...recentOf(recent, agent)]
  }

  async #keptAt(from: number, to: number, now: number): Promise<Kept> {
    const kept = this.#kept
    // Nothing is no answer to go by: whoever begins wants to see the first hour.
    if (kept !== undefined && kept.from === from && Math.abs(now - kept.at) < KEPT_MS && kept.of.size > 1)
      return kept
    if (this.#reading?.from === from) return this.#reading.read
    const reading = { from, read: this.#read(from, to, now) }
    this.#reading = reading
    try {
      return (this.#kept = await reading.read)
    } finally {
      if (this.#reading === reading) this.#reading = undefined
    }
  }

  async #read(from: number, to: number, at: number): Promise<Kept> {
    const of = new Map<string | null, Float64Array>()
    const all = new Float64Array(HOURS)
    of.set(null, all)
    const step = DAYS_AT_ONCE * 24 * HOUR_MS
    // The newest first: when there are too many agents, those that still act are kept.
    for (let end = to; end > from; end -= step) {
      for (const { hour, agent, cost } of await this.#rollups.costs({
        from: Math.max(from, end - step),
        to: end,
      })) {
        const slot = (hour - from) / HOUR_MS
        all[slot]! += cost
        let own = of.get(agent)
        if (own === undefined && of.size <= MOST_AGENTS) of.set(agent, (own = new Float64Array(HOURS)))
        if (own !== undefined) own[slot]! += cost
      }
    }
    return { at, from, of }
  }
}

function hoursOf({ of, from }: Kept, agent: string | null): readonly HourCost[] {
  const hours: HourCost[] = []
  for (const [slot, cost] of (of.get(agent) ?? []).entries())
    if (cost > 0) hours.push({ hour: from + slot * HOUR_MS, cost })
  return hours
}

function recentOf(recent: readonly CostOfHour[], agent: string | null): readonly HourCost[] {
  return agent === null ? recent : recent.filter((hour) => hour.agent === agent)
}
