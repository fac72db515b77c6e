import type { Run } from './run.ts'
import { join, type ObjectRef, PLAIN, type Value } from './value.ts'

/**
 * What a list or dictionary holds at one point of the function that made it. Objects of the analysis only ever grow,
 * so that they hold for all callers; while nobody else has got hold of one, more is known: which element is where,
 * and what has been replaced or taken out again.
 */
export interface Shape {
  /** Elements in order; null for a dictionary. */
  readonly list: readonly Value[] | null
  readonly fields: ReadonlyMap<string, Value>
}

const SIZE_LIMIT = 64
const NO_FIELDS: ReadonlyMap<string, Value> = new Map()

export function listShape(list: readonly Value[]): Shape {
  return { list, fields: NO_FIELDS }
}

export function fieldsShape(fields: ReadonlyMap<string, Value>): Shape {
  return { list: null, fields }
}

/** In loops one place makes many objects, of which the last would be taken for all. */
export function track(run: Run, object: ObjectRef, shape: Shape): void {
  if (run.module.language !== 'python' || run.loops > 0 || object.maker !== run.fn) return
  change(run, object, shape)
}

/** A shape that is known changes; one that has grown too large is no longer known. */
export function change(run: Run, object: ObjectRef, shape: Shape): void {
  const { env } = run
  if ((shape.list?.length ?? shape.fields.size) > SIZE_LIMIT) env.shapes?.delete(object)
  else (env.shapes ??= new Map()).set(object, shape)
}

/** The one object that a value is, if its shape is known. */
export function shaped(run: Run, value: Value): { object: ObjectRef; shape: Shape } | null {
  if (run.env.shapes === null || value.taints.length > 0) return null
  const objects = value.refs.filter((each) => each.kind === 'object')
  const [object] = objects
  if (object === undefined || objects.length > 1) return null
  const shape = run.env.shapes.get(object)
  return shape === undefined ? null : { object, shape }
}

/** What lies in an object whose shape is known; null where it is not. A field null: any of them. */
export function fromShape(run: Run, object: ObjectRef, field: string | null): Value | null {
  const shape = run.env.shapes?.get(object)
  if (shape === undefined) return null
  const { list, fields } = shape
  if (field === null) return anyOf(list ?? [...fields.values()])
  if (list === null) return fields.get(field) ?? PLAIN
  if (!/^-?\d+$/.test(field)) return null
  return list.at(Number(field)) ?? PLAIN
}

function anyOf(values: readonly Value[]): Value {
  let all = PLAIN
  for (const each of values) all = join(all, { ...each, constant: undefined, prefix: '' })
  return all
}

/** Others may change what a value refers to from now on. */
export function forget(run: Run, value: Value, depth = 0): void {
  const { shapes } = run.env
  if (shapes === null || depth > 6) return
  for (const ref of value.refs) {
    if (ref.kind !== 'object') continue
    const shape = shapes.get(ref)
    if (shape === undefined) continue
    shapes.delete(ref)
    for (const each of shape.list ?? shape.fields.values()) forget(run, each, depth + 1)
  }
}

export type Shapes = Map<ObjectRef, Shape>

/** What is known after either of two ways. */
export function joinShapes(a: Shapes | null, b: Shapes | null): Shapes | null {
  if (a === null || b === null) return null
  const both: Shapes = new Map()
  for (const [object, shape] of a) {
    const other = b.get(object)
    const joined = other === undefined ? null : joinShape(shape, other)
    if (joined !== null) both.set(object, joined)
  }
  return both
}

function joinShape(a: Shape, b: Shape): Shape | null {
  if (a === b) return a
  if (a.list !== null && b.list !== null) {
    const other = b.list
    if (a.list.length !== other.length) return null
    return listShape(a.list.map((each, index) => join(each, other[index] as Value)))
  }
  if (a.list !== null || b.list !== null) return null
  const fields = new Map(a.fields)
  for (const [key, value] of b.fields) {
    const known = fields.get(key)
    fields.set(key, known === undefined ? value : join(known, value))
  }
  return fieldsShape(fields)
}
