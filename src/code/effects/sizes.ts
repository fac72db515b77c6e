import type { Call, Expression, Template } from '../flow-graph/expressions.ts'
import type { FunctionInfo, Variable } from '../flow-graph/functions.ts'
import type { Effects } from './effects.ts'

/** `page`: some, up to a limit that is set: too many for a query each, too few for their square to matter. */
export type Size = 'small' | 'page' | 'large' | 'batches' | 'unknown'

const BATCHES = /chunk|batch|page|slice|partition|split(?!$)|shard/i
const KEEPS = new Set([
  'map',
  'filter',
  'flatMap',
  'sort',
  'toSorted',
  'reverse',
  'toReversed',
  'concat',
  'flat',
  'values',
  'keys',
  'entries',
  'toArray',
])
const FETCHED = /^(?:useQuery|useSWR|useLoaderData|useInfiniteQuery|useSuspenseQuery|useLazyQuery|useFetch)$/
const SMALL_LIMIT = 5
const PAGE_LIMIT = 200

/** How many elements an expression may have, as far as its origin tells. */
export function sizeOf(expression: Expression, within: FunctionInfo, effects: Effects, depth = 0): Size {
  if (depth > 10) return 'unknown'
  const next = (inner: Expression): Size => sizeOf(inner, within, effects, depth + 1)
  switch (expression.kind) {
    case 'array':
      return expression.elements.some((each) => each?.kind === 'spread')
        ? largest(expression.elements.flatMap((each) => (each?.kind === 'spread' ? [next(each.value)] : [])))
        : 'small'
    case 'object':
    case 'literal':
      return 'small'
    case 'await':
    case 'spread':
      return next(expression.value)
    case 'assign':
      return next(expression.value)
    case 'logical':
      return largest([next(expression.left), next(expression.right)], 'small')
    case 'conditional':
      return largest([next(expression.then), next(expression.otherwise)], 'small')
    case 'member':
      return ofMember(expression, within, effects, depth)
    case 'call':
    case 'template':
      return ofCall(expression, within, effects, depth)
    case 'name': {
      if (/^[A-Z][A-Z0-9_]+$/.test(expression.name)) return 'small'
      if (expression.variable === null) return 'unknown'
      return ofVariable(expression.variable, effects, depth + 1)
    }
    default:
      return 'unknown'
  }
}

function ofVariable(variable: Variable, effects: Effects, depth: number): Size {
  const { definitions, paramsOf } = effects.bindings
  if (variable.kind === 'import') {
    const origin = effects.origins.variable(variable)
    return origin.expression === null
      ? 'unknown'
      : sizeOf(origin.expression, origin.within as FunctionInfo, effects, depth)
  }
  const given = definitions.get(variable)
  if (given !== undefined && given.length > 0) {
    const sizes = given.map((each) => {
      const whole = sizeOf(each.value, each.within, effects, depth)
      if (each.path.length === 0) return whole
      if (each.path[0] === '[]')
        return whole === 'batches' ? 'batches' : elementSize(each.value, each.within, effects, depth)
      if (isRequest(each.value, effects)) return 'large'
      return each.value.kind === 'await' ||
        each.path.every((step) => /^(?:rows|data|\d+|items|records|results)$/.test(step))
        ? throughPath(each.value, each.path, each.within, effects, depth)
        : 'unknown'
    })
    // A list that starts empty is as long as what is put into it: nobody knows.
    const filled = sizes.filter(
      (_, index) => given[index]?.value.kind !== 'array' || (given[index].value.elements.length ?? 0) > 0,
    )
    return filled.length === 0 ? 'unknown' : largest(filled)
  }
  const param = paramsOf.get(variable)
  if (param === undefined) return 'unknown'
  const handler = effects.handlers.get(param.owner)
  if (handler?.request.includes(param.index) && param.path.includes('body')) return 'large'
  return fromCallers(param.owner, param.index, param.path, effects, depth)
}

