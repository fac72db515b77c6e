import type { Action, OutcomeReport } from '../../action/action.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'

export interface EffectContext {
  readonly id: string
  /** Hand it to the outside service: the same key for every try of the same effect. */
  readonly idempotencyKey: string
  readonly signal: AbortSignal
}

export interface UndoContext extends EffectContext {
  /** What was there when it was looked at just before, where that is known: for a write that fails if it is not so. */
  readonly current?: JsonObject
}

/**
 * Undoes the effect of one action. Throws when it could not; `OutcomeUnknown` when that cannot be told. An object
 * that it gives tells what is there now.
 */
export type Undoer = (input: JsonObject, result: JsonValue, context: UndoContext) => unknown

/** Tells what has become of a result: the fields of it as they are now. Throws when it cannot be told. */
export type CurrentReader = (
  input: JsonObject,
  result: JsonValue,
  context: EffectContext,
) => Promise<JsonObject> | JsonObject

/** Asks the outside world what became of an intent without a result, for example by its idempotency key. */
export type Reconciler = (input: JsonObject, context: EffectContext) => Promise<OutcomeReport> | OutcomeReport

/** The functions of this process that can undo, look at or reconcile actions of a name. */
export class Undoers {
  readonly #undoers = new Map<string, Undoer>()
  readonly #readers = new Map<string, CurrentReader>()
  readonly #reconcilers = new Map<string, Reconciler>()

  register(
    name: string,
    functions: { readonly undo?: Undoer; readonly current?: CurrentReader; readonly reconcile?: Reconciler },
  ): void {
    if (functions.undo !== undefined) this.#undoers.set(name, functions.undo)
    if (functions.current !== undefined) this.#readers.set(name, functions.current)
    if (functions.reconcile !== undefined) this.#reconcilers.set(name, functions.reconcile)
  }

  undoer(action: Action): Undoer | undefined {
    return this.#undoers.get(action.name)
  }

  reader(action: Action): CurrentReader | undefined {
    return this.#readers.get(action.name)
  }

  reconciler(action: Action): Reconciler | undefined {
    return this.#reconcilers.get(action.name)
  }
}
