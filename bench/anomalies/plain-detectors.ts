import { MINUTE, type Event } from './traffic.ts'

/** What many write first, for comparison: counts and mean costs of five minutes against a number. */
const WINDOW = 5

export interface PlainDetector {
  readonly name: string
  /** At the end of each minute. Answers what it would have alarmed about. */
  minute(at: number, events: readonly Event[]): readonly string[]
}

/** The number is three times the busiest five minutes that an hour of the expected pace would have. */
export function fixedThreshold(pace: number): PlainDetector {
  const window = new Window()
  return {
    name: 'fixed threshold',
    minute(at, events) {
      const { count, cost, failures } = window.add(at, events)
      const found: string[] = []
      if (count > 2 * (pace / 60) * WINDOW) found.push('rate')
      if (count >= 5 && cost > 2 * 1.28e7) found.push('cost')
      if (count >= 5 && failures > 0.1) found.push('errors')
      return found
    },
  }
}

/** Three standard deviations from the mean of all that went before. */
export function zScore(): PlainDetector {
  const window = new Window()
  const rate = new Moments()
  const costs = new Moments()
  const errors = new Moments()
  let minutes = 0
  return {
    name: 'z-score',
    minute(at, events) {
      const { count, cost, failures } = window.add(at, events)
      const found: string[] = []
      minutes++
      // A day to learn from.
      if (minutes > 1440) {
        if (rate.z(count) > 3) found.push('rate')
        if (count >= 5 && costs.z(cost) > 3) found.push('cost')
        if (count >= 5 && errors.z(failures) > 3) found.push('errors')
      }
      rate.add(count)
      if (count > 0) costs.add(cost)
      if (count > 0) errors.add(failures)
      return found
    },
  }
}

class Window {
  #events: Event[] = []

  add(at: number, events: readonly Event[]): { count: number; cost: number; failures: number } {
    this.#events.push(...events)
    const from = at - (WINDOW - 1) * MINUTE
    while (this.#events.length > 0 && this.#events[0]!.at < from) this.#events.shift()
    const count = this.#events.length
    const paid = this.#events.filter((event) => event.cost > 0)
    const cost = paid.reduce((sum, event) => sum + event.cost, 0) / Math.max(1, paid.length)
    const failures = this.#events.filter(({ failed }) => failed).length / Math.max(1, count)
    return { count, cost, failures }
  }
}

class Moments {
  #n = 0
  #mean = 0
  #squares = 0

  add(value: number): void {
    this.#n++
    const off = value - this.#mean
    this.#mean += off / this.#n
    this.#squares += off * (value - this.#mean)
  }

  z(value: number): number {
    const deviation = Math.sqrt(this.#squares / Math.max(1, this.#n - 1))
    return deviation === 0 ? 0 : (value - this.#mean) / deviation
  }
}
