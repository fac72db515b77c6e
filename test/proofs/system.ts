import type { Policy } from '../../src/policy/policy.ts'
import { openFlow, type OpenFlow } from '../../src/flow/open-flow.ts'
import { BelayError } from '../../src/errors/catalogue.ts'
import type { Store, Transition } from '../../src/storage/store.ts'
import type { Database } from './databases.ts'
import { failingStore, type Faults } from './failing-store.ts'

/** What an attempt answers when the process died before it could. */
export const DIED = Symbol('died')

/** A harness that crashes and comes up again on the same database. */
export class System {
  readonly violations: string[] = []
  readonly #database: Database
  readonly #random: () => number
  readonly #listeners = new Set<() => void>()
  readonly #zombies: Store[] = []
  #policy: Policy
  #flow!: OpenFlow
  #store!: Store & { readonly faults: Faults }
  #died = Promise.withResolvers<typeof DIED>()
  #up: Promise<void>
  failing = 0
  slow = 0

  constructor(database: Database, policy: Policy, random: () => number) {
    this.#database = database
    this.#policy = policy
    this.#random = random
    this.#up = this.#open()
  }

  /** The store behind the faults, of the process that is alive. */
  get disk(): Store {
    return this.#store.faults.real
  }

  async attempt<T>(what: (flow: OpenFlow) => Promise<T>): Promise<T | typeof DIED> {
    // Between the last look and the call nothing may come, or the call would go to a dead process.
    let up: Promise<void>
    do await (up = this.#up)
    while (up !== this.#up)
    return Promise.race([what(this.#flow), this.#died.promise])
  }

  /** Reads what is on disk, also when the process dies meanwhile. */
  async read<T>(what: (disk: Store) => Promise<T>): Promise<T> {
    for (;;) {
      await this.#up
      const { disk } = this
      try {
        return await what(disk)
      } catch (error) {
        await this.#up
        if (disk === this.disk && !isCrowded(error)) throw error
      }
    }
  }

  setPolicy(policy: Policy): void {
    this.#policy = policy
    for (const listener of this.#listeners) listener()
  }

  setFaults(failing: number, slow: number): void {
    this.failing = failing
    this.slow = slow
    Object.assign(this.#store.faults, { failing, slow })
  }

  crash(): Promise<void> {
    this.#up = this.#crash()
    return this.#up
  }

  /** From here on nothing moves by itself. */
  async stopClock(): Promise<void> {
    await this.#up
    await this.#flow.close()
  }

  async close(): Promise<void> {
    await this.stopClock()
    await this.disk.close()
    for (const zombie of this.#zombies) await zombie.close()
  }

  async #crash(): Promise<void> {
    const { disk } = this
    const lost = this.#store.faults.crash()
    this.#died.resolve(DIED)
    this.#died = Promise.withResolvers()
    this.#listeners.clear()
    // Stops its clock; what it waits for never comes.
    void this.#flow.close()
    // What gets to the disk all the same sets out before the store closes.
    await new Promise((resolve) => setImmediate(resolve))
    await this.#database.abandon(disk)
    await this.#open()
    if (this.#database.dialect === 'postgres') {
      this.#zombies.push(disk)
      await this.#mustBeFenced(disk, lost)
    }
  }

  async #open(): Promise<void> {
    const real = await this.#database.open()
    this.#store = failingStore(real, this.#random)
    this.#flow = await openFlow({
      store: this.#store,
      policies: {
        current: () => this.#policy,
        onChange: (listener) => {
          this.#listeners.add(listener)
          return () => void this.#listeners.delete(listener)
        },
      },
      tick: 20,
      onFault: (fault) => {
        if (!isInjected(fault) && !isCrowded(fault))
          this.violations.push(`in the background: ${String(fault)}`)
      },
    })
    this.setFaults(this.failing, this.slow)
  }

  /** A dead process that still runs must not write any more. */
  async #mustBeFenced(zombie: Store, lost: readonly Transition[]): Promise<void> {
    const [first] = await Promise.allSettled(lost.slice(0, 1).map((transition) => zombie.commit(transition)))
    if (first === undefined) return
    if (
      first.status === 'fulfilled' ||
      !(first.reason instanceof BelayError) ||
      first.reason.code !== 'store:fenced'
    )
      this.violations.push(`a zombie's commit was answered with ${JSON.stringify(first)}`)
  }
}

/** Too many waited for a connection, on a machine that is busy: nothing was done. */
export function isCrowded(error: unknown): boolean {
  return error instanceof Error && error.message.includes('timeout exceeded when trying to connect')
}

/** A refusal that the test itself asked for. */
export function isInjected(error: unknown): boolean {
  return error instanceof BelayError && error.message.includes('the test wants it so')
}
