/** A longer series is coalesced to about this share of the time it covers. */
const MAX_POINTS = 8192
const RESOLUTION = 1 / 2048

interface Point {
  at: number
  count: number
  /** The counts up to and with this point. */
  upTo: number
  measures: Record<string, number>
}

type Measures = Readonly<Record<string, number>>

/**
 * The actions of one name over time. Counting a window takes two binary searches, summing one walks its points.
 * Memory is bounded: in a long series neighbouring points are merged and keep the later time, so a merged point
 * leaves a window later than its parts would: by at most 1/2048 of the time that is kept. A count can be too
 * high, never too low.
 */
export class Series {
  #points: Point[] = []
  readonly #keepFor: number

  constructor(keepFor: number) {
    this.#keepFor = keepFor
  }

  add(at: number, measures: Measures): void {
    // One that was proposed earlier may be judged later: the points stay in the order of time.
    const place = this.#after(at)
    this.#points.splice(place, 0, { at, count: 1, upTo: 0, measures: { ...measures } })
    this.#countFrom(place)
    if (this.#points.length > MAX_POINTS && this.#keepFor < Infinity) this.#compact(at)
  }

  /** Takes one action out, or with `by` 1 puts it back. Answers whether its point was there. */
  change(at: number, measures: Measures, by: 1 | -1): boolean {
    const place = this.#after(at - 1)
    const point = this.#points[place]
    if (point === undefined) return false
    point.count += by
    for (const [path, value] of Object.entries(measures)) {
      point.measures[path] = (point.measures[path] ?? 0) + by * value
    }
    this.#countFrom(place)
    return true
  }

  countAfter(since: number): number {
    const before = this.#points[this.#after(since) - 1]?.upTo ?? 0
    return (this.#points.at(-1)?.upTo ?? 0) - before
  }

  sumAfter(since: number, path: string): number {
    let sum = 0
    for (let i = this.#after(since); i < this.#points.length; i++) {
      sum += (this.#points[i] as Point).measures[path] ?? 0
    }
    return sum
  }

  /** Index of the first point that is later than `at`. */
  #after(at: number): number {
    let low = 0
    let high = this.#points.length
    // Mostly it is the end that is asked for.
    if (high > 0 && (this.#points[high - 1] as Point).at <= at) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#points[middle] as Point).at <= at) low = middle + 1
      else high = middle
    }
    return low
  }

  #countFrom(place: number): void {
    let upTo = this.#points[place - 1]?.upTo ?? 0
    for (let i = place; i < this.#points.length; i++) {
      const point = this.#points[i] as Point
      upTo += point.count
      point.upTo = upTo
    }
  }

  #compact(now: number): void {
    const span = this.#keepFor * RESOLUTION
    const merged: Point[] = []
    let startedAt = Number.NEGATIVE_INFINITY
    for (const point of this.#points) {
      if (point.at <= now - this.#keepFor) continue
      const last = merged.at(-1)
      if (last === undefined || point.at - startedAt >= span) {
        merged.push(point)
        startedAt = point.at
        continue
      }
      last.at = point.at
      last.count += point.count
      for (const [path, value] of Object.entries(point.measures)) {
        last.measures[path] = (last.measures[path] ?? 0) + value
      }
    }
    this.#points = merged
    this.#countFrom(0)
  }
}
