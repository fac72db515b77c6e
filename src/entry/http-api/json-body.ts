import { BelayError } from '../../errors/catalogue.ts'
import type { JsonValue } from '../../action/json.ts'

export interface JsonLimits {
  /** Levels of nesting; the outermost value is level 1. */
  readonly depth: number
  /** Values of any kind, counted over the whole text. */
  readonly nodes: number
}

/** Keys that reach an object's prototype when code copies properties carelessly. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor'])
const NUMBER = /-?\d[\d.eE+-]*/y
const WORD = /[A-Za-z]+/y
const utf8 = new TextDecoder('utf-8', { fatal: true })

interface Level {
  /** Keys seen so far; `null` for an array. */
  readonly keys: Set<string> | null
  at: string | number
  expectsKey: boolean
}

/**
 * Reads untrusted JSON (RFC 8259) with the strictness of I-JSON (RFC 7493): no duplicate keys, no lone surrogates,
 * no number that a double cannot hold. Depth and size are counted on the text, before anything is built.
 * Throws `input:invalid_json`, `input:too_deep`, `input:too_large`, `input:forbidden_key`, `input:invalid` or
 * `input:not_canonical`.
 */
export function parseJsonBody(bytes: Uint8Array, limits: JsonLimits): JsonValue {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw new BelayError('input:invalid_json', { cause: 'it is not UTF-8' })
  }
  scan(text, limits)
  try {
    return JSON.parse(text) as JsonValue
  } catch (error) {
    throw new BelayError('input:invalid_json', { cause: causeOf(error) })
  }
}

function scan(text: string, limits: JsonLimits): void {
  const levels: Level[] = []
  let nodes = 0
  let position = 0
  const count = (): void => {
    if (++nodes > limits.nodes) {
      throw new BelayError('input:too_large', { where: 'body', max: `${limits.nodes} values`, got: 'more' })
    }
  }
  while (position < text.length) {
    const level = levels.at(-1)
    const character = text[position]!
    switch (character) {
      case '{':
      case '[':
        count()
        if (levels.length >= limits.depth) {
          throw new BelayError('input:too_deep', { where: where(levels), max: String(limits.depth) })
        }
        levels.push(
          character === '{'
            ? { keys: new Set(), at: '', expectsKey: true }
            : { keys: null, at: 0, expectsKey: false },
        )
        position++
        break
      case '}':
      case ']':
        levels.pop()
        position++
        break
      case ',':
        if (level?.keys != null) level.expectsKey = true
        else if (level !== undefined) level.at = Number(level.at) + 1
        position++
        break
      case '"': {
        const end = endOfString(text, position)
        const value = stringValue(text, position, end, levels)
        if (level?.keys != null && level.expectsKey) takeKey(level, level.keys, value, levels)
        else count()
        position = end
        break
      }
      default:
        position = scanBare(text, position, levels, count)
    }
  }
}

/** Numbers, words and blanks; whether they stand in a legal place is for the parser to say. */
function scanBare(text: string, position: number, levels: readonly Level[], count: () => void): number {
  NUMBER.lastIndex = position
  const number = NUMBER.exec(text)
  if (number !== null) {
    count()
    checkNumber(number[0], levels)
    return NUMBER.lastIndex
  }
  WORD.lastIndex = position
  if (WORD.test(text)) {
    count()
    return WORD.lastIndex
  }
  return position + 1
}

function endOfString(text: string, start: number): number {
  for (let position = start + 1; position < text.length; position++) {
    const character = text.charCodeAt(position)
    if (character === 0x5c) position++
    else if (character === 0x22) return position + 1
  }
  throw new BelayError('input:invalid_json', { cause: 'a string does not end' })
}

function stringValue(text: string, start: number, end: number, levels: readonly Level[]): string {
  const quoted = text.slice(start, end)
  if (!quoted.includes('\\')) return quoted.slice(1, -1)
  let value: string
  try {
    value = JSON.parse(quoted) as string
  } catch (error) {
    throw new BelayError('input:invalid_json', { cause: causeOf(error) })
  }
  if (!value.isWellFormed()) {
    throw new BelayError('input:not_canonical', { cause: `${where(levels)} holds a lone surrogate` })
  }
  return value
}

function takeKey(level: Level, keys: Set<string>, key: string, levels: readonly Level[]): void {
  level.at = ''
  if (FORBIDDEN_KEYS.has(key)) throw new BelayError('input:forbidden_key', { where: where(levels), got: key })
  if (keys.has(key)) {
    const got = `the key ${JSON.stringify(key.slice(0, 60))} twice`
    throw new BelayError('input:invalid', { where: where(levels), expected: 'every key once', got })
  }
  keys.add(key)
  level.at = key
  level.expectsKey = false
}

function checkNumber(token: string, levels: readonly Level[]): void {
  const value = Number(token)
  if (Number.isNaN(value)) throw new BelayError('input:invalid_json', { cause: 'a number is malformed' })
  const exact = /^-?\d+$/.test(token)
    ? Number.isSafeInteger(value) ||
      String(value) === token ||
      (token.length <= 310 && BigInt(token) === BigInt(value))
    : Number.isFinite(value)
  if (exact) return
  const got = token.length > 40 ? `${token.slice(0, 40)}…` : token
  const expected = 'a number that a double holds exactly (send larger ones as strings)'
  throw new BelayError('input:invalid', { where: where(levels), expected, got })
}

function where(levels: readonly Level[]): string {
  let path = 'body'
  for (const level of levels) {
    if (level.at === '') break
    path += typeof level.at === 'number' ? `[${level.at}]` : `.${level.at.slice(0, 40)}`
    if (path.length > 200) return `${path.slice(0, 200)}…`
  }
  return path
}

function causeOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : 'it cannot be parsed'
}
