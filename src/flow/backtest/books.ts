import type { MonitorStore } from '../monitor/monitor.ts'

/**
 * The books of a rehearsal, in memory: whole budgets and no other replica. `now` is the time of the record that is being
 * judged again, so that the same records always give the same verdicts.
 */
export class Books implements MonitorStore {
  readonly dialect = 'sqlite'
  /** Epoch ms. */
  at = 0
  readonly #given = new Map<string, { limit: number; given: number; endsAt: number }>()

  now(): number {
    return this.at
  }

  async lease(account: Parameters<MonitorStore['lease']>[0]): Promise<number> {
    const { key, limit, endsAt } = account
    const book = this.#given.get(key) ?? { limit, given: 0, endsAt }
    const left = Math.max(0, limit - book.given)
    book.given += left
    this.#given.set(key, book)
    return left
  }

  async giveBack(account: string, amount: number): Promise<void> {
    const book = this.#given.get(account)
    if (book !== undefined) book.given -= amount
  }

  async dropBudgets(before: number): Promise<void> {
    for (const [key, { endsAt }] of this.#given) if (endsAt < before) this.#given.delete(key)
  }

  async starvedAccounts(): Promise<readonly string[]> {
    return []
  }

  async agents(): Promise<readonly []> {
    return []
  }

  async budgets(): Promise<readonly []> {
    return []
  }

  async recentFailures(): Promise<readonly boolean[]> {
    return []
  }

  async history(): Promise<readonly []> {
    return []
  }
}
