import type { Action } from '../action/action.ts'
import type { JsonObject } from '../action/json.ts'

export interface RecentAction {
  readonly action: Action
  readonly input: JsonObject
}

const HALF = 10_000

/**
 * The actions that were set last, between ten and twenty thousand of them. They are kept in two halves, of which the
 * older is dropped whole: finding the oldest of one large map again and again is slow.
 */
export class RecentActions {
  #newer = new Map<string, RecentAction>()
  #older = new Map<string, RecentAction>()

  get(id: string): RecentAction | undefined {
    return this.#newer.get(id) ?? this.#older.get(id)
  }

  set(id: string, recent: RecentAction): void {
    // Nothing older may come to light when the newer one is deleted.
    this.#older.delete(id)
    this.#newer.set(id, recent)
    if (this.#newer.size < HALF) return
    this.#older = this.#newer
    this.#newer = new Map()
  }

  delete(id: string): void {
    this.#newer.delete(id)
    this.#older.delete(id)
  }
}
