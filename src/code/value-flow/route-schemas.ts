import type { Call, Expression } from '../flow-graph/expressions.ts'
import type { FunctionInfo } from '../flow-graph/functions.ts'
import { PART, type Run } from './run.ts'
import { fromJsonSchema } from './schema-kinds.ts'
import { fieldsOf, objectSchema, objectsIn, type Schema, schemaIn, unite } from './schema-refs.ts'
import { applied } from './schemas.ts'
import { PLAIN, type Value } from './value.ts'

/** Parts of what a handler is given that were checked before it is called, each with the schema. */
export type Inputs = ReadonlyMap<string, Schema>

/** As frameworks call the parts in their declarations, and as handlers read them. */
const PARTS: Readonly<Record<string, string>> = {
  body: 'body',
  json: 'body',
  form: 'body',
  query: 'query',
  querystring: 'query',
  params: 'params',
  param: 'params',
  headers: 'headers',
}

/** `app.get(path, { schema: { querystring } }, handler)`: Fastify checks it. */
export function routeInputs(run: Run, args: readonly Value[]): Inputs | null {
  const found = new Map<string, Schema>()
  for (const options of args) {
    const declared = objectsIn(run, objectsIn(run, options).get('schema'))
    for (const [key, each] of declared) {
      const part = PARTS[key]
      if (part !== undefined && key !== 'json') found.set(part, fromJsonSchema(run, each, 0))
    }
  }
  return found.size === 0 ? null : found
}

/**
 * `app.post(path, zValidator('json', schema), handler)`, `router.post(path, validate(schema), handler)`: what stands
 * before a handler and is given a schema holds the request to it.
 */
export function middlewareInputs(run: Run, nodes: readonly Expression[]): Inputs | null {
  const found = new Map<string, Schema>()
  for (const node of nodes) {
    if (node.kind !== 'call' || node.args.length > 3) continue
    const name = calledName(node)
    if (!/valid|schema|parse|check|celebrate/i.test(name)) continue
    const values = node.args.map((each) => PART.evaluate(run, each))
    for (const value of values) {
      const schema = schemaIn(run, value)
      const parts = schema?.fields ?? fieldsOf(run, value)
      const named = [...parts].filter(([key]) => PARTS[key] !== undefined)
      if (named.length > 0 && named.length === parts.size)
        for (const [key, each] of named) keep(found, PARTS[key] as string, each)
      else if (schema !== null) {
        const part = values.map((each) => PARTS[String(each.constant)]).find((each) => each !== undefined)
        keep(found, part ?? (/quer/i.test(name) ? 'query' : /param/i.test(name) ? 'params' : 'body'), schema)
        keep(found, 'valid', schema)
      }
    }
  }
  return found.size === 0 ? null : found
}

function keep(found: Map<string, Schema>, part: string, schema: Schema): void {
  const known = found.get(part)
  found.set(part, known === undefined ? schema : unite(known, schema))
}

function calledName({ callee }: Call): string {
  return callee.kind === 'name' ? callee.name : callee.kind === 'member' ? (callee.property ?? '') : ''
}

/** `procedure.input(schema).query(handler)` */
export function chainedInputs(run: Run, node: Call): Inputs | null {
  const found = new Map<string, Schema>()
  let each: Expression = node.callee
  for (let hops = 0; hops < 20; hops++) {
    if (each.kind === 'member') each = each.object
    else if (each.kind === 'call') {
      const [first] = each.args
      if (/^(?:input|schema|inputSchema)$/.test(calledName(each)) && first !== undefined) {
        const schema = schemaIn(run, PART.evaluate(run, first))
        if (schema !== null) for (const part of ['input', 'parsedInput']) keep(found, part, schema)
      }
      each = each.callee
    } else break
  }
  return found.size === 0 ? null : found
}

/** A schema, or an object of schemas as tools are declared with. */
export function toolSchema(run: Run, value: Value | undefined): Schema | null {
  const made = schemaIn(run, value)
  if (made !== null || value === undefined) return made
  const fields = objectsIn(run, value)
  if (fields.size === 0 || ![...fields.values()].every((each) => schemaIn(run, each) !== null)) return null
  return objectSchema(fieldsOf(run, value))
}

/** A handler is called once the schemas have let the parts of its input by. */
export function keepInputs(run: Run, fn: FunctionInfo, inputs: Inputs | null): void {
  const summary = run.analysis.summaryOf(fn)
  if (inputs === null || summary.inputs !== null) return
  summary.inputs = inputs
  if (summary.epoch > 0) run.analysis.enqueue(fn)
}

const NESTED = 4

/** A part of a handler's input as the schema has let it by; the value itself where none is known. */
export function validated(run: Run, part: string, value: Value, site: object): Value {
  let fn: FunctionInfo | null = run.fn
  for (let depth = 0; fn !== null && depth < NESTED; depth++, fn = fn.parent) {
    const schema = run.analysis.summaryOf(fn).inputs?.get(part)
    if (schema === undefined) continue
    const known = applied(run, schema, { ...value, refs: [] }, site, '', 0)
    return { ...PLAIN, taints: known.taints, refs: [...known.refs, ...value.refs] }
  }
  return value
}
