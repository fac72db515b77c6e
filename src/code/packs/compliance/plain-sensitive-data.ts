import type { Expression, Span } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { type Effects, nodesIn } from '../../effects/effects.ts'
import { isRequest } from '../../effects/sizes.ts'
import type { Operation } from '../../effects/operation.ts'
import type { Hit, Rule } from '../rule.ts'
import { type Entity, plain } from './inventory/entity.ts'
import { inventoryOf } from './inventory/inventory.ts'
import { personalValuesOf } from './personal-values.ts'

const PASSWORD = /^(?:password|passwd|pwd|passwordhash|hashedpassword|pin|passcode)$/
const CARD = /^(?:cardnumber|creditcard(?:number)?|pan|cvv|cvc|cardcvv|cardcvc|securitycode)$/
/** Without any of these words in a file there is nothing to look for. */
const SPEAKS =
  /passw|pwd|card|pan\b|cv[vc]|security|diagnos|medic|health|allerg|blood|relig|ethnic|symptom|disab|politic|sexual|diet|hiv|prescri/i
const PROTECTS =
  /hash|encrypt|bcrypt|argon|scrypt|pbkdf|digest|cipher|seal|protect|derive|kms|vault|tokeni[sz]e|hmac|sha\d|crypt/i

export const PLAIN_SENSITIVE_DATA: Rule = {
  info: {
    id: 'compliance/plain-sensitive-data',
    title: 'Passwords, card or health data in plain text',
    cwe: 'CWE-312',
    tags: ['CWE-256', 'GDPR Art. 32(1)(a)', 'GDPR Art. 9', 'CCPA §1798.150', 'SOC 2 CC6.1', 'PCI DSS 3.5'],
    severity: 'error',
    help: 'Hash passwords with argon2, scrypt or bcrypt and compare with its verify; leave cards to the payment provider and keep its token; encrypt health data by field with a key outside the database.',
  },
  *find(effects) {
    for (const module of effects.program.modules) {
      if (module.test || /\.[jt]sx$/.test(module.path) || !SPEAKS.test(module.text)) continue
      for (const within of module.functions) {
        for (const operation of effects.operations(within)) yield* stored(operation, within, effects)
        yield* assigned(within, effects)
        yield* compared(within, effects)
      }
    }
  },
}

function kindOf(field: string, entity: Entity | null): string | null {
  const name = plain(field)
  if (PASSWORD.test(name))
    return entity !== null && entity.hashes ? null : name === 'pin' || name === 'passcode' ? null : 'password'
  if (CARD.test(name)) return 'card number'
  return entity?.fields.get(name)?.category === 'health or belief' ? 'health data' : null
}

function* stored(operation: Operation, within: FunctionInfo, effects: Effects): Iterable<Hit> {
  if (operation.kind !== 'database' || (operation.access !== 'insert' && operation.access !== 'update'))
    return
  const entity = inventoryOf(effects).of(operation)
  for (const [field, value] of written(operation, effects, within)) {
    const kind = kindOf(field, entity)
    if (kind === null || !isPlain(value, effects)) continue
    yield hit(within, operation.call, kind, operation.entity)
    return
  }
}

