import { BelayError } from '../../src/errors/catalogue.ts'
import type { CommitResult, Store, Transition } from '../../src/storage/store.ts'

export interface Faults {
  /** The store itself; what it is asked directly is never lost. */
  readonly real: Store
  /** 0 … 1: how often a commit is refused, with nothing applied. */
  failing: number
  /** 0 … 1: how often a commit waits a few turns of the event loop before it reaches the store. */
  slow: number
  /**
   * What the death of the process does: commits that had not reached the store are lost or get there all the same,
   * by chance, and nothing that was asked is ever answered. Answers those that got lost.
   */
  crash(): readonly Transition[]
}

/** A store that delays, refuses and dies. `random` answers numbers from 0 to 1. */
export function failingStore(real: Store, random: () => number): Store & { readonly faults: Faults } {
  let dead = false
  const death = Promise.withResolvers<never>()
  death.promise.catch(() => undefined)
  const waiting = new Map<Transition, () => void>()
  const never = <T>(): Promise<T> => new Promise<T>(() => undefined)

  async function untilDeath<T>(work: () => Promise<T>): Promise<T> {
    if (dead) return never()
    const [answer] = await Promise.allSettled([work()])
    if (dead) return never()
    if (answer.status === 'rejected') throw answer.reason
    return answer.value
  }

  async function commit(transition: Transition): Promise<CommitResult> {
    if (random() < faults.failing)
      throw new BelayError('store:unavailable', { cause: 'the test wants it so' })
    if (random() < faults.slow) {
      await new Promise<void>((resolve) => {
        waiting.set(transition, resolve)
        let turns = 1 + Math.floor(random() * 6)
        const turn = (): void => {
          if (dead) return
          if (turns-- > 0) setImmediate(turn)
          else if (waiting.delete(transition)) resolve()
        }
        turn()
      })
    }
    return real.commit(transition)
  }

  const faults: Faults = {
    real,
    failing: 0,
    slow: 0,
    crash() {
      dead = true
      death.reject(new Error('the process died'))
      const lost: Transition[] = []
      for (const [transition, resolve] of waiting) {
        if (random() < 0.5) resolve()
        else lost.push(transition)
      }
      waiting.clear()
      return lost
    },
  }
  return new Proxy(real as Store & { readonly faults: Faults }, {
    get(_, name) {
      if (name === 'faults') return faults
      // The locks of a dead process are free.
      if (name === 'exclusively')
        return <T>(key: string, work: () => Promise<T>) =>
          untilDeath(() => real.exclusively(key, () => Promise.race([work(), death.promise])))
      if (name === 'commit') return (transition: Transition) => untilDeath(() => commit(transition))
      const value = Reflect.get(real, name, real) as unknown
      if (typeof value !== 'function') return value
      const method = value.bind(real) as (...given: unknown[]) => unknown
      if (name === 'now' || name === 'onCommit' || name === 'close') return method
      return (...given: unknown[]) => untilDeath(async () => method(...given))
    },
  })
}
