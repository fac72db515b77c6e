export type Path = readonly (string | number)[]

/** One leaf of a JSON value, or an empty list or object, and what became of it. */
export interface Field {
  readonly path: Path
  readonly status: 'same' | 'changed' | 'added' | 'removed'
  /** As it was; `undefined` where it is added. */
  readonly before: unknown
  /** As it is; `undefined` where it is removed. */
  readonly after: unknown
}

export interface Comparison {
  readonly fields: readonly Field[]
  readonly changes: number
  /** More fields than could be listed: the raw JSON has them all. */
  readonly more: boolean
}

const MAX_FIELDS = 400
const MAX_DEPTH = 40

/**
 * Two JSON values field by field, in the order of the second one. Lists are compared by place. What lies deeper than
 * 40 levels counts as one field; beyond `max` fields, unchanged ones are no longer listed, so that a change is not
 * crowded out by padding.
 */
export function compareJson(before: unknown, after: unknown, max = MAX_FIELDS): Comparison {
  const fields: Field[] = []
  let changes = 0
  let more = false

  const add = (field: Field): void => {
    if (field.status !== 'same') changes++
    if (fields.length < max || (field.status !== 'same' && fields.length < 2 * max)) fields.push(field)
    else more = true
  }
  const walk = (path: Path, was: unknown, is: unknown): void => {
    if (
      isBranch(was) &&
      isBranch(is) &&
      Array.isArray(was) === Array.isArray(is) &&
      path.length < MAX_DEPTH
    ) {
      const names = namesOf(was, is)
      if (names.length === 0) add({ path, status: 'same', before: was, after: is })
      for (const name of names) walk([...path, name], at(was, name), at(is, name))
      return
    }
    if (was === undefined || is === undefined) {
      const only = was ?? is
      if (isBranch(only) && path.length < MAX_DEPTH) {
        const names = namesOf(only, only)
        for (const name of names) {
          const value = at(only, name)
          walk([...path, name], was === undefined ? undefined : value, is === undefined ? undefined : value)
        }
        if (names.length > 0) return
      }
      add({ path, status: was === undefined ? 'added' : 'removed', before: was, after: is })
      return
    }
    add({ path, status: equalJson(was, is) ? 'same' : 'changed', before: was, after: is })
  }
  walk([], before, after)
  return { fields, changes, more }
}

/** Every field of one value. */
export function fieldsOf(value: unknown, max = MAX_FIELDS): Comparison {
  return compareJson(value, value, max)
}

/** `recipients[2].name`; a name that is no plain word stands in quotes. */
export function pathText(path: Path): string {
  let text = ''
  for (const name of path) {
    if (typeof name === 'number') text += `[${name}]`
    else if (!/^[A-Za-z_$][\w$-]*$/.test(name)) text += `[${JSON.stringify(name)}]`
    else text += text === '' ? name : `.${name}`
  }
  return text
}

/** Equal as JSON: the order of names does not count. */
export function equalJson(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (!isBranch(one) || !isBranch(other) || Array.isArray(one) !== Array.isArray(other)) return false
  const names = Object.keys(one)
  if (names.length !== Object.keys(other).length) return false
  return names.every(
    (name) => Object.hasOwn(other, name) && equalJson(Reflect.get(one, name), Reflect.get(other, name)),
  )
}

export interface Span {
  readonly kind: 'same' | 'removed' | 'added'
  readonly text: string
}

/** Where a longest common subsequence would cost more than a moment, only what both ends share is found. */
const MAX_WORDS = 600

/** What changed within a text, word by word. */
export function compareText(before: string, after: string): readonly Span[] {
  const was = words(before)
  const is = words(after)
  let start = 0
  while (start < was.length && start < is.length && was[start] === is[start]) start++
  let end = 0
  while (
    end < was.length - start &&
    end < is.length - start &&
    was[was.length - 1 - end] === is[is.length - 1 - end]
  )
    end++
  const middle = between(was.slice(start, was.length - end), is.slice(start, is.length - end))
  const whole: Span[] = [
    { kind: 'same', text: was.slice(0, start).join('') },
    ...middle,
    { kind: 'same', text: was.slice(was.length - end).join('') },
  ]
  return joined(whole)
}

function between(was: readonly string[], is: readonly string[]): Span[] {
  if (was.length === 0 || is.length === 0 || was.length > MAX_WORDS || is.length > MAX_WORDS)
    return [
      { kind: 'removed', text: was.join('') },
      { kind: 'added', text: is.join('') },
    ]
  const width = is.length + 1
  const lengths = new Uint16Array((was.length + 1) * width)
  for (let row = was.length - 1; row >= 0; row--)
    for (let column = is.length - 1; column >= 0; column--)
      lengths[row * width + column] =
        was[row] === is[column]
          ? lengths[(row + 1) * width + column + 1]! + 1
          : Math.max(lengths[(row + 1) * width + column]!, lengths[row * width + column + 1]!)
  const spans: Span[] = []
  let row = 0
  let column = 0
  while (row < was.length || column < is.length) {
    if (row < was.length && column < is.length && was[row] === is[column]) {
      spans.push({ kind: 'same', text: was[row++]! })
      column++
    } else if (
      column >= is.length ||
      (row < was.length && lengths[(row + 1) * width + column]! >= lengths[row * width + column + 1]!)
    )
      spans.push({ kind: 'removed', text: was[row++]! })
    else spans.push({ kind: 'added', text: is[column++]! })
  }
  return spans
}

function joined(spans: readonly Span[]): readonly Span[] {
  const result: { kind: Span['kind']; text: string }[] = []
  for (const { kind, text } of spans) {
    if (text === '') continue
    const last = result.at(-1)
    if (last?.kind === kind) last.text += text
    else result.push({ kind, text })
  }
  return result
}

function words(text: string): readonly string[] {
  return text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? []
}

type Branch = readonly unknown[] | Readonly<Record<string, unknown>>

function isBranch(value: unknown): value is Branch {
  return typeof value === 'object' && value !== null
}

function at(value: Branch, name: string | number): unknown {
  return Object.hasOwn(value, name) ? (Reflect.get(value, name) as unknown) : undefined
}

function namesOf(was: Branch, is: Branch): readonly (string | number)[] {
  if (Array.isArray(is))
    return Array.from({ length: Math.max(is.length, (was as unknown[]).length) }, (_, i) => i)
  const gone = Object.keys(was).filter((name) => !Object.hasOwn(is, name))
  return [...Object.keys(is), ...gone]
}
