import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ErrorObject } from 'ajv'
import { canonicalJson } from '../action/digest.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import { linearRegExp } from './linear-regexp.ts'
import type { SchemaFault } from './policy.ts'

/** Characters of one input schema as JSON. */
const MAX_SCHEMA_LENGTH = 64_000
const MAX_WHERE_LENGTH = 200

/**
 * Compiles the JSON Schema (2020-12) of an action's input. Patterns run in linear time, `uniqueItems` too;
 * references lead nowhere but into the schema itself. Throws a plain sentence for an unusable schema.
 */
export function compileInputSchema(schema: JsonValue): (input: JsonObject) => SchemaFault | undefined {
  if (JSON.stringify(schema).length > MAX_SCHEMA_LENGTH)
    throw new Error(`a schema may have ${MAX_SCHEMA_LENGTH} characters`)
  refuseRemote(schema)
  const ajv = sharedAjv()
  const validate = ajv.compile(schema as JsonObject)
  if (typeof schema === 'object') ajv.removeSchema(schema as JsonObject)
  return (input) => {
    if (validate(input)) return undefined
    return schemaFault(validate.errors?.[0])
  }
}

// Values come from strangers: every pattern here is free of nested repetition.
const FORMATS: Readonly<Record<string, (value: string) => boolean>> = {
  email: (value) => value.length <= 320 && /^[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+$/.test(value),
  uri: (value) => value.length <= 8192 && /^[a-z][a-z0-9+.-]*:/i.test(value) && URL.canParse(value),
  uuid: (value) => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(value),
  date: (value) => /^\d{4}-\d\d-\d\d$/.test(value) && isDate(value),
  'date-time': (value) =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i.test(value) &&
    isDate(value.slice(0, 10)) &&
    !Number.isNaN(Date.parse(value)),
  ipv4: (value) => /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(value),
}

// One Ajv for many schemas saves compiling its meta-schema for each; a new one now and then frees what it kept.
const SCHEMAS_PER_AJV = 1000
let shared = newAjv()
let compiledByShared = 0

function sharedAjv(): Ajv2020 {
  if (++compiledByShared > SCHEMAS_PER_AJV) {
    shared = newAjv()
    compiledByShared = 1
  }
  return shared
}

/**
 * An Ajv that is safe for schemas and data of strangers. What runs once is best not `optimized`: that takes longer than
 * the run.
 */
export function newAjv(
  options: { readonly allErrors?: boolean; readonly optimized?: boolean; readonly trusted?: boolean } = {},
): Ajv2020 {
  const regExp = Object.assign((pattern: string) => linearRegExp(pattern), { code: 'linearRegExp' })
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    strictTuples: false,
    allowUnionTypes: true,
    allErrors: options.allErrors ?? false,
    // Faults of the policy name what the schema knows; data of strangers stays out of errors.
    verbose: options.allErrors ?? false,
    // A property that is only inherited, such as "constructor", is not there.
    ownProperties: true,
    addUsedSchema: false,
    logger: false,
    validateSchema: !(options.trusted ?? false),
    code: { regExp: regExp, optimize: options.optimized ?? true },
  })
  // Ajv follows anchors, but its strict mode does not know them.
  ajv.addKeyword('$anchor')
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    error: { message: 'must NOT have duplicate items' },
    validate: (wanted: boolean, items: readonly JsonValue[]) =>
      !wanted || new Set(items.map((item) => canonicalJson(item))).size === items.length,
  })
  for (const [name, format] of Object.entries(FORMATS)) ajv.addFormat(name, format)
  return ajv
}

function isDate(value: string): boolean {
  const date = new Date(`${value}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(value)
}

const REFERENCES: ReadonlySet<string> = new Set(['$ref', '$dynamicRef'])
const REFUSED: ReadonlySet<string> = new Set(['$id', '$async', '$vocabulary'])
// Below these keywords stand names or data of the user's, not keywords.
const DATA: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples', 'example'])
const NAMED: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
  'dependentRequired',
])

function refuseRemote(schema: JsonValue): void {
  const open: { readonly value: JsonValue; readonly names: boolean }[] = [{ value: schema, names: false }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, names } = next
    if (Array.isArray(value)) {
      for (const item of value as readonly JsonValue[]) open.push({ value: item, names: false })
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, child] of Object.entries(value)) {
        if (!names && DATA.has(key)) continue
        if (!names && REFUSED.has(key)) throw new Error(`${key} is not allowed in an input schema`)
        if (!names && REFERENCES.has(key) && !(typeof child === 'string' && child.startsWith('#')))
          throw new Error(`${key} must stay inside the schema (#/…)`)
        open.push({ value: child, names: !names && NAMED.has(key) })
      }
    }
  }
}

/** The message comes from the schema alone; the pointer holds names of the input, never its values. */
function schemaFault(error: ErrorObject | undefined): SchemaFault {
  if (error === undefined) return { where: '', message: 'does not fit the schema' }
  const { instancePath } = error
  const where =
    instancePath.length > MAX_WHERE_LENGTH ? `${instancePath.slice(0, MAX_WHERE_LENGTH)}…` : instancePath
  return { where, message: error.message ?? 'does not fit the schema' }
}
