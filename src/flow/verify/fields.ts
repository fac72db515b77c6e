import { isJsonObject } from '../../action/json.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import type { CheckFinding, PreparedCheck } from '../../policy/check.ts'

/** Leads from the root of the input: property names and array indices. */
export type FieldPath = readonly (string | number)[]

export interface FieldText {
  readonly path: FieldPath
  readonly text: string
  /** The text is the last property name of `path` itself, not its value. */
  readonly isKey?: true
}

export interface FieldTexts {
  readonly texts: readonly FieldText[]
  /** Where a value is present that is not the string, object or array that the field expects. */
  readonly wrongType: readonly FieldPath[]
}

/**
 * JSON Schema of the `field` option: a dotted path from the root of the input (`text`, `message.body`,
 * `items.*.caption`, `items.0.caption`) or several. Without it every string in the input is meant.
 */
export const FIELD_OPTION = {
  description:
    'Dotted path of the text in the input, or several; * stands for every element. Default: every string.',
  oneOf: [
    { type: 'string', minLength: 1 },
    { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 },
  ],
} as const satisfies JsonObject

/**
 * Compiles the `field` option once; the answer collects the texts of one input. An absent field gives
 * nothing; a field that is there but is no string, or that lies behind something that is neither an object
 * nor an array, is of the wrong type. `keys` adds property names, but only where no field is named.
 * Throws a plain sentence for a path with an empty part.
 */
export function compileField(
  field: JsonValue | undefined,
  { keys = false }: { readonly keys?: boolean } = {},
): (input: JsonObject) => FieldTexts {
  if (field === undefined) return (input) => everyText(input, keys)
  const paths = (typeof field === 'string' ? [field] : fieldList(field)).map(splitPath)
  const [only] = paths
  if (paths.length === 1 && only?.length === 1 && only[0] !== '*') return plainField(only[0]!)
  return (input) => {
    const found: Collected = { texts: [], wrongType: [] }
    for (const path of paths) collect(input, path, 0, [], found)
    return found
  }
}

/** A check of texts, one by one: what `judge` answers, plus `verify:wrong_type` where a text is missing its type. */
export function checkTexts(
  field: JsonValue | undefined,
  judge: (text: FieldText, input: JsonObject) => CheckFinding | readonly CheckFinding[] | undefined,
): PreparedCheck {
  const textsOf = compileField(field)
  return (subject) => {
    const { texts, wrongType } = textsOf(subject.input)
    const findings = wrongTypeFindings(wrongType)
    for (const text of texts) {
      const found = judge(text, subject.input)
      if (found !== undefined) findings.push(...(Array.isArray(found) ? found : [found]))
    }
    return findings
  }
}

/** One `verify:wrong_type` finding for each path: what cannot be read cannot be let through. */
export function wrongTypeFindings(paths: readonly FieldPath[]): CheckFinding[] {
  return paths.map((path) => ({
    code: 'verify:wrong_type',
    message: 'A field that must be checked as text is not a string.',
    evidence: { path: [...path] },
    decision: 'deny',
  }))
}

interface Collected {
  readonly texts: FieldText[]
  readonly wrongType: FieldPath[]
}

function fieldList(field: JsonValue): readonly string[] {
  if (Array.isArray(field) && field.length > 0 && field.every((entry) => typeof entry === 'string'))
    return field
  throw new Error('field must be a dotted path or a list of dotted paths')
}

function splitPath(path: string): readonly string[] {
  const parts = path.split('.')
  if (parts.some((part) => part === '')) throw new Error(`field "${path}" has an empty part`)
  return parts
}

function plainField(name: string): (input: JsonObject) => FieldTexts {
  const path: FieldPath = [name]
  return (input) => {
    if (!Object.hasOwn(input, name)) return { texts: [], wrongType: [] }
    const value = input[name]
    return typeof value === 'string'
      ? { texts: [{ path, text: value }], wrongType: [] }
      : { texts: [], wrongType: [path] }
  }
}

function collect(
  value: JsonValue,
  parts: readonly string[],
  at: number,
  path: FieldPath,
  found: Collected,
): void {
  if (at === parts.length) {
    if (typeof value === 'string') found.texts.push({ path, text: value })
    else found.wrongType.push(path)
    return
  }
  const part = parts[at]!
  if (!canHold(value, part)) {
    found.wrongType.push(path)
    return
  }
  for (const [key, child] of children(value, part)) collect(child, parts, at + 1, [...path, key], found)
}

const INDEX = /^(?:0|[1-9]\d{0,8})$/

/** A list where a property is expected would hide its elements from the check. */
function canHold(value: JsonValue, part: string): boolean {
  return isList(value) ? part === '*' || INDEX.test(part) : isJsonObject(value)
}

function children(value: JsonValue, part: string): readonly (readonly [string | number, JsonValue])[] {
  if (isList(value)) {
    if (part === '*') return value.map((child, index) => [index, child] as const)
    if (!INDEX.test(part)) return []
    const index = Number(part)
    return index < value.length ? [[index, value[index]!]] : []
  }
  if (!isJsonObject(value)) return []
  if (part === '*') return Object.entries(value)
  return Object.hasOwn(value, part) ? [[part, value[part]!]] : []
}

interface Open {
  readonly parent: Open | null
  readonly key: string | number
  readonly value: JsonValue
}

function everyText(input: JsonObject, keys: boolean): FieldTexts {
  const texts: FieldText[] = []
  // A stack of its own: the depth of hostile input must not become the depth of ours.
  const open: Open[] = [{ parent: null, key: '', value: input }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value } = next
    if (typeof value === 'string') texts.push({ path: pathOf(next), text: value })
    else if (isList(value)) {
      for (let index = value.length - 1; index >= 0; index--)
        open.push({ parent: next, key: index, value: value[index]! })
    } else if (isJsonObject(value)) {
      const names = Object.keys(value)
      if (keys && names.length > 0) {
        const path = pathOf(next)
        for (const name of names) texts.push({ path: [...path, name], text: name, isKey: true })
      }
      for (let at = names.length - 1; at >= 0; at--)
        open.push({ parent: next, key: names[at]!, value: value[names[at]!]! })
    }
  }
  return { texts, wrongType: [] }
}

function pathOf(node: Open): FieldPath {
  const path: (string | number)[] = []
  for (let at: Open = node; at.parent !== null; at = at.parent) path.push(at.key)
  return path.toReversed()
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}
