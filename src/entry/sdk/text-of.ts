import type { JsonValue } from '../../action/json.ts'

/** A field of an answer as text; what is missing is the empty text. */
export function textOf(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
