import type { ErrorObject } from 'ajv'
import type { Check } from './check.ts'
import { didYouMean } from './did-you-mean.ts'
import { newAjv } from './input-schema.ts'
import type { PolicyFault } from './policy.ts'
import { policySchema } from './schema.ts'
import { describe } from './yaml-document.ts'
import type { DocumentPath, YamlDocument } from './yaml-document.ts'

const MAX_FAULTS = 100

type Validate = ReturnType<ReturnType<typeof newAjv>['compile']>
const validators = new WeakMap<readonly Check[], Validate>()

/** Holds the document against the schema of `belay.yaml` and says in plain words what does not fit. */
export function schemaFaults(
  document: YamlDocument,
  file: string,
  checks: readonly Check[],
): readonly PolicyFault[] {
  let validate = validators.get(checks)
  if (validate === undefined) {
    const unusable = unusableCheck(checks)
    if (unusable !== undefined) {
      const at = { file, line: 1, column: 1 }
      return [{ severity: 'error', code: 'policy:check', ...at, expected: 'usable checks', found: unusable }]
    }
    // Its parts are known to be schemas: the checks' options were looked at, the rest is ours.
    validate = newAjv({ allErrors: true, optimized: false, trusted: true }).compile(policySchema(checks))
    validators.set(checks, validate)
  }
  if (validate(document.content)) return []
  const errors = (validate.errors ?? []).filter((error, _at, all) => !isInsideAlternative(error, all))
  const faults = errors.slice(0, MAX_FAULTS).map((error) => documentFault(error, document, file))
  const seen = new Set<string>()
  return faults.filter((fault) => {
    const key = JSON.stringify(fault)
    return seen.has(key) ? false : seen.add(key)
  })
}

/** Checks of strangers, from plugins: a name that is taken or options that are no schema. */
function unusableCheck(checks: readonly Check[]): string | undefined {
  const names = new Set(['rule'])
  const ajv = newAjv({ optimized: false })
  for (const { name, options } of checks) {
    if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) return `the check "${name}": its name must be snake case`
    if (names.has(name)) return `the check ${name}: the name is taken`
    names.add(name)
    try {
      ajv.compile(options)
    } catch (error) {
      return `the check ${name}: its options are no JSON Schema: ${error instanceof Error ? error.message : String(error)}`
    }
  }
  return undefined
}

/** What one branch of a oneOf or anyOf misses says little; the fault is that no branch fits. */
function isInsideAlternative(error: ErrorObject, all: readonly ErrorObject[]): boolean {
  if (error.keyword === 'propertyNames') return false
  return all.some(
    (other) =>
      other !== error &&
      (other.keyword === 'oneOf' || other.keyword === 'anyOf') &&
      error.schemaPath.startsWith(`${other.schemaPath}/`),
  )
}

/** What a schema misses in a file, in plain words, with its place. */
export function documentFault(error: ErrorObject, document: YamlDocument, file: string): PolicyFault {
  const path = pathOf(error.instancePath, document)
  const at = (where: DocumentPath, what: 'value' | 'key') => document.position(where, what)
  const fault = (
    code: string,
    expected: string,
    found: string,
    position: { line: number; column: number },
  ) => ({
    severity: 'error' as const,
    code,
    file,
    line: position.line,
    column: position.column,
    expected: `${nameOf(path)}${expected}`,
    found,
  })
  const params = error.params as Record<string, unknown>
  const value = valueAt(document.content, path)

  switch (error.keyword) {
    case 'additionalProperties': {
      const field = String(params['additionalProperty'])
      const known = Object.keys((error.parentSchema?.['properties'] as object | undefined) ?? {})
      const position = at([...path, field], 'key')
      return fault(
        'policy:unknown_field',
        `one of ${known.join(', ')}${didYouMean(field, known)}`,
        field,
        position,
      )
    }
    case 'required':
      return fault(
        'policy:schema',
        `the field ${String(params['missingProperty'])}`,
        describe(value),
        at(path, 'key'),
      )
    case 'type':
      return fault('policy:schema', typeWords(params['type']), describe(value), at(path, 'value'))
    case 'enum': {
      const allowed = params['allowedValues'] as readonly unknown[]
      const guess = typeof value === 'string' ? didYouMean(value, allowed.map(String)) : ''
      return fault(
        'policy:schema',
        `one of ${allowed.join(', ')}${guess}`,
        describe(value),
        at(path, 'value'),
      )
    }
    case 'const':
      return fault('policy:schema', String(params['allowedValue']), describe(value), at(path, 'value'))
    case 'pattern':
    case 'oneOf':
    case 'anyOf': {
      const meant = error.parentSchema?.['description']
      const expected = typeof meant === 'string' ? meant : plain(error.message)
      return fault('policy:schema', expected, describe(value), at(path, 'value'))
    }
    case 'minProperties':
    case 'maxProperties':
      return fault(
        'policy:schema',
        'exactly one check',
        Object.keys(value as object).join(', ') || 'none',
        at(path, 'value'),
      )
    default:
      return fault('policy:schema', plain(error.message), describe(value), at(path, 'value'))
  }
}

function nameOf(path: DocumentPath): string {
  return path.length === 0 ? '' : `${path.join('.')}: `
}

function plain(message: string | undefined): string {
  return (message ?? 'something else').replace(/^must (?:be |have )?/, '').replace('NOT', 'not')
}

function typeWords(type: unknown): string {
  const words: Readonly<Record<string, string>> = {
    object: 'a map',
    array: 'a list',
    string: 'a text',
    number: 'a number',
    integer: 'a whole number',
    boolean: 'true or false',
    null: 'nothing',
  }
  const types = (Array.isArray(type) ? type : String(type).split(',')) as readonly string[]
  return types
    .filter((one, _at, all) => one !== 'null' || all.length === 1)
    .map((one) => words[one] ?? one)
    .join(' or ')
}

function pathOf(pointer: string, document: YamlDocument): (string | number)[] {
  const path: (string | number)[] = []
  let value: unknown = document.content
  for (const raw of pointer.split('/').slice(1)) {
    const key = raw.replaceAll('~1', '/').replaceAll('~0', '~')
    const step = Array.isArray(value) ? Number(key) : key
    path.push(step)
    value = (value as Record<string | number, unknown> | undefined)?.[step]
  }
  return path
}

export function valueAt(content: unknown, path: DocumentPath): unknown {
  let value = content
  for (const step of path) value = (value as Record<string | number, unknown> | null | undefined)?.[step]
  return value
}
