import type { Action, InState } from '../action/action.ts'
import { isIn } from '../action/lifecycle.ts'
import type { Store } from '../storage/store.ts'
import type { Announcer } from './approve/announcer.ts'

const PAGE = 200
const MAX_HELD = 10_000
/** On PostgreSQL a replica may die without a commit that tells the others of it, ms. */
const LOOK_AT_LEAST_EVERY = 5_000

/**
 * Announces what this process has not announced yet and still waits: after a start, and on PostgreSQL whenever replicas
 * have moved something. Every replica tells of what it admitted; of what a dead one admitted, the living one whose name
 * comes first.
 */
export class PendingAnnouncements {
  readonly #store: Store
  /** `null` until the others were looked for: who knows of nobody else is not for that the one who speaks. */
  #living: ReadonlySet<string> | null
  #due = true
  #lookedAt = 0

  constructor(store: Store) {
    this.#store = store
    this.#living = store.dialect === 'sqlite' ? new Set([store.replica]) : null
    if (store.dialect === 'postgres') store.onCommit(() => (this.#due = true))
  }

  owns(action: Action): boolean {
    const { dialect, replica } = this.#store
    if (dialect === 'sqlite' || action.replica === replica) return true
    return this.#living?.has(action.replica) === false && this.speaks()
  }

  /** Whether this process tells of what belongs to no replica: the living one whose name comes first does. */
  speaks(): boolean {
    return this.#living !== null && [...this.#living].every((other) => this.#store.replica <= other)
  }

  async announce(announcer: Announcer): Promise<void> {
    if (!announcer.isNeeded) return
    const sharing = this.#store.dialect === 'postgres'
    const now = performance.now()
    if (!this.#due && !(sharing && now - this.#lookedAt >= LOOK_AT_LEAST_EVERY)) return
    this.#due = false
    this.#lookedAt = now
    try {
      if (sharing) await this.#findLiving()
      await announcer.reconcile(await this.#held(), (id) => this.#store.action(id))
    } catch (error) {
      this.#due = true
      throw error
    }
  }

  async #findLiving(): Promise<void> {
    const chains = await this.#store.chains()
    const living = chains.filter(({ live }) => live).map(({ chain }) => chain)
    this.#living = new Set([this.#store.replica, ...living])
  }

  async #held(): Promise<readonly InState<'held'>[]> {
    const found: InState<'held'>[] = []
    let before: string | undefined
    while (found.length < MAX_HELD) {
      const page = await this.#store.actions({
        state: 'held',
        limit: PAGE,
        ...(before !== undefined && { before }),
      })
      for (const action of page) if (isIn(action, 'held') && this.owns(action)) found.push(action)
      before = page.at(-1)?.id
      if (page.length < PAGE || before === undefined) break
    }
    return found
  }
}