/** `const [a, b] = await Promise.all([…])`, `const { rows } = …`. */
function throughPath(
  value: Expression,
  path: readonly string[],
  within: FunctionInfo,
  effects: Effects,
  depth: number,
): Size {
  const inner = value.kind === 'await' ? value.value : value
  if (inner.kind === 'call' && inner.callee.kind === 'member' && inner.callee.property === 'all') {
    const [list] = inner.args
    const index = Number(path[0])
    if (list?.kind === 'array' && list.elements[index])
      return sizeOf(list.elements[index], within, effects, depth)
  }
  if (inner.kind === 'call' && sourceText(inner) === '.json()') return 'large'
  const size = sizeOf(value, within, effects, depth)
  return size
}

function sourceText(call: Call): string {
  return call.callee.kind === 'member' ? `.${call.callee.property ?? ''}()` : ''
}

/** The size of the elements of a collection of collections is not known. */
function elementSize(collection: Expression, within: FunctionInfo, effects: Effects, depth: number): Size {
  return sizeOf(collection, within, effects, depth) === 'batches' ? 'batches' : 'unknown'
}

function fromCallers(
  owner: FunctionInfo,
  index: number,
  path: readonly string[],
  effects: Effects,
  depth: number,
): Size {
  if (path.length > 0) return 'unknown'
  const sizes = effects
    .callers(owner)
    .slice(0, 8)
    .map(({ node, within }) => {
      const given = node.kind === 'call' ? node.args[index] : undefined
      return given === undefined ? 'unknown' : sizeOf(given, within, effects, depth + 2)
    })
  return sizes.length === 0 ? 'unknown' : largest(sizes)
}

function ofMember(
  expression: Extract<Expression, { kind: 'member' }>,
  within: FunctionInfo,
  effects: Effects,
  depth: number,
): Size {
  if (isRequest(expression, effects)) return 'large'
  const property = expression.property ?? ''
  if (/^(?:rows|data|items|records|results|docs)$/.test(property)) {
    const inner = sizeOf(expression.object, within, effects, depth + 1)
    if (inner === 'large' || inner === 'small' || inner === 'page') return inner
    if (isFetched(expression.object, effects)) return 'large'
  }
  const origin = effects.origins.of(expression, within)
  if (origin.expression?.kind === 'array')
    return sizeOf(origin.expression, origin.within as FunctionInfo, effects, depth + 1)
  return 'unknown'
}

function isFetched(expression: Expression, effects: Effects): boolean {
  if (expression.kind !== 'name' || expression.variable === null) return false
  const [definition] = effects.bindings.definitions.get(expression.variable) ?? []
  const made = definition?.value
  return made?.kind === 'call' && made.callee.kind === 'name' && FETCHED.test(made.callee.name)
}

/** Whether an expression is (part of) what a client sent. */
export function isRequest(expression: Expression, effects: Effects, depth = 0): boolean {
  if (depth > 6) return false
  switch (expression.kind) {
    case 'await':
      return isRequest(expression.value, effects, depth + 1)
    case 'logical':
      return isRequest(expression.left, effects, depth + 1)
    case 'member':
      if (
        /^(?:body|query|params)$/.test(expression.property ?? '') &&
        isRequestObject(expression.object, effects)
      )
        return true
      return isRequest(expression.object, effects, depth + 1)
    case 'call':
      return (
        expression.callee.kind === 'member' &&
        /^(?:json|formData|parseBody|body|query|param|valid|readBody)$/.test(
          expression.callee.property ?? '',
        ) &&
        isRequestObject(expression.callee.object, effects)
      )
    case 'name': {
      if (expression.variable === null) return false
      const [definition] = effects.bindings.definitions.get(expression.variable) ?? []
      if (definition !== undefined) return isRequest(definition.value, effects, depth + 1)
      const param = effects.bindings.paramsOf.get(expression.variable)
      if (param === undefined) return false
      const handler = effects.handlers.get(param.owner)
      return (
        handler?.request.includes(param.index) === true &&
        (handler.by === 'action' ||
          param.path.length > 0 ||
          param.owner.params[param.index]?.decorators.length !== 0)
      )
    }
    default:
      return false
  }
}

