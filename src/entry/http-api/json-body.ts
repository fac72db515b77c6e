import { isAscii, isUtf8 } from 'node:buffer'
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
/** Integers with fewer digits are exact in every double (2^53 has 16). */
const SURELY_EXACT_DIGITS = 15
const BYTE_ORDER_MARK = 0xfeff

const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

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
  const text = textOf(bytes)
  scan(text, limits)
  try {
    return JSON.parse(text) as JsonValue
  } catch (error) {
    throw new BelayError('input:invalid_json', { cause: causeOf(error) })
  }
}

/** The bytes as text, without a byte order mark. */
function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (isAscii(buffer)) return buffer.toString('latin1')
  if (!isUtf8(buffer)) throw new BelayError('input:invalid_json', { cause: 'it is not UTF-8' })
  const text = buffer.toString('utf8')
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text
}

function scan(text: string, limits: JsonLimits): void {
  // UTF-8 holds no surrogates, so only escapes can make one, and few texts have such escapes.
  const mayHoldSurrogates = text.includes('\\ud') || text.includes('\\uD')
  const levels: Level[] = []
  let level: Level | undefined
  let nodes = 0
  let position = 0
  const count = (): void => {
    if (++nodes > limits.nodes) {
      throw new BelayError('input:too_large', { where: 'body', max: `${limits.nodes} values`, got: 'more' })
    }
  }
  while (position < text.length) {
    const character = text.charCodeAt(position)
    switch (character) {
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        count()
        if (levels.length >= limits.depth) {
          throw new BelayError('input:too_deep', { where: where(levels), max: String(limits.depth) })
        }
        level =
          character === OPEN_OBJECT
            ? { keys: new Set(), at: '', expectsKey: true }
            : { keys: null, at: 0, expectsKey: false }
        levels.push(level)
        position++
        break
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        levels.pop()
        level = levels.at(-1)
        position++
        break
      case COMMA:
        if (level !== undefined) {
          if (level.keys !== null) level.expectsKey = true
          else level.at = Number(level.at) + 1
        }
        position++
        break
      case QUOTE: {
        const end = endOfString(text, position)
        if (level !== undefined && level.keys !== null && level.expectsKey) {
          takeKey(level, level.keys, stringValue(text, position, end, levels), levels)
        } else {
          if (mayHoldSurrogates) stringValue(text, position, end, levels)
          count()
        }
        position = end
        break
      }
      case COLON:
      case 0x20:
      case 0x0a:
      case 0x0d:
      case 0x09:
        position++
        break
      default: {
        const end = endOfSmallInteger(text, position)
        if (end === -1) position = scanBare(text, position, levels, count)
        else {
          count()
          position = end
        }
      }
    }
  }
}

/** Where an integer ends that every double holds; -1 for whatever needs a closer look. */
function endOfSmallInteger(text: string, start: number): number {
  const first = text.charCodeAt(start) === MINUS ? start + 1 : start
  let position = first
  let character = text.charCodeAt(position)
  while (character >= ZERO && character <= NINE) character = text.charCodeAt(++position)
  const digits = position - first
  if (digits === 0 || digits > SURELY_EXACT_DIGITS) return -1
  const more = character === 0x2e || character === 0x65 || character === 0x45 || character === 0x2b
  return more || character === MINUS ? -1 : position
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

/** Looks for quotes and not at every character: a string can be megabytes of base64. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let before = quote - 1
    while (text.charCodeAt(before) === BACKSLASH) before--
    // An even number of backslashes are escaped ones; the opening quote ends the look back at the latest.
    if ((quote - before) % 2 === 1) return quote + 1
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
