import type { Action, OutcomeReport } from '../../action/action.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'

export interface EffectContext {
  readonly id: string
  /** Hand it to the outside service: the same key for every try of the same effect. */
  readonly idempotencyKey: string
  readonly signal: AbortSignal
}

/** Undoes the effect of one action. Throws when it could not; `OutcomeUnknown` when that cannot be told. */
export type Undoer = (input: JsonObject, result: JsonValue, context: EffectContext) => unknown

/** Asks the outside world what became of an intent without a result, for example by its idempotency key. */
export type Reconciler = (input: JsonObject, context: EffectContext) => Promise<OutcomeReport> | OutcomeReport

/** The functions of this process that can undo or reconcile actions of a name. */
export class Undoers {
  readonly #undoers = new Map<string, Undoer>()
  readonly #reconcilers = new Map<string, Reconciler>()

  register(name: string, functions: { readonly undo?: Undoer; readonly reconcile?: Reconciler }): void {
    if (functions.undo !== undefined) this.#undoers.set(name, functions.undo)
    if (functions.reconcile !== undefined) this.#reconcilers.set(name, functions.reconcile)
  }

  undoer(action: Action): Undoer | undefined {
    return this.#undoers.get(action.name)
  }

  reconciler(action: Action): Reconciler | undefined {
    return this.#reconcilers.get(action.name)
  }
}