function hit(within: FunctionInfo, span: Span, kind: string, entity: string | null): Hit {
  return {
    module: within.module,
    span,
    message: `A ${kind} is stored${entity === null || entity.length > 40 ? '' : ` in \`${entity}\``} as it came in.`,
    ...(kind === 'password'
      ? { fix: 'Store the hash that argon2, scrypt or bcrypt makes of it, and compare with its verify.' }
      : {}),
  }
}

/** Fields and values of a write: of object literals, and of the columns that an INSERT names. */
function* written(
  operation: Operation,
  effects: Effects,
  within: FunctionInfo,
): Iterable<[string, Expression]> {
  const { data, sql } = operation
  if (sql !== null) {
    if (data?.kind !== 'array') return
    const columns =
      /\binto\s+\S+\s*\(([^)]*)\)/i.exec(sql)?.[1]?.split(',') ??
      [...sql.matchAll(/["`]?(\w+)["`]?\s*=\s*(?:\?|\$\d+)/g)].map((each) => each[1] as string)
    for (const [index, value] of data.elements.entries()) {
      const column = columns[index]
      if (value !== null && column !== undefined) yield [column.trim().replace(/["`]/g, ''), value]
    }
    return
  }
  for (const each of objectsOf(data, effects, within))
    for (const property of each.properties)
      if (property.key !== null && !property.spread) yield [property.key, property.value]
}

function objectsOf(
  data: Expression | null,
  effects: Effects,
  within: FunctionInfo,
): Extract<Expression, { kind: 'object' }>[] {
  if (data?.kind === 'object') return [data]
  if (data?.kind === 'array') return data.elements.flatMap((each) => (each?.kind === 'object' ? [each] : []))
  if (data?.kind !== 'name' || data.variable === null) return []
  const definitions = effects.bindings.definitions.get(data.variable) ?? []
  const [only] = definitions
  return definitions.length === 1 &&
    only?.path.length === 0 &&
    only.value.kind === 'object' &&
    within !== null
    ? [only.value]
    : []
}

/** `user.password = newPassword`, with `user` a row of a model. */
function* assigned(within: FunctionInfo, effects: Effects): Iterable<Hit> {
  for (const node of nodesIn(...within.body)) {
    if (node.kind !== 'assign' || node.target.kind !== 'member' || node.target.property === null) continue
    const name = plain(node.target.property)
    if (!PASSWORD.test(name)) continue
    const rows = personalValuesOf(effects)
      .of(node.target.object, within)
      .flatMap((each) => (each.kind === 'record' && !each.entity.hashes ? [each.entity] : []))
    const [entity] = rows
    if (entity !== undefined && isPlain(node.value, effects)) yield hit(within, node, 'password', entity.name)
  }
}

/** `user.password !== req.body.password`: what is compared as it is was stored as it is. */
function* compared(within: FunctionInfo, effects: Effects): Iterable<Hit> {
  for (const node of nodesIn(...within.body)) {
    if (node.kind !== 'binary' || !/^[!=]==?$/.test(node.operator)) continue
    for (const [kept, given] of [
      [node.left, node.right],
      [node.right, node.left],
    ] as const) {
      if (kept.kind !== 'member' || !/^(?:password|passwd|pwd)$/.test(plain(kept.property ?? ''))) continue
      const row = personalValuesOf(effects)
        .of(kept.object, within)
        .some((each) => each.kind === 'record')
      if (!row || !isPlain(given, effects)) continue
      yield {
        module: within.module,
        span: node,
        message: 'The password is compared as text: it is stored in plain.',
        fix: 'Store a hash and compare with the verify function of argon2, scrypt or bcrypt.',
      }
      break
    }
  }
}

/** Whether a value is what somebody typed: a parameter or part of a request, through no function that protects it. */
function isPlain(value: Expression, effects: Effects, depth = 0): boolean {
  if (depth > 5) return false
  switch (value.kind) {
    case 'name': {
      if (value.variable === null || PROTECTS.test(value.name)) return false
      const definitions = effects.bindings.definitions.get(value.variable) ?? []
      if (definitions.length > 1) return false
      const [only] = definitions
      if (only !== undefined)
        return only.path.length > 0
          ? isRequest(only.value, effects) || isPlain(only.value, effects, depth + 1)
          : isPlain(only.value, effects, depth + 1)
      const param = effects.bindings.paramsOf.get(value.variable)
      return param !== undefined && fromClient(param.owner, param.index, value.name, effects, depth)
    }
    case 'member':
      if (PROTECTS.test(value.property ?? '')) return false
      return isRequest(value, effects) || isPlain(value.object, effects, depth + 1)
    case 'await':
      return isRequest(value, effects) || isPlain(value.value, effects, depth + 1)
    case 'call':
      return value.callee.kind === 'member' && /^(?:trim|toString)$/.test(value.callee.property ?? '')
        ? isPlain(value.callee.object, effects, depth + 1)
        : isRequest(value, effects)
    default:
      return false
  }
}

/** A parameter: its callers decide; where there are none to be seen, a name that says "typed in" does. */
function fromClient(
  owner: FunctionInfo,
  index: number,
  name: string,
  effects: Effects,
  depth: number,
): boolean {
  if (effects.handlers.has(owner)) return true
  const callers = effects.callers(owner)
  if (callers.length > 0)
    return callers.slice(0, 6).some(({ node }) => {
      const given = node.kind === 'call' ? node.args[index] : undefined
      return given !== undefined && isPlain(given, effects, depth + 1)
    })
  return (
    /^(?:new|plain|raw|typed)?_?(?:password|passwd|pwd|pass|cardnumber|cvv|cvc|diagnosis|dto|body|input)$/i.test(
      name.replace(/_/g, ''),
    ) || /health|diagnos|symptom|medic/i.test(name)
  )
}
