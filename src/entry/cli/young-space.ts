import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'

/**
 * Both halves. The engine would go on to twice as much under load: that is 70 MB more, and costs a call no less
 * (`bench:gateway`). With half of it, collecting takes a third more of the processor.
 */
const ENOUGH_BYTES = 64_000_000

/**
 * Starting makes tens of megabytes of modules and compiled policy, nearly all of which stay. The engine takes that for
 * load and grows the space for young objects to its limit, which an idle harness then holds for good: 25 MB. Kept small
 * meanwhile, it grows again when there are requests, as far as that pays.
 */
export class YoungSpace {
  #grows = true
  readonly #observer = new PerformanceObserver(() => this.#grow(sizeNow() < ENOUGH_BYTES))

  constructor() {
    this.#grow(false)
  }

  /** The start is over. */
  release(): void {
    this.#grow(true)
    this.#observer.observe({ entryTypes: ['gc'] })
  }

  close(): void {
    this.#observer.disconnect()
  }

  #grow(grows: boolean): void {
    if (grows === this.#grows) return
    this.#grows = grows
    setFlagsFromString(`--semi-space-growth-factor=${grows ? 2 : 1}`)
  }
}

function sizeNow(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0
}
