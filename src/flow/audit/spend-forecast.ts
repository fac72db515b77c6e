/** What an hour cost, nano-USD. */
export interface HourCost {
  /** Epoch ms of its beginning. */
  readonly hour: number
  readonly cost: number
}

export interface ForecastAsked {
  /** Full hours and the one that now is, oldest first; hours without cost may be left out. */
  readonly hours: readonly HourCost[]
  readonly now: number
  readonly endsAt: number
  /** Spent in the window so far and its limit, nano-USD. */
  readonly spent: number
  readonly limit: number
}

/** Spend at the end of the window, nano-USD: expected, and the bounds between which nine of ten ends lie. */
export interface Forecast {
  readonly expected: number
  readonly low: number
  readonly high: number
  /** Epoch ms at which the limit is reached if it goes on as expected; `null`: not in this window. */
  readonly exhaustedAt: number | null
  readonly method: 'hour_of_week' | 'recent_rate'
}

const HOUR_MS = 3_600_000
const WEEK_HOURS = 168
/** How far back sums are read. */
export const HISTORY_MS = 28 * 24 * HOUR_MS
/** Two whole weeks show what belongs to the hour of the week. */
const SEASONAL_HOURS = 2 * WEEK_HOURS
/** Without a season the last week says how much it is. */
const RECENT_HOURS = WEEK_HOURS
const MOST_BLOCK_HOURS = 24
const LEAST_BLOCKS = 8
/** 5 % and 95 % of the standard normal distribution. */
const Z90 = 1.6448536269514722

/**
 * How much the window will have cost at its end. The rest is expected to cost what the same hours of the week did (with
 * two weeks of history; else what the last hours did), and its sum is taken as Gamma distributed: the variance is that of
 * past sums around what was expected of them, taken over blocks as long as the rest (at most a day), so that bursts and
 * hours that hang together widen it, plus what is not known of the mean after so short a history. `null` with less than
 * one whole hour of history.
 */
export function forecastSpend({ hours, now, endsAt, spent, limit }: ForecastAsked): Forecast | null {
  const current = Math.floor(now / HOUR_MS) * HOUR_MS
  const past = wholeHours(hours, current)
  if (past.length === 0 || endsAt <= now) return null
  const isSeasonal = past.length >= SEASONAL_HOURS
  const first = current - past.length * HOUR_MS
  // Whole weeks, so that each hour of the week is known equally well.
  const counted = isSeasonal
    ? Math.floor(past.length / WEEK_HOURS) * WEEK_HOURS
    : Math.min(past.length, RECENT_HOURS)
  const costs = past.slice(past.length - counted)
  const start = first + (past.length - counted) * HOUR_MS
  const expectedIn = isSeasonal ? weekly(costs, start) : flat(costs)

  const rest: { readonly from: number; readonly cost: number; readonly ms: number }[] = []
  for (let from = now; from < endsAt;) {
    const hour = Math.floor(from / HOUR_MS) * HOUR_MS
    const ms = Math.min(hour + HOUR_MS, endsAt) - from
    rest.push({ from, ms, cost: (expectedIn(hour) * ms) / HOUR_MS })
    from += ms
  }
  const mean = rest.reduce((sum, { cost }) => sum + cost, 0)
  const restHours = (endsAt - now) / HOUR_MS
  const known = isSeasonal ? counted / WEEK_HOURS : counted / restHours
  const dispersion = dispersionOf(costs, start, expectedIn, restHours, isSeasonal ? known : Infinity)
  const repeats = isSeasonal ? Math.max(1, restHours / WEEK_HOURS) : 1
  const variance = dispersion * mean * (1 + repeats / known)
  return {
    expected: Math.round(spent + mean),
    low: Math.round(spent + gammaQuantile(mean, variance, -Z90)),
    high: Math.round(spent + gammaQuantile(mean, variance, Z90)),
    exhaustedAt: exhaustion(rest, limit - spent, now),
    method: isSeasonal ? 'hour_of_week' : 'recent_rate',
  }
}

/** Cost by the hour from the first that cost something up to the one that now is, without gaps. */
function wholeHours(hours: readonly HourCost[], current: number): number[] {
  const since = current - HISTORY_MS
  const told = hours.filter(({ hour }) => hour >= since && hour < current)
  const first = told.reduce((least, { hour }) => Math.min(least, hour), current)
  const costs = Array.from({ length: (current - first) / HOUR_MS }, () => 0)
  for (const { hour, cost } of told) {
    const at = (hour - first) / HOUR_MS
    costs[at] = (costs[at] ?? 0) + Math.max(0, cost)
  }
  return costs
}

function flat(costs: readonly number[]): (hour: number) => number {
  const mean = costs.reduce((sum, cost) => sum + cost, 0) / costs.length
  return () => mean
}

function weekly(costs: readonly number[], start: number): (hour: number) => number {
  const sums = Array.from({ length: WEEK_HOURS }, () => 0)
  const hourOfWeek = (hour: number): number => (hour / HOUR_MS) % WEEK_HOURS
  for (const [at, cost] of costs.entries()) {
    const slot = hourOfWeek(start + at * HOUR_MS)
    sums[slot] = (sums[slot] ?? 0) + cost
  }
  const weeks = costs.length / WEEK_HOURS
  return (hour) => (sums[hourOfWeek(hour)] ?? 0) / weeks
}

/** Variance of sums for each unit of their mean. `weeks`: what the expectation was fitted to, and lies too close to. */
function dispersionOf(
  costs: readonly number[],
  start: number,
  expectedIn: (hour: number) => number,
  restHours: number,
  weeks: number,
): number {
  const length = Math.max(
    1,
    Math.min(Math.round(restHours), MOST_BLOCK_HOURS, Math.floor(costs.length / LEAST_BLOCKS)),
  )
  let squares = 0
  let sums = 0
  let blocks = 0
  for (let at = 0; at + length <= costs.length; at += length, blocks++) {
    let [found, expected] = [0, 0]
    for (let n = at; n < at + length; n++) {
      found += costs[n] ?? 0
      expected += expectedIn(start + n * HOUR_MS)
    }
    squares += (found - expected) ** 2
    sums += expected
  }
  if (sums === 0) return 0
  const fitted = weeks === Infinity ? blocks / Math.max(1, blocks - 1) : weeks / (weeks - 1)
  // A variance from few blocks is itself uncertain; from one it says nothing, and one hour's cost is the least it may be.
  const few = 1 + 4 / blocks
  const floor = sums / costs.length
  return blocks < 2 ? floor : Math.max((squares / sums) * fitted * few, floor / costs.length)
}

/** Wilson and Hilferty's cube: a quantile of a Gamma distribution of this mean and variance, `z` of the normal one's. */
function gammaQuantile(mean: number, variance: number, z: number): number {
  if (mean <= 0 || variance <= 0) return mean
  const ninth = variance / (9 * mean ** 2)
  return mean * Math.max(0, 1 - ninth + z * Math.sqrt(ninth)) ** 3
}

function exhaustion(
  rest: readonly { readonly from: number; readonly cost: number; readonly ms: number }[],
  left: number,
  now: number,
): number | null {
  if (left <= 0) return now
  let sum = 0
  for (const { from, cost, ms } of rest) {
    if (cost > 0 && sum + cost >= left) return Math.round(from + ((left - sum) / cost) * ms)
    sum += cost
  }
  return null
}
