import type { Call } from '../flow-graph/expressions.ts'
import { ALL, CLASS } from '../models/classes.ts'
import { clearedBy } from '../models/effects.ts'
import { BOUNDS, FORMS, SCHEMA_PACKAGES, TEXT } from '../models/schemas.ts'
import type { Analysis } from './analysis.ts'
import type { ApiCall } from './call-api.ts'
import { checkedByPattern } from './checked-by-pattern.ts'
import { elementOf, load } from './load.ts'
import { PART, type Run } from './run.ts'
import {
  type ApiRef,
  join,
  type Label,
  mapTaints,
  PLAIN,
  type Ref,
  refValue,
  type Value,
  valueOf,
} from './value.ts'

/** What a schema lets by. */
export interface Schema {
  /** What a value itself may still be dangerous for; 0 for objects and lists, whose parts say it. */
  readonly mask: number
  readonly fields: ReadonlyMap<string, Schema>
  /** Elements of lists, and values under other keys. */
  readonly element: Schema | null
  /** Functions that the value goes through. */
  readonly through: readonly Ref[]
}

const NO_FIELDS: ReadonlyMap<string, Schema> = new Map()
const SCHEMA_LIMIT = 20_000
const FIELD_LIMIT = 200
const DEPTH_LIMIT = 6

export function leaf(mask: number): Schema {
  return { mask, fields: NO_FIELDS, element: null, through: [] }
}

export function objectSchema(fields: ReadonlyMap<string, Schema>, element: Schema | null = null): Schema {
  return { mask: 0, fields, element, through: [] }
}

/** Schemas are told apart by what they say, so that what refers to one need not be looked at again. */
interface Known {
  readonly all: Schema[]
  readonly byKey: Map<string, number>
}

const knownIn = new WeakMap<Analysis, Known>()

function idOf(known: Known, schema: Schema): number {
  const fields = [...schema.fields].map(([key, each]) => `${JSON.stringify(key)}:${idOf(known, each)}`)
  const element = schema.element === null ? '' : idOf(known, schema.element)
  const key = `${schema.mask}{${fields.join()}}[${element}](${schema.through.map((each) => each.id).join()})`
  let id = known.byKey.get(key)
  if (id === undefined) {
    if (known.all.length >= SCHEMA_LIMIT) return -1
    id = known.all.push(schema) - 1
    known.byKey.set(key, id)
  }
  return id
}

function refTo(run: Run, ref: ApiRef, schema: Schema): Value {
  let known = knownIn.get(run.analysis)
  if (known === undefined) knownIn.set(run.analysis, (known = { all: [], byKey: new Map() }))
  return refValue(run.analysis.api(ref.package, `.<${idOf(known, schema)}>`))
}

function schemaOf(run: Run, ref: ApiRef): Schema | null {
  const id = SCHEMA_PACKAGES.has(ref.package) ? /^\.<(\d+)>/.exec(ref.chain)?.[1] : undefined
  return id === undefined ? null : (knownIn.get(run.analysis)?.all[Number(id)] ?? null)
}

function schemaIn(run: Run, value: Value | undefined): Schema | null {
  let found: Schema | null = null
  for (const ref of value?.refs ?? []) {
    const one = ref.kind === 'api' ? schemaOf(run, ref) : null
    if (one !== null) found = found === null ? one : unite(found, one)
  }
  return found
}

/** A call of a package that makes schemas; null where nothing is known of it. */
export function callSchema(run: Run, { ref, args, node }: ApiCall, method: string): Value | null {
  if (!SCHEMA_PACKAGES.has(ref.package)) return null
  const on = schemaOf(run, ref)
  if (ref.package.startsWith('ajv')) {
    if (on !== null) return PLAIN
    return method === 'compile' ? refTo(run, ref, fromJsonSchema(run, args[0] ?? PLAIN, 0)) : null
  }
  if (on === null) {
    const given = method === 'attempt' ? args : [args[1] ?? PLAIN, args[0]]
    const schema = schemaIn(run, given[1])
    if (schema !== null && given[0] !== undefined) {
      const applied = result(run, method, schema, given[0], node, ref.package)
      if (applied !== null) return applied
    }
    const made = make(run, method, args)
    return made === null ? null : refTo(run, ref, made)
  }
  const applied = result(run, method, on, args[0] ?? PLAIN, node, ref.package)
  return applied ?? refTo(run, ref, narrow(run, on, method, args))
}

/** What checking a value gives; null for a method that does not. */
function result(
  run: Run,
  method: string,
  schema: Schema,
  value: Value,
  node: Call,
  from: string,
): Value | null {
  const inField = /^(?:safeParse|safeParseAsync|safeDecode|safeDecodeAsync|spa)$/.test(method)
    ? from === 'valibot'
      ? 'output'
      : 'data'
    : method === 'validate' && from.endsWith('joi')
      ? 'value'
      : null
  if (
    inField === null &&
    !/^(?:parse|parseAsync|decode|decodeAsync|attempt|validate|validateSync|validateAsync|cast)$/.test(method)
  )
    return null
  const out = applied(run, schema, value, node, '', 0)
  if (inField === null) return out
  const object = run.analysis.objectAt(siteOf(node, inField), run.fn)
  run.analysis.writeField(object, inField, out)
  return refValue(object)
}

