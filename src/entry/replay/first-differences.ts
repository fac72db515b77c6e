import { isJsonObject, type JsonValue } from '../../action/json.ts'

/** One place where two values differ. `undefined`: there is nothing there. */
export interface Difference {
  /** JSON pointer (RFC 6901). */
  readonly pointer: string
  readonly expected?: JsonValue
  readonly came?: JsonValue
}

const MOST = 20
const LONGEST = 500

/** Where the values differ, in the order of the first, at most 20 places; long texts are cut around the place. */
export function firstDifferences(expected: JsonValue, came: JsonValue): readonly Difference[] {
  const found: Difference[] = []
  compare(expected, came, '', found)
  return found
}

function compare(
  expected: JsonValue | undefined,
  came: JsonValue | undefined,
  pointer: string,
  found: Difference[],
): void {
  if (found.length >= MOST || expected === came) return
  if (Array.isArray(expected) && Array.isArray(came)) {
    const length = Math.max(expected.length, came.length)
    for (let index = 0; index < length; index++)
      compare(expected[index] as JsonValue, came[index] as JsonValue, `${pointer}/${index}`, found)
    return
  }
  if (isJsonObject(expected) && isJsonObject(came)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(came)]))
      compare(own(expected, key), own(came, key), `${pointer}/${step(key)}`, found)
    return
  }
  const from = typeof expected === 'string' && typeof came === 'string' ? firstCharacter(expected, came) : 0
  found.push({
    pointer,
    ...(expected !== undefined && { expected: shown(expected, from) }),
    ...(came !== undefined && { came: shown(came, from) }),
  })
}

function own(value: { readonly [key: string]: JsonValue }, key: string): JsonValue | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined
}

function step(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

function firstCharacter(a: string, b: string): number {
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  return at
}

function shown(value: JsonValue, from: number): JsonValue {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (text.length <= LONGEST) return value
  const start = Math.max(0, from - LONGEST / 4)
  return `${start > 0 ? '…' : ''}${text.slice(start, start + LONGEST)}${start + LONGEST < text.length ? '…' : ''}`
}
