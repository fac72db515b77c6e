import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import { BelayError } from '../../../errors/catalogue.ts'

/**
 * Reading members of JSON that anybody may have written. `where` is the place of the object that has the member,
 * from `body` (what the agent sent) or `answer` (what the provider sent) on; the text of an error is put together
 * only when there is one. `null` counts as absent, as the vendors count it. What came is named by its kind, never
 * quoted: it may be personal.
 */
export function invalid(where: string, expected: string, got: JsonValue | undefined): Error {
  return fault(where, expected, kindOf(got))
}

/** A malformed answer is no fault of the agent, so it is none of the catalogue's `input:`. */
function fault(where: string, expected: string, got: string): Error {
  return where.startsWith('answer')
    ? new Error(`The provider's answer is malformed: ${where}: expected ${expected}, got ${got}.`)
    : new BelayError('input:invalid', { where, expected, got })
}

export function objectIn(object: JsonObject, key: string, where: string): JsonObject | null {
  const value = object[key]
  if (value === undefined || value === null) return null
  if (!isJsonObject(value)) throw invalid(`${where}.${key}`, 'an object', value)
  return value
}

export function listIn(object: JsonObject, key: string, where: string): readonly JsonValue[] | null {
  const value = object[key]
  if (value === undefined || value === null) return null
  if (!isList(value)) throw invalid(`${where}.${key}`, 'an array', value)
  return value
}

export function stringIn(object: JsonObject, key: string, where: string): string | null {
  const value = object[key]
  if (value === undefined || value === null) return null
  if (typeof value !== 'string') throw invalid(`${where}.${key}`, 'a string', value)
  return value
}

export function requiredString(object: JsonObject, key: string, where: string): string {
  const value = object[key]
  if (typeof value !== 'string') throw invalid(`${where}.${key}`, 'a string', value)
  return value
}

export function booleanIn(object: JsonObject, key: string, where: string): boolean | null {
  const value = object[key]
  if (value === undefined || value === null) return null
  if (typeof value !== 'boolean') throw invalid(`${where}.${key}`, 'true or false', value)
  return value
}

/** A count of tokens, answers, calls: a whole number that a double holds exactly. */
export function countIn(object: JsonObject, key: string, where: string): number | null {
  const value = object[key]
  if (value === undefined || value === null) return null
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    const got = typeof value === 'number' ? String(value) : kindOf(value)
    throw fault(`${where}.${key}`, 'a whole number, at least 0', got)
  }
  return value as number
}

/**
 * A parameter that goes into the record: a number, a boolean or a short word. Longer text is refused: it could be
 * anything, and the record must hold nothing personal.
 */
export function parameterIn(
  object: JsonObject,
  key: string,
  where: string,
): string | number | boolean | null {
  const value = object[key]
  if (value === undefined || value === null) return null
  if (typeof value === 'number' || typeof value === 'boolean') return value
  if (typeof value === 'string' && value.length <= LONGEST_PARAMETER) return value
  throw invalid(`${where}.${key}`, `a number or a word of at most ${LONGEST_PARAMETER} characters`, value)
}

/** The member `type`; empty where there is none. */
export function typeOf(object: JsonObject): string {
  const type = object['type']
  return typeof type === 'string' ? type : ''
}

export function asObject(value: JsonValue | undefined, where: string): JsonObject {
  if (!isJsonObject(value)) throw invalid(where, 'an object', value)
  return value
}

/** `Array.isArray` that keeps the type of a read-only list. */
export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

/** The list with changed items; the same list when none changed, so that reading copies nothing. */
export function mapItems(
  list: readonly JsonValue[],
  change: (item: JsonValue, index: number) => JsonValue,
): readonly JsonValue[] {
  let copy: JsonValue[] | null = null
  for (let at = 0; at < list.length; at++) {
    const item = list[at] as JsonValue
    const changed = change(item, at)
    if (changed !== item) (copy ??= [...list])[at] = changed
  }
  return copy ?? list
}

/** The object with one member changed; the same object when it is the same value. An absent one is `null`. */
export function withMember(object: JsonObject, key: string, value: JsonValue): JsonObject {
  return (object[key] ?? null) === value ? object : { ...object, [key]: value }
}

const LONGEST_PARAMETER = 64

function kindOf(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  return `a ${typeof value}`
}
