import { SCHEMA_PACKAGES } from '../models/schemas.ts'
import { ALL } from '../models/classes.ts'
import type { Analysis } from './analysis.ts'
import type { Run } from './run.ts'
import { type ApiRef, type Ref, refValue, type Value } from './value.ts'

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

export function refTo(run: Run, ref: ApiRef, schema: Schema): Value {
  let known = knownIn.get(run.analysis)
  if (known === undefined) knownIn.set(run.analysis, (known = { all: [], byKey: new Map() }))
  return refValue(run.analysis.api(ref.package, `.<${idOf(known, schema)}>`))
}

export function schemaOf(run: Run, ref: ApiRef): Schema | null {
  const id = SCHEMA_PACKAGES.has(ref.package) ? /^\.<(\d+)>/.exec(ref.chain)?.[1] : undefined
  return id === undefined ? null : (knownIn.get(run.analysis)?.all[Number(id)] ?? null)
}

export function schemaIn(run: Run, value: Value | undefined): Schema | null {
  let found: Schema | null = null
  for (const ref of value?.refs ?? []) {
    const one = ref.kind === 'api' ? schemaOf(run, ref) : null
    if (one !== null) found = found === null ? one : unite(found, one)
  }
  return found
}

export function objectsIn(run: Run, value: Value | undefined): Map<string, Value> {
  const all = new Map<string, Value>()
  for (const ref of value?.refs ?? [])
    if (ref.kind === 'object') {
      ref.readers.add(run.fn)
      for (const [key, each] of ref.fields) if (all.size < FIELD_LIMIT) all.set(key, each)
    }
  return all
}

/** A field whose schema is not known lets all by. */
export function fieldsOf(run: Run, value: Value | undefined): ReadonlyMap<string, Schema> {
  return new Map([...objectsIn(run, value)].map(([key, each]) => [key, schemaIn(run, each) ?? leaf(ALL)]))
}

export function schemasIn(run: Run, list: Value | undefined): Schema[] {
  return [...objectsIn(run, list).values()].map((each) => schemaIn(run, each) ?? leaf(ALL))
}

export function unite(a: Schema, b: Schema): Schema {
  const fields = new Map(a.fields)
  for (const [key, each] of b.fields) {
    const known = fields.get(key)
    fields.set(key, known === undefined || known === each ? each : unite(known, each))
  }
  const element =
    a.element === null ? b.element : b.element === null ? a.element : unite(a.element, b.element)
  return { mask: a.mask | b.mask, fields, element, through: [...a.through, ...b.through].slice(0, 4) }
}
