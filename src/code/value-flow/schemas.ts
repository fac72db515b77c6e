import type { Call } from '../flow-graph/expressions.ts'
import { ALL } from '../models/classes.ts'
import { SCHEMA_PACKAGES } from '../models/schemas.ts'
import type { ApiCall } from './call-api.ts'
import { elementOf, load } from './load.ts'
import { PART, type Run } from './run.ts'
import { fromJsonSchema, fromTypeBox, make, narrow } from './schema-kinds.ts'
import { refTo, type Schema, schemaIn, schemaOf } from './schema-refs.ts'
import { join, type Label, mapTaints, PLAIN, type Ref, refValue, type Value, valueOf } from './value.ts'

const DEPTH_LIMIT = 6

/** A call of a package that makes schemas; null where nothing is known of it. */
export function callSchema(run: Run, { ref, args, node }: ApiCall, method: string): Value | null {
  if (!SCHEMA_PACKAGES.has(ref.package)) return null
  const on = schemaOf(run, ref)
  if (ref.package.startsWith('ajv')) {
    if (on !== null) return PLAIN
    return method === 'compile' ? refTo(run, ref, fromJsonSchema(run, args[0] ?? PLAIN, 0)) : null
  }
  if (TYPEBOX.test(ref.package)) {
    const schema = fromTypeBox(run, method, args)
    return schema === null ? null : refTo(run, ref, schema)
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

const TYPEBOX = /typebox$|^@fastify\/type-provider-typebox$/

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
