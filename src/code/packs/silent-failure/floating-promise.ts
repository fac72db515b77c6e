import type { Call, Expression, Template } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { nodesIn } from '../../effects/effects.ts'
import type { Effects, Reached } from '../../effects/effects.ts'
import type { Place } from '../../effects/bindings.ts'
import type { Hit, Rule } from '../rule.ts'
import { handlesItself, matters, nameFor, saysWhy } from './told.ts'

export const FLOATING_PROMISE: Rule = {
  info: {
    id: 'silent-failure/floating-promise',
    title: 'A write that nobody waits for',
    cwe: 'CWE-252',
    tags: ['CWE-754', 'OWASP A10:2025'],
    severity: 'error',
    help: 'Await it, return it, or collect it into a Promise.all that is awaited. Work that is meant to go on alone belongs in a queue, or gets a catch that logs.',
  },
  *find(effects) {
    for (const [within, places] of effects.bindings.calls) {
      if (within.module.test || within.form === 'module') continue
      for (const place of places) {
        if (!isStatement(place)) continue
        const hit =
          floating(place, effects) ??
          (place.node.kind === 'call' ? inCallback(place as Place<Call>, effects) : null)
        if (hit !== null) yield hit
      }
    }
  },
}

function isStatement(place: Place<Call | Template>): boolean {
  return place.around.at(-1)?.kind === 'expression'
}

function floating(place: Place<Call | Template>, effects: Effects): Hit | null {
  const { node, within } = place
  if (node.kind === 'call' && (hasHandler(node) || takesCallback(node))) return null
  if (saysWhy(within, node.at - 160, node.at)) return null
  const operation = effects.operationAt(node, within)
  if (operation !== null) {
    if (
      !matters(operation) ||
      operation.sync ||
      operation.kind === 'file' ||
      endsHere(operation.library, node)
    )
      return null
    return hit(place, { operation, through: [] })
  }
  if (node.kind !== 'call') return null
  if (node.callee.kind === 'member' && node.callee.property === 'all')
    return allOf(place as Place<Call>, effects)
  const targets = effects.targets(node, within)
  const asynchronous = targets.filter((each) => each.async || returnsPromise(each, effects))
  if (asynchronous.length === 0 || asynchronous.length < targets.length) return null
  const reached = asynchronous.flatMap((each) => (handlesItself(each) ? [] : effects.reached(each)))
  const found = reached.find((each) => matters(each.operation) && !each.operation.sync)
  if (found === undefined) return null
  // Event handlers of pages, and starts of whole programs, go on alone by nature.
  if (/^(?:main|start|bootstrap|run|init|boot|listen|loop|tick|poll|schedule)/i.test(targets[0]?.name ?? ''))
    return null
  if (isComponent(within)) return null
  return hit(place, found)
}

/** Synchronous drivers and builders that another call runs. */
function endsHere(library: string, node: Call | Template): boolean {
  return (
    library === 'kysely' &&
    node.kind === 'call' &&
    !(node.callee.kind === 'member' && (node.callee.property ?? '').startsWith('execute'))
  )
}

function hit(place: Place<Call | Template>, { operation }: Reached): Hit {
  const lazy =
    /^(?:prisma|drizzle|mongoose|knex)$/.test(operation.library) && operation.place.node === place.node
  return {
    module: place.within.module,
    span: place.node,
    message: lazy
      ? `Nobody waits for ${nameFor(operation)}: with ${operation.library} the query may not even be sent, and a failure is lost.`
      : `Nobody waits for ${nameFor(operation)}: the code goes on before it is done, and a failure is lost.`,
  }
}

function hasHandler(call: Call): boolean {
  let at: Expression = call
  while (at.kind === 'call' && at.callee.kind === 'member') {
    if (at.callee.property === 'catch' || (at.callee.property === 'then' && at.args.length > 1)) return true
    // A chain that goes on with `then` but never catches is still lost; drivers that are run by it are not.
    at = at.callee.object
  }
  return false
}

function takesCallback(call: Call): boolean {
  const last = call.args.at(-1)
  if (last?.kind === 'function') return true
  return last?.kind === 'name' && /^(?:cb|callback|done|next)$/.test(last.name)
}

function returnsPromise(target: FunctionInfo, effects: Effects): boolean {
  const last = target.body.at(-1)
  return (
    last?.kind === 'return' &&
    last.value?.kind === 'call' &&
    effects.operationAt(last.value, target) !== null &&
    effects.operationAt(last.value, target)?.sync !== true
  )
}

function isComponent(within: FunctionInfo): boolean {
  return /\.[jt]sx$/.test(within.module.path)
}

/** `list.forEach(async …)`, `list.map(async …)` as a statement. */
function inCallback(place: Place<Call>, effects: Effects): Hit | null {
  const { node } = place
  const [callback] = node.args
  if (
    node.callee.kind !== 'member' ||
    !/^(?:forEach|map)$/.test(node.callee.property ?? '') ||
    callback?.kind !== 'function'
  )
    return null
  const target = callback.function
  if (!target.async || handlesItself(target)) return null
  const found = effects.reached(target).find((each) => matters(each.operation) && !each.operation.sync)
  if (found === undefined) return null
  return {
    module: place.within.module,
    span: { at: node.at, end: Math.min(node.end, node.at + 120) },
    message: `\`${node.callee.property ?? ''}\` does not wait for the promises of its callback: the code goes on before ${nameFor(found.operation)} is done, and a failure is lost.`,
    fix: 'Use a for-of loop with await, or await Promise.all(list.map(…)); better, one statement for all.',
  }
}

function allOf(place: Place<Call>, effects: Effects): Hit | null {
  const { node, within } = place
  for (const inner of effects.bindings.calls.get(within) ?? []) {
    if (inner.node.at < node.at || inner.node.end > node.end || inner.node === node) continue
    const found = effects.effectsOf(inner).find((each) => matters(each.operation))
    if (found !== undefined) return hit(place, found)
  }
  for (const callback of nodesIn(...node.args)) {
    if (callback.kind !== 'function') continue
    const found = effects.reached(callback.function).find((each) => matters(each.operation))
    if (found !== undefined) return hit(place, found)
  }
  return null
}
