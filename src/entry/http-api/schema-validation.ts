import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js'
import { BelayError } from '../../errors/catalogue.ts'

const SHARED = {
  strict: true,
  allowUnionTypes: true,
  verbose: true,
  ownProperties: true,
  addUsedSchema: false,
} as const
/** Bodies are taken as they are: nothing is coerced, filled in or taken away. */
const bodies = new Ajv2020(SHARED)
/** Everything in an address is text, so numbers are read from it. */
const addresses = new Ajv2020({ ...SHARED, coerceTypes: true })

const PART: Readonly<Record<string, string>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'headers',
}

/**
 * A validator of a route's schema, which throws what it finds as `input:invalid`, naming the place. It is compiled with
 * its first use: a harness that starts has dozens of routes, and answers one.
 */
export function compileValidator(schema: object, httpPart: string): (value: unknown) => boolean {
  let compiled: ValidateFunction | undefined
  const part = PART[httpPart] ?? httpPart
  const mayBeMissing =
    httpPart === 'body' &&
    [(schema as { required?: unknown }).required ?? []].flat().length === 0 &&
    !('minProperties' in schema)
  return (value) => {
    // Fastify hands a missing body over as null.
    if (value === null && mayBeMissing) return true
    if (value === null && httpPart === 'body') {
      throw new BelayError('input:invalid', { where: part, expected: 'an object', got: 'nothing' })
    }
    const validate = (compiled ??= (httpPart === 'body' ? bodies : addresses).compile(schema))
    if (validate(value)) return true
    const fault = validate.errors?.[0]
    throw fault === undefined
      ? new BelayError('input:invalid', { where: part, expected: 'something else', got: 'this' })
      : faultOf(part, fault)
  }
}

function faultOf(part: string, fault: ErrorObject): BelayError {
  const place = placeOf(part, fault.instancePath)
  const params = fault.params as Readonly<Record<string, unknown>>
  const schema = (fault.parentSchema ?? {}) as Readonly<Record<string, unknown>>
  const got = describe(fault.data)
  switch (fault.keyword) {
    case 'required':
      return invalid(`${place}.${String(params['missingProperty'])}`, 'a value', 'nothing')
    case 'additionalProperties': {
      const known = Object.keys(schema['properties'] ?? {})
      const unknown = String(params['additionalProperty']).slice(0, 80)
      return invalid(
        place,
        known.length === 0 ? 'no fields' : `only ${known.join(', ')}`,
        `the unknown field ${JSON.stringify(unknown)}`,
      )
    }
    case 'type': {
      const types = [params['type']].flat().map((type) => ARTICLE[String(type)] ?? String(type))
      return invalid(place, types.join(' or '), got)
    }
    case 'enum':
      return invalid(place, `one of ${(params['allowedValues'] as unknown[]).map(String).join(', ')}`, got)
    case 'minProperties':
    case 'maxProperties':
    case 'pattern':
      return invalid(
        place,
        typeof schema['description'] === 'string' ? schema['description'] : 'another form',
        got,
      )
    case 'minLength':
      return invalid(place, `at least ${String(params['limit'])} character(s)`, got)
    case 'maxLength':
      return invalid(place, `at most ${String(params['limit'])} characters`, String(lengthOf(fault.data)))
    case 'maxItems':
      return invalid(place, `at most ${String(params['limit'])} items`, `${(fault.data as unknown[]).length}`)
    case 'minimum':
    case 'maximum':
      return invalid(
        place,
        `a number ${fault.keyword === 'minimum' ? 'from' : 'up to'} ${String(params['limit'])}`,
        got,
      )
    default:
      return invalid(place, fault.message ?? fault.keyword, got)
  }
}

const ARTICLE: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'an array',
  null: 'null',
}

function invalid(where: string, expected: string, got: string): BelayError {
  return new BelayError('input:invalid', { where, expected, got })
}

/** JSON Schema counts code points. */
function lengthOf(value: unknown): number {
  return Array.from(String(value)).length
}

function placeOf(part: string, pointer: string): string {
  let place = part
  for (const step of pointer.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~').slice(0, 60)
    place += /^\d+$/.test(name) ? `[${name}]` : `.${name}`
  }
  return place
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  const text = JSON.stringify(value)
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text
  return typeof value === 'string' ? shown : `the ${typeof value} ${shown}`
}
