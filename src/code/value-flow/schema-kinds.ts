import { ALL, CLASS } from '../models/classes.ts'
import { clearedBy } from '../models/effects.ts'
import { BOUNDS, FORMS, TEXT } from '../models/schemas.ts'
import { checkedByPattern } from './checked-by-pattern.ts'
import type { Run } from './run.ts'
import {
  fieldsOf,
  leaf,
  objectSchema,
  objectsIn,
  type Schema,
  schemaIn,
  schemasIn,
  unite,
} from './schema-refs.ts'
import { PLAIN, type Ref, type Value } from './value.ts'

const DEPTH_LIMIT = 6

/** A schema by the function that makes it. */
export function make(run: Run, name: string, args: readonly Value[]): Schema | null {
  const first = args[0]
  const inner = schemaIn(run, first)
  switch (name) {
    case 'object':
    case 'strictObject':
    case 'interface':
    case 'keys':
      return objectSchema(fieldsOf(run, first))
    case 'looseObject':
    case 'objectWithRest':
      return objectSchema(fieldsOf(run, first), leaf(ALL))
    case 'array':
    case 'set':
    case 'list':
      return { ...leaf(0), element: inner ?? leaf(ALL) }
    case 'tuple':
      return { ...leaf(0), element: schemasIn(run, first).reduce<Schema | null>(uniteAny, null) ?? leaf(ALL) }
    case 'record':
    case 'map':
      return { ...leaf(0), element: schemaIn(run, args[1]) ?? inner ?? leaf(ALL) }
    case 'union':
    case 'discriminatedUnion':
    case 'variant':
    case 'xor':
      return schemasIn(
        run,
        args[name === 'discriminatedUnion' || name === 'variant' ? 1 : 0],
      ).reduce<Schema | null>(uniteAny, null)
    case 'intersection':
    case 'intersect':
      return [
        ...schemasIn(run, first),
        ...args.flatMap((each) => schemaIn(run, each) ?? []),
      ].reduce<Schema | null>((all, each) => (all === null ? each : extend(all, each)), null)
    case 'pipe':
      return args.slice(1).reduce<Schema | null>((all, each) => {
        const step = schemaIn(run, each)
        return all === null || step === null
          ? all
          : { ...all, mask: all.mask & step.mask, through: [...all.through, ...step.through] }
      }, inner)
    case 'preprocess':
      return schemaIn(run, args[1])
    case 'transform':
      return { ...leaf(ALL & ~apiClears(first)), through: functionsOf(first) }
    case 'regex':
    case 'matches':
      return leaf(TEXT & ~byPattern(first))
    case 'toNumber':
    case 'toDate':
    case 'toBoolean':
      return leaf(0)
    case 'alternatives':
      return leaf(ALL)
    default:
  }
  if (BOUNDS.has(name)) return leaf(ALL & ~CLASS.redos)
  if (
    /^(?:optional|nullable|nullish|nonOptional|nonNullable|exactOptional|readonly|promise|partial|required|strict|fallback|_default|catch)/.test(
      name,
    )
  )
    return inner
  const mask = FORMS.get(name)
  return mask === undefined ? null : leaf(mask)
}

/** A schema after a method has narrowed, widened or wrapped it. */
export function narrow(run: Run, on: Schema, method: string, args: readonly Value[]): Schema {
  const first = args[0]
  const other = schemaIn(run, first)
  switch (method) {
    case 'regex':
    case 'pattern':
    case 'matches':
      return { ...on, mask: on.mask & ~byPattern(first) }
    case 'valid':
    case 'equal':
    case 'oneOf':
      return on.fields.size > 0 || on.element !== null ? on : { ...on, mask: 0 }
    case 'array':
      return { ...leaf(0), element: on }
    case 'items':
    case 'of':
      return other === null ? on : { ...leaf(0), element: other }
    case 'or':
      return other === null ? leaf(ALL) : unite(on, other)
    case 'try': {
      const all = [...schemasIn(run, first), ...args.flatMap((each) => schemaIn(run, each) ?? [])]
      return all.reduce<Schema | null>(uniteAny, null) ?? on
    }
    case 'and':
    case 'merge':
    case 'concat':
      return other === null ? on : extend(on, other)
    case 'extend':
    case 'safeExtend':
    case 'keys':
    case 'append':
    case 'shape':
      return extend(on, other ?? objectSchema(fieldsOf(run, first)))
    case 'passthrough':
    case 'loose':
    case 'unknown':
      return method === 'unknown' && on.fields.size === 0 ? on : { ...on, element: leaf(ALL) }
    case 'catchall':
      return { ...on, element: other ?? leaf(ALL) }
    case 'transform': {
      const mask = apiClears(first)
      return { ...on, mask: on.mask & ~mask, through: [...on.through, ...functionsOf(first)].slice(0, 4) }
    }
    case 'pipe':
      return other ?? on
    default:
  }
  if (on.fields.size > 0 || on.element !== null) return on
  if (BOUNDS.has(method)) return { ...on, mask: on.mask & ~CLASS.redos }
  const mask = FORMS.get(method)
  return mask === undefined || method === 'date' || method === 'text' ? on : { ...on, mask: on.mask & mask }
}

