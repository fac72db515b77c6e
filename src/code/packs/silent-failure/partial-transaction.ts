import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Place } from '../../effects/bindings.ts'
import { chainOf, propertyOf } from '../../effects/chain.ts'
import { deepNodesIn, type Effects } from '../../effects/effects.ts'
import { type Operation, writes } from '../../effects/operation.ts'
import type { Hit, Rule } from '../rule.ts'
import { nameFor } from './told.ts'

export const PARTIAL_TRANSACTION: Rule = {
  info: {
    id: 'silent-failure/partial-transaction',
    title: 'A transaction that can end half done',
    cwe: 'CWE-460',
    tags: ['CWE-662', 'SOC 2 PI1.3'],
    severity: 'error',
    help: 'Do all writes with the transaction that the callback is given, and roll back in a catch (or let the library do it: $transaction, transaction(callback)).',
  },
  *find(effects) {
    for (const [within, places] of effects.bindings.calls) {
      if (within.module.test) continue
      for (const place of places) {
        if (place.node.kind !== 'call') continue
        const hit = begun(place as Place<Call>, effects)
        if (hit !== null) yield hit
        yield* outside(place as Place<Call>, effects)
      }
    }
  },
}

/** BEGIN and COMMIT in one function, and no ROLLBACK in reach. */
function begun(place: Place<Call>, effects: Effects): Hit | null {
  const { node, within } = place
  const operation = effects.operationAt(node, within)
  const method = node.callee.kind === 'member' ? (node.callee.property ?? '') : ''
  const begins =
    operation?.access === 'begin' ||
    (/^(?:beginTransaction|startTransaction)$/.test(method) && node.args.length <= 1)
  if (!begins) return null
  let commits = false
  let undoes = false
  for (const each of reachedCalls(within, effects)) {
    const name =
      each.node.kind === 'call' && each.node.callee.kind === 'member' ? (each.node.callee.property ?? '') : ''
    const access = effects.operationAt(each.node, each.within)?.access
    if (access === 'commit' || /^commit(?:Transaction)?$/.test(name)) commits = true
    if (access === 'rollback' || /^(?:rollback|rollbackTransaction|abortTransaction)$/.test(name))
      undoes = true
  }
  if (!commits || undoes || /\brollback\b/i.test(within.module.text.slice(within.at, within.end))) return null
  return {
    module: within.module,
    span: node,
    message:
      'When a statement between here and the commit fails, nothing rolls back: the connection keeps the open transaction and what it locked.',
  }
}

function* reachedCalls(
  within: FunctionInfo,
  effects: Effects,
  depth = 0,
): Iterable<Place<Call> | Place<Call | Parameters<typeof chainOf>[0]>> {
  for (const each of effects.bindings.calls.get(within) ?? []) {
    yield each
    if (depth < 2)
      for (const target of effects.targets(each.node, each.within))
        if (target !== within) yield* reachedCalls(target, effects, depth + 1)
  }
  for (const inner of effects.inlined(within)) yield* reachedCalls(inner, effects, depth + 1)
}

/** A write inside `x.transaction(async (tx) => …)` that does not go through `tx`. */
function* outside(place: Place<Call>, effects: Effects): Iterable<Hit> {
  const { node, within } = place
  if (
    node.callee.kind !== 'member' ||
    !/^\$?(?:transaction|withTransaction)$/.test(node.callee.property ?? '')
  )
    return
  const callback = node.args.findLast((each) => each.kind === 'function')
  if (callback?.kind !== 'function') return
  const parameter = callback.function.params[0]?.pattern
  if (parameter?.kind !== 'name' || parameter.variable === null) return
  const { variable } = parameter
  const module = within.module.text
  const client = module.slice(node.callee.object.at, node.callee.object.end)
  const operations = [callback.function, ...effects.inlined(callback.function)].flatMap((each) =>
    effects.operations(each),
  )
  const usesIt = (each: Operation): boolean => {
    for (const one of deepNodesIn(each.chain.top))
      if (one.kind === 'name' && one.variable === variable) return true
    return false
  }
  const inside = operations.filter((each) => each.kind === 'database')
  const through = inside.filter(usesIt)
  for (const each of inside) {
    if (!writes(each) || usesIt(each)) continue
    const own = sameClient(each, client, module)
    const sequelize =
      each.library === 'sequelize' &&
      through.length > 0 &&
      propertyOf(lastArgument(each), 'transaction') === null
    if (!own && !sequelize) continue
    if (sequelize && effects.program.modules.some((one) => one.text.includes('useCLS'))) continue
    yield {
      module: within.module,
      span: each.call,
      message: `${capital(nameFor(each))} does not go through \`${variable.name}\`: it stays when the transaction is rolled back.`,
    }
  }
}

function sameClient(operation: Operation, client: string, module: string): boolean {
  const { base, links } = operation.chain
  const start = module.slice(base.at, base.end)
  const member = links.findIndex((each) => each.call !== null)
  const names = links.slice(0, Math.max(0, member)).map((each) => each.name)
  for (let count = 0; count <= names.length; count++)
    if ([start, ...names.slice(0, count)].join('.') === client) return true
  return false
}

function lastArgument(operation: Operation): Expression | null {
  return operation.call.kind === 'call' ? (operation.call.args.at(-1) ?? null) : null
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
