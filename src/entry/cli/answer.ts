import { isJsonObject } from '../../action/json.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { textOf } from '../sdk/text-of.ts'
import { escapeText } from './escape.ts'

export { textOf } from '../sdk/text-of.ts'

export function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}

export function objectsOf(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]).filter(isJsonObject) : []
}

/** ISO 8601 to epoch milliseconds. */
export function timeOf(value: JsonValue | undefined): number {
  return typeof value === 'string' ? Date.parse(value) : Number.NaN
}

/** What was said against the action, then what was said against its result. */
export function reasonsOf(action: JsonObject): JsonObject[] {
  return [...objectsOf(action['reasons']), ...objectsOf(objectOf(action['judged'])['reasons'])]
}

/** `code: message` of each reason, escaped. */
export function reasonLines(action: JsonObject): string[] {
  return reasonsOf(action).map((reason) =>
    escapeText(`${textOf(reason['code'])}: ${textOf(reason['message'])}`),
  )
}
