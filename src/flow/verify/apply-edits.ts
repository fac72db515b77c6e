import type { Edit } from '../../action/finding.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'

/** The input with the edits made; the original is left alone. Throws when a path leads nowhere: an edit that misses must not pass as made. */
export function applyEdits(input: JsonObject, edits: readonly Edit[]): JsonObject {
  let current: JsonValue = input
  for (const edit of edits) current = replaceAt(current, edit.path, edit.value)
  if (!isJsonObject(current))
    throw new TypeError('an edit replaced the whole input by something that is not an object')
  return current
}

function replaceAt(value: JsonValue, path: Edit['path'], replacement: JsonValue): JsonValue {
  const [step, ...rest] = path
  if (step === undefined) return replacement
  if (Array.isArray(value)) {
    const index = Number(step)
    if (!Number.isInteger(index) || index < 0 || index >= value.length) throw missing(step)
    return value.with(index, replaceAt(value[index] as JsonValue, rest, replacement))
  }
  if (isJsonObject(value) && Object.hasOwn(value, step)) {
    return { ...value, [step]: replaceAt(value[step] as JsonValue, rest, replacement) }
  }
  throw missing(step)
}

function missing(step: string | number): TypeError {
  return new TypeError(`an edit leads to ${JSON.stringify(step)}, which is not there`)
}
