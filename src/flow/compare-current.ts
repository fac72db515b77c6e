import { canonicalJson } from '../action/digest.ts'
import { isJsonObject } from '../action/json.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import { BelayError } from '../errors/catalogue.ts'

/** A field of the result that is no longer what the action left. */
export interface Change {
  readonly path: string
  readonly was: JsonValue
  /** `null` also when it is gone. */
  readonly is: JsonValue
}

/** Undoing would overwrite what somebody did since. */
export class UndoConflict extends BelayError {
  readonly changed: readonly Change[]

  constructor(id: string, changed: readonly Change[]) {
    super('undo:conflict', { id, changed: changed.map(sentence).join('; ') })
    this.changed = changed
  }
}

/** By their names these tell one state of a thing from another. */
const TELLING = ['version', 'revision', 'etag', 'digest']
const MAX_SHOWN = 200

/**
 * The fields of `paths` in which what is there now differs from what the action left. Without paths: of those that
 * tell states apart, the ones that the result has; `null` when there is nothing to compare.
 */
export function changesSince(
  result: JsonValue,
  current: JsonObject,
  paths: readonly string[] | null,
): readonly Change[] | null {
  const compared = paths ?? TELLING.filter((name) => isJsonObject(result) && result[name] !== undefined)
  if (compared.length === 0) return null
  return compared.flatMap((path) => {
    const was = at(result, path)
    const is = at(current, path)
    // A field that the action never gave proves nothing: what cannot be compared counts as changed.
    if (was !== undefined && is !== undefined && canonicalJson([was]) === canonicalJson([is])) return []
    return [{ path, was: was ?? null, is: is ?? null }]
  })
}

/** Whether what is there now is what `left` says, in every field that has changed. */
export function isLeftBy(left: JsonValue, changed: readonly Change[]): boolean {
  return changed.every(({ path, is }) => {
    const there = at(left, path)
    return there !== undefined && is !== null && canonicalJson([there]) === canonicalJson([is])
  })
}

/** The result as it is now: what is told of it in the place of what the action gave. */
export function renewed(result: JsonValue, current: JsonObject | null): JsonValue {
  if (current === null) return result
  return isJsonObject(result) ? { ...result, ...current } : current
}

function at(value: JsonValue, path: string): JsonValue | undefined {
  let found: JsonValue | undefined = value
  for (const name of path.split('.')) {
    if (!isJsonObject(found) || !Object.hasOwn(found, name)) return undefined
    found = found[name]
  }
  return found
}

function sentence({ path, was, is }: Change): string {
  const shown = (value: JsonValue): string => {
    const text = value === null ? 'nothing' : JSON.stringify(value)
    return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN).toWellFormed()}…` : text
  }
  return `${path} was ${shown(was)} and is ${shown(is)}`
}
