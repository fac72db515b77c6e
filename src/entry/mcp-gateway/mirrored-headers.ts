import { textOf } from '../sdk/text-of.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'

const PLAIN = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/
const SENTINEL = /^=\?base64\?.*\?=$/
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/
const MAX_DEPTH = 32

/** A value as a header carries it (MCP 2026-07-28, streamable HTTP, Value Encoding). */
export function headerValue(text: string): string {
  if (PLAIN.test(text) && !SENTINEL.test(text)) return text
  return `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`
}

/** The text that a header stands for; `undefined` for a broken encoding. */
export function headerText(value: string): string | undefined {
  if (!SENTINEL.test(value)) return value
  const encoded = value.slice('=?base64?'.length, -2)
  const decoded = Buffer.from(encoded, 'base64')
  return decoded.toString('base64') === encoded ? decoded.toString('utf8') : undefined
}

export interface MirroredParameter {
  /** The header, in lower case. */
  readonly header: string
  readonly path: readonly string[]
}

/**
 * The parameters that a tool's schema wants mirrored into headers: `x-mcp-header` on properties that a chain of
 * `properties` alone leads to. `undefined` when an annotation breaks the rules: such a tool is invalid.
 */
export function mirroredParameters(schema: JsonValue | undefined): readonly MirroredParameter[] | undefined {
  const found: MirroredParameter[] = []
  const names = new Set<string>()
  let valid = true
  const walk = (node: JsonValue | undefined, path: readonly string[]): void => {
    if (!isJsonObject(node) || path.length > MAX_DEPTH) return
    const { properties } = node
    if (!isJsonObject(properties)) return
    for (const [name, property] of Object.entries(properties)) {
      if (!isJsonObject(property)) continue
      const mark = property['x-mcp-header']
      if (mark !== undefined) {
        const primitive = ['integer', 'string', 'boolean'].includes(textOf(property['type']))
        if (typeof mark !== 'string' || !TOKEN.test(mark) || !primitive || names.has(mark.toLowerCase()))
          valid = false
        else {
          names.add(mark.toLowerCase())
          found.push({ header: `mcp-param-${mark.toLowerCase()}`, path: [...path, name] })
        }
      }
      walk(property, [...path, name])
    }
  }
  walk(schema, [])
  return valid ? found : undefined
}

/** The headers for the arguments of a call. Values that are absent or null have none. */
export function mirroredHeaders(
  parameters: readonly MirroredParameter[],
  input: JsonObject,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const { header, path } of parameters) {
    const value = valueAt(input, path)
    if (typeof value === 'string') headers[header] = headerValue(value)
    else if (typeof value === 'number' || typeof value === 'boolean') headers[header] = String(value)
  }
  return headers
}

/** Whether the headers of a request say the same as its arguments. */
export function headersMatch(
  parameters: readonly MirroredParameter[],
  input: JsonObject,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): boolean {
  return parameters.every(({ header, path }) => {
    const value = valueAt(input, path)
    const sent = headers[header]
    if (value === undefined || value === null) return sent === undefined
    if (typeof sent !== 'string') return false
    const text = headerText(sent)
    if (typeof value === 'number') return text !== undefined && text.trim() !== '' && Number(text) === value
    return text === textOf(value)
  })
}

function valueAt(input: JsonObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = input
  for (const name of path) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return value
}