/** A value that a schema has let by: made anew, of what the schema knows. */
export function applied(
  run: Run,
  schema: Schema,
  value: Value,
  node: object,
  path: string,
  depth: number,
): Value {
  let out = valueOf(mapTaints(value, (each) => ({ ...each, mask: each.mask & schema.mask })))
  if (depth < DEPTH_LIMIT && (schema.fields.size > 0 || schema.element !== null)) {
    const object = run.analysis.objectAt(siteOf(node, `${path}.`), run.fn, schema.fields.size === 0)
    for (const [key, each] of schema.fields) {
      const field = run.env.checked(load(run, value, key, PLAIN, node as Call))
      run.analysis.writeField(object, key, applied(run, each, field, node, `${path}.${key}`, depth + 1))
    }
    if (schema.element !== null) {
      const element = applied(run, schema.element, elementOf(run, value), node, `${path}.*`, depth + 1)
      if (element !== PLAIN) run.analysis.writeField(object, null, element)
    }
    out = join(out, refValue(object))
  }
  for (const fn of schema.through) {
    if (fn.kind === 'function') out = PART.invoke(run, refValue(fn), [out], PLAIN, node as Call)
  }
  return out
}

const sites = new WeakMap<object, Map<string, object>>()

function siteOf(node: object, path: string): object {
  let byPath = sites.get(node)
  if (byPath === undefined) sites.set(node, (byPath = new Map()))
  let site = byPath.get(path)
  if (site === undefined) byPath.set(path, (site = {}))
  return site
}

/** A schema by the function that makes it. */
function make(run: Run, name: string, args: readonly Value[]): Schema | null {
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
function narrow(run: Run, on: Schema, method: string, args: readonly Value[]): Schema {
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

function unite(a: Schema, b: Schema): Schema {
  const fields = new Map(a.fields)
  for (const [key, each] of b.fields) {
    const known = fields.get(key)
    fields.set(key, known === undefined || known === each ? each : unite(known, each))
  }
  const element =
    a.element === null ? b.element : b.element === null ? a.element : unite(a.element, b.element)
  return { mask: a.mask | b.mask, fields, element, through: [...a.through, ...b.through].slice(0, 4) }
}

function extend(a: Schema, b: Schema): Schema {
  return {
    ...a,
    mask: a.mask & b.mask,
    fields: new Map([...a.fields, ...b.fields]),
    element: b.element ?? a.element,
  }
}

function objectsIn(run: Run, value: Value | undefined): Map<string, Value> {
  const all = new Map<string, Value>()
  for (const ref of value?.refs ?? [])
    if (ref.kind === 'object') {
      ref.readers.add(run.fn)
      for (const [key, each] of ref.fields) if (all.size < FIELD_LIMIT) all.set(key, each)
    }
  return all
}

/** A field whose schema is not known lets all by. */
function fieldsOf(run: Run, value: Value | undefined): ReadonlyMap<string, Schema> {
  return new Map([...objectsIn(run, value)].map(([key, each]) => [key, schemaIn(run, each) ?? leaf(ALL)]))
}

function schemasIn(run: Run, list: Value | undefined): Schema[] {
  return [...objectsIn(run, list).values()].map((each) => schemaIn(run, each) ?? leaf(ALL))
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

function fromJsonSchema(run: Run, value: Value, depth: number): Schema {
  const at = objectsIn(run, value)
  if (at.has('enum') || at.has('const')) return leaf(0)
  if (depth > DEPTH_LIMIT) return leaf(ALL)
  const properties = objectsIn(run, at.get('properties'))
  if (properties.size > 0)
    return objectSchema(
      new Map([...properties].map(([key, each]) => [key, fromJsonSchema(run, each, depth + 1)])),
    )
  const items = at.get('items')
  if (items !== undefined) return { ...leaf(0), element: fromJsonSchema(run, items, depth + 1) }
  const type = at.get('type')?.constant
  if (typeof type !== 'string') return leaf(ALL)
  let mask = FORMS.get(type) ?? ALL
  const pattern = at.get('pattern')?.constant
  if (typeof pattern === 'string') mask &= ~checkedByPattern(pattern, '', true)
  const format = at.get('format')?.constant
  if (typeof format === 'string') mask &= FORMS.get(format) ?? ALL
  return leaf(mask)
}

/**
 * Takes from a value what a compiled JSON Schema has excluded, field by field; false when the call is of none. The
 * value stays the one that was checked.
 */
export function excludeBySchema(run: Run, ref: Ref, arg: Value | undefined): boolean {
  const schema = ref.kind === 'api' && ref.package.startsWith('ajv') ? schemaOf(run, ref) : null
  if (schema === null) return false
  const mark = (label: Label, each: Schema, depth: number): void => {
    if (each.fields.size === 0 && each.element === null) return run.env.markSafe(label, ALL & ~each.mask)
    if (depth > DEPTH_LIMIT) return
    for (const [key, field] of each.fields) mark(run.analysis.child(label, key), field, depth + 1)
    if (each.element !== null) mark(run.analysis.child(label, '*'), each.element, depth + 1)
  }
  for (const taint of arg?.taints ?? []) mark(taint.label, schema, 0)
  return true
}