function isRequestObject(expression: Expression, effects: Effects): boolean {
  if (expression.kind === 'member' && expression.property !== null)
    return /^(?:req|request)$/.test(expression.property) && expression.object.kind === 'name'
  if (expression.kind !== 'name') return false
  if (/^_?(?:req|request|ctx|c|event)$/.test(expression.name)) return true
  const param = expression.variable === null ? undefined : effects.bindings.paramsOf.get(expression.variable)
  return param !== undefined && effects.handlers.get(param.owner)?.request.includes(param.index) === true
}

function ofCall(expression: Call | Template, within: FunctionInfo, effects: Effects, depth: number): Size {
  const operation = effects.operationAt(expression, within)
  if (operation !== null && operation.kind === 'database') {
    if (!operation.many) return 'small'
    const limit = limitOf(operation, effects)
    return limit === null || limit > PAGE_LIMIT ? 'large' : limit > SMALL_LIMIT ? 'page' : 'small'
  }
  if (expression.kind === 'template') return 'unknown'
  const { callee } = expression
  if (callee.kind === 'member' && callee.property !== null) {
    if (callee.property === 'slice' && expression.args.length >= 1) {
      const end = expression.args[1]
      const bounded =
        end?.kind === 'literal' && typeof end.value === 'number' && end.value <= PAGE_LIMIT && end.value >= 0
      return bounded
        ? 'page'
        : expression.args[1] === undefined
          ? sizeOf(callee.object, within, effects, depth + 1)
          : 'batches'
    }
    if (isRequest(expression, effects)) return 'large'
    if (
      /^(?:keys|values|entries|from|fromEntries)$/.test(callee.property) &&
      callee.object.kind === 'name' &&
      /^(?:Object|Array)$/.test(callee.object.name)
    )
      return expression.args[0] === undefined
        ? 'small'
        : sizeOf(expression.args[0], within, effects, depth + 1)
    if (callee.property === 'split' && callee.object.kind !== 'literal') return 'unknown'
    if (KEEPS.has(callee.property)) return sizeOf(callee.object, within, effects, depth + 1)
    if (
      callee.property === 'all' &&
      callee.object.kind === 'name' &&
      callee.object.name === 'Promise' &&
      expression.args[0] !== undefined
    )
      return sizeOf(expression.args[0], within, effects, depth + 1)
    if (callee.property === 'json') return 'unknown'
  }
  if (
    expression.construct &&
    callee.kind === 'name' &&
    /^(?:Set|Map)$/.test(callee.name) &&
    expression.args[0] !== undefined
  )
    return sizeOf(expression.args[0], within, effects, depth + 1)
  const name = callee.kind === 'name' ? callee.name : callee.kind === 'member' ? (callee.property ?? '') : ''
  if (BATCHES.test(name)) return 'batches'
  for (const target of effects.targets(expression, within).slice(0, 2)) {
    const last = target.body.at(-1)
    if (last?.kind !== 'return' || last.value === null) continue
    const size = sizeOf(last.value, target, effects, depth + 2)
    if (size !== 'unknown') return size
  }
  return 'unknown'
}

/** The literal limit of a read, if it has one. */
export function limitOf(
  operation: NonNullable<ReturnType<Effects['operationAt']>>,
  effects: Effects,
): number | null {
  const given =
    operation.after.find((link) => /^(?:limit|take|top|first)$/.test(link.name))?.call?.args[0] ??
    (operation.options?.kind === 'object'
      ? operation.options.properties.find((each) => /^(?:take|limit|first)$/.test(each.key ?? ''))?.value
      : undefined)
  if (given !== undefined) {
    const value = given.kind === 'name' ? effects.origins.of(given, operation.place.within).expression : given
    return value?.kind === 'literal' && typeof value.value === 'number' ? value.value : Infinity
  }
  const inSql =
    operation.sql === null ? null : /\b(?:limit|fetch\s+first|top)\s*\(?\s*(\d+)/i.exec(operation.sql)
  return inSql === null ? null : Number(inSql[1])
}

function largest(sizes: readonly Size[], ignore?: Size): Size {
  const left = ignore === undefined ? sizes : sizes.filter((each) => each !== ignore)
  if (left.length === 0) return ignore ?? 'unknown'
  if (left.includes('large')) return 'large'
  if (left.includes('batches')) return 'batches'
  if (left.includes('page')) return 'page'
  return left.includes('unknown') ? 'unknown' : 'small'
}
