import type { ConcurrencyRule } from '../../policy/policy.ts'

/** For agents whose policy says nothing. */
export const DEFAULT_CONCURRENCY: ConcurrencyRule = { limit: 64, queue: 256, wait: 30_000 }

/** The right to run one call. */
export interface Slot {
  /** Gives it back; a second time does nothing. */
  release(): void
}

/** A place in the queue. */
export interface Place {
  /** The slot, or why there is none: the wait was too long, or `leave` was called. Never rejects. */
  readonly turn: Promise<Slot | 'timeout' | 'left'>
  leave(): void
}

interface Waiter {
  readonly settle: (outcome: Slot | 'timeout' | 'left') => void
  readonly timer: NodeJS.Timeout
}

interface Lane {
  running: number
  limit: number
  /** In the order of their coming. */
  readonly waiting: Set<Waiter>
}

/** How many calls of each agent run at the same time. What one agent does never delays another. */
export class Concurrency {
  readonly #lanes = new Map<string, Lane>()

  /**
   * A slot at once, a place in the queue, or `full`. Nobody overtakes: who comes while others wait waits too.
   * A changed rule counts from the next call on.
   */
  take(agent: string, rule: ConcurrencyRule = DEFAULT_CONCURRENCY): Slot | Place | 'full' {
    let lane = this.#lanes.get(agent)
    if (lane === undefined) {
      lane = { running: 0, limit: rule.limit, waiting: new Set() }
      this.#lanes.set(agent, lane)
    }
    lane.limit = rule.limit
    this.#admit(agent, lane)
    if (lane.running < lane.limit) return this.#slot(agent, lane)
    if (lane.waiting.size >= rule.queue) {
      this.#forget(agent, lane)
      return 'full'
    }
    return this.#wait(agent, lane, rule.wait)
  }

  /** For metrics. */
  counts(): { readonly running: number; readonly waiting: number } {
    let running = 0
    let waiting = 0
    for (const lane of this.#lanes.values()) {
      running += lane.running
      waiting += lane.waiting.size
    }
    return { running, waiting }
  }

  #wait(agent: string, lane: Lane, ms: number): Place {
    const { promise: turn, resolve } = Promise.withResolvers<Slot | 'timeout' | 'left'>()
    const give = (outcome: 'timeout' | 'left'): void => {
      if (!lane.waiting.delete(waiter)) return
      clearTimeout(waiter.timer)
      this.#forget(agent, lane)
      resolve(outcome)
    }
    const waiter: Waiter = { settle: resolve, timer: setTimeout(() => give('timeout'), ms) }
    lane.waiting.add(waiter)
    return { turn, leave: () => give('left') }
  }

  #slot(agent: string, lane: Lane): Slot {
    lane.running++
    let held = true
    return {
      release: () => {
        if (!held) return
        held = false
        lane.running--
        this.#admit(agent, lane)
        this.#forget(agent, lane)
      },
    }
  }

  #admit(agent: string, lane: Lane): void {
    for (const waiter of lane.waiting) {
      if (lane.running >= lane.limit) return
      lane.waiting.delete(waiter)
      clearTimeout(waiter.timer)
      waiter.settle(this.#slot(agent, lane))
    }
  }

  #forget(agent: string, lane: Lane): void {
    if (lane.running === 0 && lane.waiting.size === 0 && this.#lanes.get(agent) === lane)
      this.#lanes.delete(agent)
  }
}
