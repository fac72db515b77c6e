import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import { BelayError } from '../../../errors/catalogue.ts'

export type MutableObject = { [key: string]: JsonValue }

/** `input:invalid` that names the member; says only the type of what came, never the content. */
export function invalid(where: string, expected: string, value: JsonValue | undefined): BelayError {
  return new BelayError('input:invalid', { where, expected, got: typeName(value) })
}

/** What is wrong with an answer of the provider: no fault of the agent, so not of the catalogue's `input:`. */
export function malformed(where: string, expected: string, value: JsonValue | undefined): Error {
  return new Error(
    `The provider's answer is malformed: ${where}: expected ${expected}, got ${typeName(value)}.`,
  )
}

export type Fault = typeof invalid | typeof malformed

export function objectIn(value: JsonValue | undefined, where: string, fault: Fault = invalid): MutableObject {
  if (isJsonObject(value)) return value
  throw fault(where, 'an object', value)
}

export function arrayIn(value: JsonValue | undefined, where: string, fault: Fault = invalid): JsonValue[] {
  if (Array.isArray(value)) return value as JsonValue[]
  throw fault(where, 'an array', value)
}

export function stringIn(value: JsonValue | undefined, where: string, fault: Fault = invalid): string {
  if (typeof value === 'string') return value
  throw fault(where, 'a string', value)
}

/** Absent and `null` are the same to these protocols. */
export function isGiven(value: JsonValue | undefined): value is Exclude<JsonValue, null> {
  return value !== undefined && value !== null
}

export function optionalString(body: JsonObject, name: string, where = name): string | null {
  const value = body[name]
  return isGiven(value) ? stringIn(value, where) : null
}

export function optionalBoolean(body: JsonObject, name: string, where = name): boolean {
  const value = body[name]
  if (!isGiven(value)) return false
  if (typeof value === 'boolean') return value
  throw invalid(where, 'true or false', value)
}

/**
 * The model that the request names. A list of further ones to fall back to, which a router of providers would take, is
 * refused: any of them could cost more than what was reserved.
 */
export function modelOf(body: JsonObject): string | null {
  if (isGiven(body['models']))
    throw invalid(
      'models',
      'nothing: name one model, and declare what to fall back to in the policy',
      body['models'],
    )
  return optionalString(body, 'model')
}

/** An integer of at least `least`. */
export function optionalCount(body: JsonObject, name: string, least: number): number | null {
  const value = body[name]
  if (!isGiven(value)) return null
  if (Number.isSafeInteger(value) && (value as number) >= least) return value as number
  throw invalid(name, `an integer from ${least}`, value)
}

/** The members of these names that are there. */
export function pick(body: JsonObject, names: readonly string[]): JsonObject {
  const picked: MutableObject = {}
  for (const name of names) {
    const value = body[name]
    if (value !== undefined) picked[name] = value
  }
  return picked
}

/** A copy that can be modified; strings, the bulk of a body, are shared. The depth is bounded by the parser. */
export function copyOf<T extends JsonValue>(value: T): T {
  if (Array.isArray(value)) return value.map(copyOf) as unknown as T
  if (!isJsonObject(value)) return value
  const copy: MutableObject = { ...value }
  for (const name of Object.keys(copy)) {
    const member = copy[name]
    if (typeof member === 'object' && member !== null) copy[name] = copyOf(member)
  }
  return copy as T
}

export function stringOrNull(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null
}

function typeName(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : 'a number'
  return `a ${typeof value}`
}
