import type { Call, Expression, Pattern, Template } from '../../flow-graph/expressions.ts'
import type { FunctionInfo, Variable } from '../../flow-graph/functions.ts'
import { boundNames, type Place } from '../../effects/bindings.ts'
import { type Effects, mentions, nodesIn, type Reached } from '../../effects/effects.ts'
import { repetitionsAround, type Repetition, varies as bornInside } from '../../effects/loops.ts'
import type { Operation } from '../../effects/operation.ts'
import { sizeOf } from '../../effects/sizes.ts'
import type { Hit } from '../rule.ts'
import { allArguments, hitOf, isOneOfMany, onlyAsks } from './asked-per-element.ts'

/** `for x in xs: cursor.execute('SELECT …', (x,))`, in comprehensions too, and requests to one service likewise. */
export function* pythonQueries(within: FunctionInfo, effects: Effects): Iterable<Hit> {
  for (const place of effects.bindings.calls.get(within) ?? []) {
    const [innermost] = repetitionsAround(place, effects.bindings)
    if (innermost === undefined || place.node.kind !== 'call') continue
    const reached = effects
      .effectsOf(place)
      .filter(({ operation }) => operation.kind === 'http' || isRemote(operation))
    if (reached.length === 0 || !allArguments(place.node).some((each) => varies(each, innermost))) continue
    if (isOnPurpose(innermost, effects)) continue
    const worst = reached.find((each) => isOneForEach(each, place, innermost, effects))
    if (worst !== undefined) yield hitOf(place, worst, innermost)
  }
}

/** A name of Python belongs to the whole function: what the loop assigns differs as well, wherever it was first named. */
function varies(expression: Expression | null, repetition: Repetition): boolean {
  if (bornInside(expression, repetition)) return true
  const { loop } = repetition
  if (loop === null) return false
  const assigned = new Set<Variable>()
  const add = (pattern: Pattern): void => {
    for (const each of boundNames(pattern)) assigned.add(each.variable)
  }
  if (loop.target !== null) add(loop.target)
  for (const node of nodesIn(...loop.body)) if (node.kind === 'assign') add(node.target)
  return mentions(expression, (variable) => assigned.has(variable))
}

const isRemote = (operation: Operation): boolean => operation.kind === 'database' && !operation.sync

/** What says that few are gone through, or many at a time. */
const FEW = /batch|chunk|page|part|attempt|retr|host|server|mirror|endpoint|urls?\b|shard/i
const CONSTANT = /^[A-Z][A-Z0-9_]+$/
const PAUSES = /^(?:sleep|wait|wait_for|throttle|delay|acquire)$/

function isOnPurpose(repetition: Repetition, effects: Effects): boolean {
  const { loop } = repetition
  const collection = unwrapped(repetition.collection)
  if (collection === null || loop?.form === 'while' || isOneOfMany(repetition)) return true
  if (collection.kind === 'array') return true
  if (collection.kind === 'call' && collection.callee.kind === 'name' && collection.callee.name === 'range')
    return true
  const name =
    collection.kind === 'name' ? collection.name : collection.kind === 'member' ? collection.property : null
  if (name !== null && (CONSTANT.test(name) || FEW.test(name))) return true
  if (collection.kind === 'call' && FEW.test(lastNameOf(collection))) return true
  if (loop?.target?.kind === 'name' && FEW.test(loop.target.name)) return true
  const size = sizeOf(collection, repetition.within, effects)
  if (size === 'small' || size === 'batches') return true
  return [...nodesIn(...(loop?.body ?? []))].some(
    (node) => node.kind === 'call' && PAUSES.test(lastNameOf(node)),
  )
}