function uniteAny(all: Schema | null, each: Schema): Schema {
  return all === null ? each : unite(all, each)
}

function extend(a: Schema, b: Schema): Schema {
  return {
    ...a,
    mask: a.mask & b.mask,
    fields: new Map([...a.fields, ...b.fields]),
    element: b.element ?? a.element,
  }
}

function byPattern(value: Value | undefined): number {
  for (const ref of value?.refs ?? [])
    if (ref.kind === 'regex') return checkedByPattern(ref.pattern, ref.flags, true)
  return 0
}

function functionsOf(value: Value | undefined): readonly Ref[] {
  return (value?.refs ?? []).filter((each) => each.kind === 'function').slice(0, 4)
}

/** `transform(Number)` */
function apiClears(value: Value | undefined): number {
  for (const ref of value?.refs ?? [])
    if (ref.kind === 'api') return clearedBy(ref.package, ref.chain.replace(/^\./, ''))
  return 0
}

/** What is looked at of one JSON Schema: objects that are put together from parts may stand for any of many. */
const PART_LIMIT = 400

/** A JSON Schema, or one that a library has made where one may stand. */
export function fromJsonSchema(run: Run, value: Value, depth: number, left = { parts: PART_LIMIT }): Schema {
  const made = schemaIn(run, value)
  if (made !== null) return made
  left.parts -= 1
  if (left.parts < 0) return leaf(ALL)
  const at = objectsIn(run, value)
  if (at.has('enum') || at.has('const')) return leaf(0)
  if (depth > DEPTH_LIMIT) return leaf(ALL)
  for (const key of ['anyOf', 'oneOf']) {
    const options = [...objectsIn(run, at.get(key)).values()]
    if (options.length > 0)
      return options
        .map((each) => fromJsonSchema(run, each, depth + 1, left))
        .reduce((all, each) => unite(all, each))
  }
  const properties = objectsIn(run, at.get('properties'))
  if (properties.size > 0)
    return objectSchema(
      new Map([...properties].map(([key, each]) => [key, fromJsonSchema(run, each, depth + 1, left)])),
    )
  const items = at.get('items')
  if (items !== undefined) return { ...leaf(0), element: fromJsonSchema(run, items, depth + 1, left) }
  const type = at.get('type')
  const types = type?.constant === undefined ? [...objectsIn(run, type).values()] : [type]
  if (types.length === 0) return leaf(ALL)
  const kinds = types.map(({ constant }) => (typeof constant === 'string' ? FORMS.get(constant) : undefined))
  return leaf(kinds.reduce<number>((mask, each) => mask | (each ?? ALL), 0) & textLeft(at))
}

/** What the limits of a text in JSON Schema leave of its dangers. */
function textLeft(at: ReadonlyMap<string, Value>): number {
  let mask = ALL
  const pattern = at.get('pattern')?.constant
  if (typeof pattern === 'string') mask &= ~checkedByPattern(pattern, '', true)
  const format = at.get('format')?.constant
  if (typeof format === 'string') mask &= FORMS.get(format) ?? ALL
  const longest = at.get('maxLength')?.constant
  if (typeof longest === 'number' && longest <= 1000) mask &= ~CLASS.redos
  return mask
}

/** A schema of TypeBox: kinds are named with a capital, and what narrows them comes as options of JSON Schema. */
export function fromTypeBox(run: Run, name: string, args: readonly Value[]): Schema | null {
  switch (name) {
    case 'String':
      return leaf(TEXT & textLeft(objectsIn(run, args[0])))
    case 'RegExp':
      return leaf(TEXT & ~byPattern(args[0]))
    case 'Unsafe':
      return fromJsonSchema(run, args[0] ?? PLAIN, 0)
    case 'Const':
      return leaf(0)
    case 'Pick':
    case 'Omit':
    case 'Transform':
    case 'Composite':
      return schemaIn(run, args[0]) ?? make(run, 'intersect', args)
    default:
      return make(run, name.charAt(0).toLowerCase() + name.slice(1), args)
  }
}
