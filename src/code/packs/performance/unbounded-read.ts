import type { Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo, Variable } from '../../flow-graph/functions.ts'
import { type Effects, deepNodesIn, mentions, nodesIn } from '../../effects/effects.ts'
import { SMALL_TABLE } from '../../effects/libraries.ts'
import { isRequest } from '../../effects/sizes.ts'
import type { Operation } from '../../effects/operation.ts'
import type { Hit, Rule } from '../rule.ts'
import { describe } from './asked-per-element.ts'

export const UNBOUNDED_READ: Rule = {
  info: {
    id: 'performance/unbounded-read',
    title: 'A client makes the server read a whole table',
    cwe: 'CWE-770',
    tags: ['OWASP API4:2023'],
    severity: 'warning',
    help: 'Give the query a limit that the server sets (take, limit) and let clients page with a cursor; cap a limit that clients may choose.',
  },
  *find(effects) {
    for (const within of effects.onRequestPath)
      for (const operation of effects.operations(within)) {
        if (operation.kind !== 'database' || operation.access !== 'read' || !operation.many) continue
        const hit = whole(operation) ?? chosenByClient(operation, within, effects)
        if (hit !== null) yield hit
      }
  },
}

function whole(operation: Operation): Hit | null {
  if (operation.entity !== null && SMALL_TABLE.test(operation.entity.replace(/^.*\./, ''))) return null
  if (operation.where !== null && !isEmpty(operation.where)) return null
  if (operation.options !== null && operation.options.kind !== 'object' && operation.library !== 'drizzle')
    return null
  if (
    operation.options?.kind === 'object' &&
    operation.options.properties.some((each) => each.spread || BOUNDS.test(each.key ?? ''))
  )
    return null
  if (operation.after.some((each) => LIMITS.test(each.name))) return null
  if (
    operation.sql !== null &&
    (/\b(?:where|limit|fetch\s+first|top\s*\(?\d|group\s+by|having|join\s+lateral)\b/i.test(operation.sql) ||
      AGGREGATE.test(operation.sql) ||
      operation.entity === null ||
      operation.sql.includes('?'))
  )
    return null
  if (operation.library === 'knex' && operation.after.length === 0) return null
  if (streams(operation)) return null
  const { module } = operation.place.within
  return {
    module,
    span: operation.call,
    message: `All rows of ${describe(operation)} are read for one request: the answer grows with the table.`,
  }
}

const BOUNDS = /^(?:take|limit|first|where|cursor|distinct|by|perPage|pageSize)$/
const LIMITS =
  /^(?:limit|take|first|top|where\w*|andWhere|cursor|stream|paginate|findOne|getOne|count|skip|range|forPage|groupBy|having|match|fetch|\$dynamic|executeTakeFirst\w*|iterate|get)$/
const AGGREGATE = /\bselect\s+(?:count|sum|avg|min|max|exists|coalesce|json_agg|now|version|1\b|current_)/i

function isEmpty(where: Expression): boolean {
  return where.kind === 'object' && where.properties.length === 0
}

function streams(operation: Operation): boolean {
  const parent = operation.place.around.at(-1)
  return parent?.kind === 'loop' && parent.awaits
}

/** A limit that comes from the request and is never capped. */
function chosenByClient(operation: Operation, within: FunctionInfo, effects: Effects): Hit | null {
  const limit =
    operation.after.find((each) => /^(?:limit|take)$/.test(each.name))?.call?.args[0] ??
    (operation.options?.kind === 'object'
      ? operation.options.properties.find((each) => /^(?:take|limit)$/.test(each.key ?? ''))?.value
      : undefined)
  if (limit === undefined || !fromRequest(limit, within, effects)) return null
  return {
    module: within.module,
    span: operation.call,
    message: `The client chooses how many rows of ${describe(operation)} are read, without an upper limit.`,
    fix: 'Cap it: Math.min(limit, 100), or a schema with a maximum.',
  }
}

function fromRequest(expression: Expression, within: FunctionInfo, effects: Effects, depth = 0): boolean {
  if (depth > 4) return false
  if (expression.kind === 'name') {
    if (expression.variable === null || isCompared(expression.variable, within)) return false
    const [definition, ...more] = effects.bindings.definitions.get(expression.variable) ?? []
    return (
      definition !== undefined &&
      more.length === 0 &&
      definition.path.length === 0 &&
      fromRequest(definition.value, definition.within, effects, depth + 1)
    )
  }
  if (expression.kind === 'logical' || expression.kind === 'unary' || expression.kind === 'conditional') {
    const parts =
      expression.kind === 'logical'
        ? [expression.left]
        : expression.kind === 'unary'
          ? [expression.operand]
          : [expression.then]
    return parts.some((each) => fromRequest(each, within, effects, depth + 1))
  }
  if (expression.kind === 'call') {
    const name =
      expression.callee.kind === 'name'
        ? expression.callee.name
        : expression.callee.kind === 'member'
          ? (expression.callee.property ?? '')
          : ''
    if (/^(?:Number|parseInt|String|parseFloat)$/.test(name))
      return expression.args[0] !== undefined && fromRequest(expression.args[0], within, effects, depth + 1)
    return rawRequest(expression, within, effects)
  }
  return expression.kind === 'member' && rawRequest(expression, within, effects)
}

/** Straight from the query string; what a schema has checked does not count. */
function rawRequest(expression: Expression, within: FunctionInfo, effects: Effects): boolean {
  for (const node of nodesIn(expression))
    if ((node.kind === 'call' || node.kind === 'member') && 'at' in node) {
      const property =
        node.kind === 'call' ? (node.callee.kind === 'member' ? node.callee.property : null) : node.property
      if (property !== 'query') continue
      return isRequest(expression, effects) && !schemaChecked(within)
    }
  return false
}

function schemaChecked(within: FunctionInfo): boolean {
  return /\bschema\s*:|zValidator|\.parse\(|\.safeParse\(|celebrate|Joi\.|validate\(/.test(within.module.text)
}

function isCompared(variable: Variable, within: FunctionInfo): boolean {
  for (const node of deepNodesIn(...within.body)) {
    if (
      node.kind === 'binary' &&
      /^[<>]=?$/.test(node.operator) &&
      mentions(node, (each) => each === variable)
    )
      return true
    if (
      node.kind === 'call' &&
      node.callee.kind === 'member' &&
      /^(?:min|clamp)$/.test(node.callee.property ?? '') &&
      mentions(node, (each) => each === variable)
    )
      return true
  }
  return false
}
