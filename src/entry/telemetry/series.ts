/** Labels come from agents and providers, so they may not make up time series without end, nor long ones. */
const MAX_SERIES = 1_000
const MAX_LABEL = 128
const OTHER = 'other'

/** A label of a family. The values of an open one come from outside; past the bound they are counted as `other`. */
export interface Label {
  readonly name: string
  readonly open: boolean
}

/** One value by each combination of up to three labels. Looking a known one up allocates nothing. */
export class Series<T> {
  readonly #labels: readonly Label[]
  readonly #make: () => T
  readonly #max: number
  readonly #values = new Map<string, Map<string, Map<string, T>>>()
  #size = 0

  constructor(labels: readonly Label[], make: () => T, max: number = MAX_SERIES) {
    this.#labels = labels
    this.#make = make
    this.#max = max
  }

  /** `mayAdd: false`: a combination that is new is counted as `other`, because nothing vouches for its labels. */
  at(a: string, b = '', c = '', mayAdd = true): T {
    const first = clip(a)
    const second = clip(b)
    const third = clip(c)
    const known = this.#values.get(first)?.get(second)?.get(third)
    if (known !== undefined) return known
    if (mayAdd && this.#size < this.#max) return this.#add(first, second, third)
    const others = [this.#closed(0, first), this.#closed(1, second), this.#closed(2, third)] as const
    return this.#values.get(others[0])?.get(others[1])?.get(others[2]) ?? this.#add(...others)
  }

  /** Each value with its labels as Prometheus writes them. */
  *entries(): Iterable<readonly [string, T]> {
    for (const [a, more] of this.#values)
      for (const [b, most] of more) for (const [c, value] of most) yield [this.#text([a, b, c]), value]
  }

  #add(a: string, b: string, c: string): T {
    let more = this.#values.get(a)
    if (more === undefined) this.#values.set(a, (more = new Map()))
    let most = more.get(b)
    if (most === undefined) more.set(b, (most = new Map()))
    const value = this.#make()
    most.set(c, value)
    this.#size++
    return value
  }

  #closed(index: number, value: string): string {
    return this.#labels[index]?.open === true ? OTHER : value
  }

  #text(values: readonly string[]): string {
    return this.#labels.map(({ name }, index) => `${name}="${escaped(values[index] ?? '')}"`).join(',')
  }
}

function clip(value: string): string {
  return value.length > MAX_LABEL ? value.slice(0, MAX_LABEL) : value
}

/** A label's value as it stands between quotation marks. */
export function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

export interface Counter {
  value: number
}

export function counter(): Counter {
  return { value: 0 }
}

/** How many observations were at most as large as each bound. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0
  #count = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = bounds.map(() => 0)
  }

  observe(value: number): void {
    this.#sum += value
    this.#count++
    const bounds = this.#bounds
    for (let index = 0; index < bounds.length; index++) {
      if (value <= bounds[index]!) {
        this.#counts[index]!++
        return
      }
    }
  }

  *lines(name: string, labels: string): Iterable<string> {
    let below = 0
    for (const [index, bound] of this.#bounds.entries()) {
      below += this.#counts[index]!
      yield `${name}_bucket{${labels},le="${bound}"} ${below}`
    }
    yield `${name}_bucket{${labels},le="+Inf"} ${this.#count}`
    yield `${name}_sum{${labels}} ${this.#sum}`
    yield `${name}_count{${labels}} ${this.#count}`
  }
}