/** `enumerate(xs)`, `sorted(xs)`, `xs.items()` go through xs. */
function unwrapped(collection: Expression | null): Expression | null {
  let at = collection
  for (let depth = 0; depth < 4 && at?.kind === 'call'; depth++) {
    const { callee, args } = at
    if (
      callee.kind === 'name' &&
      /^(?:enumerate|sorted|list|set|tuple|reversed|zip)$/.test(callee.name) &&
      args[0]
    )
      [at] = args as [Expression]
    else if (callee.kind === 'member' && /^(?:items|values|keys)$/.test(callee.property ?? ''))
      at = callee.object
    else break
  }
  return at
}

function lastNameOf(call: Call): string {
  return call.callee.kind === 'name'
    ? call.callee.name
    : call.callee.kind === 'member'
      ? (call.callee.property ?? '')
      : ''
}

function isOneForEach(
  { operation, through }: Reached,
  place: Place<Call | Template>,
  repetition: Repetition,
  effects: Effects,
): boolean {
  if (operation.kind === 'http')
    return through.length === 0 && operation.access === 'read' && isOneService(operation, repetition)
  // Deeper down it is often asked once and kept.
  if (through.length > 2 || (through.length > 0 && !onlyAsks(through[0] as FunctionInfo, effects)))
    return false
  if (operation.access === 'read' || operation.access === 'count') return !asksForMany(operation)
  return (
    operation.access === 'insert' && through.length === 0 && isRowByRow(operation, place, repetition, effects)
  )
}

const NAMES_MANY = /^(?:in_|any_|bulk_create|bulk_update|executemany|in_bulk)$/

function asksForMany(operation: Operation): boolean {
  for (const node of nodesIn(operation.chain.top)) {
    if (node.kind !== 'call') continue
    if (node.names?.some((name) => name?.endsWith('__in')) || NAMES_MANY.test(lastNameOf(node))) return true
  }
  return (
    operation.sql !== null && /=\s*any\s*\(|\bin\s*(?:\(\s*(?:\?|%s|\$|:|\{)|%s|\?|:)/i.test(operation.sql)
  )
}

/** An element in the path or the parameters of an address that is the same for all: what that service could be asked at once. */
function isOneService(operation: Operation, repetition: Repetition): boolean {
  const url = operation.where
  const { module, body } = repetition.within
  if (url === null || /\b__main__\b/.test(module.text)) return false
  // What is stored as it comes is a download.
  for (const node of nodesIn(...(repetition.loop?.body ?? body)))
    if (
      node.kind === 'call' &&
      /^(?:open|write|write_bytes|write_text|urlretrieve|iter_content)$/.test(lastNameOf(node))
    )
      return false
  if (!varies(url, repetition)) return varies(operation.options, repetition)
  if (url.kind === 'template')
    return url.parts[0] === ''
      ? url.values[0] !== undefined && !varies(url.values[0], repetition)
      : /^https?:\/\/[^/]+/.test(url.parts[0] ?? '')
  return url.kind === 'binary' && url.operator === '+' && !varies(url.left, repetition)
}

/** Inserts that one `executemany` or `bulk_create` would do: nothing else happens for a row, and no id is wanted back. */
function isRowByRow(
  operation: Operation,
  place: Place<Call | Template>,
  repetition: Repetition,
  effects: Effects,
): boolean {
  if (repetition.loop === null || asksForMany(operation) || /\breturning\b/i.test(operation.sql ?? ''))
    return false
  const outer = place.around.findLast((each) => each.kind !== 'await')
  if (outer?.kind !== 'expression') return false
  // Each row has its own way to fail, or some are left out.
  const from = place.around.indexOf(repetition.loop)
  if (place.around.slice(from + 1).some((each) => each.kind === 'try' || each.kind === 'if')) return false
  for (const node of nodesIn(...repetition.loop.body)) {
    if (node.kind === 'member' && /^(?:lastrowid|fetchone)$/.test(node.property ?? '')) return false
  }
  const others = (effects.bindings.calls.get(place.within) ?? []).filter(
    (each) =>
      each.node !== place.node &&
      each.node.at >= repetition.span.at &&
      each.node.end <= repetition.span.end &&
      effects.effectsOf(each).length > 0,
  )
  return others.length === 0
}
