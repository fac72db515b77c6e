import { isJsonObject, type JsonValue } from '../../action/json.ts'
import { findSecrets } from '../../flow/verify/checks/secrets/find.ts'
import { namedSecret } from '../../secrets/named-value.ts'

export interface Masked<T> {
  readonly value: T
  readonly count: number
}

/** The same value with every secret in its strings and names, and every value that its name makes one, replaced by asterisks. */
export function maskJson(value: JsonValue, name?: string): Masked<JsonValue> {
  if (typeof value === 'string') {
    const named = name === undefined ? undefined : namedSecret(name, value)
    return named === undefined ? maskText(value) : { value: '*'.repeat(value.length), count: 1 }
  }
  if (typeof value !== 'object' || value === null) return { value, count: 0 }
  let count = 0
  const masked = (each: JsonValue, of?: string): JsonValue => {
    const one = maskJson(each, of)
    count += one.count
    return one.value
  }
  const nameOf = (key: string): string => {
    const one = maskText(key)
    count += one.count
    return one.value
  }
  const out = isJsonObject(value)
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [nameOf(key), masked(each, key)]))
    : value.map((each) => masked(each, name))
  return { value: count === 0 ? value : out, count }
}

/** The same text with every secret replaced by as many asterisks as it has bytes. */
export function maskText(text: string): Masked<string> {
  const hits = findSecrets(text)
  if (hits.length === 0) return { value: text, count: 0 }
  let out = ''
  let from = 0
  for (const { start, end } of hits) {
    out += text.slice(from, start) + '*'.repeat(Buffer.byteLength(text.slice(start, end)))
    from = end
  }
  return { value: out + text.slice(from), count: hits.length }
}

/** Members in which the formats of model answers bring their text piece by piece. */
const PIECES = new Set([
  'content',
  'text',
  'delta',
  'partial_json',
  'arguments',
  'thinking',
  'refusal',
  'reasoning_content',
])

/**
 * Masks the body of an answer. `null` when it holds a secret that cannot be masked in place: cut over several events of a
 * stream, or where a mask would spoil the JSON.
 */
export function maskAnswer(body: string): Masked<string> | null {
  const masked = maskText(body)
  if (masked.value !== body && isJson(body) && !isJson(masked.value)) return null
  if (!body.includes('data:')) return masked
  const pieces: string[] = []
  for (const line of masked.value.split('\n')) {
    if (!line.startsWith('data:')) continue
    const event = parsed(line.slice(5))
    if (event !== undefined) collect(event, false, pieces)
  }
  return findSecrets(pieces.join('')).length > 0 ? null : masked
}

function collect(value: JsonValue, inPiece: boolean, pieces: string[]): void {
  if (typeof value === 'string') {
    if (inPiece) pieces.push(value)
  } else if (isJsonObject(value))
    for (const [key, each] of Object.entries(value)) collect(each, PIECES.has(key), pieces)
  else if (Array.isArray(value))
    for (const each of value as readonly JsonValue[]) collect(each, inPiece, pieces)
}

function isJson(text: string): boolean {
  return parsed(text) !== undefined
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return undefined
  }
}
