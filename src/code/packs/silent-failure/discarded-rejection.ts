import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Place } from '../../effects/bindings.ts'
import { type Effects, nodesIn } from '../../effects/effects.ts'
import { chainOf } from '../../effects/chain.ts'
import type { Hit, Rule } from '../rule.ts'
import { consequenceOf, nameFor, saysWhy } from './told.ts'

export const DISCARDED_REJECTION: Rule = {
  info: {
    id: 'silent-failure/discarded-rejection',
    title: 'A rejection that is thrown away',
    cwe: 'CWE-390',
    tags: ['CWE-391', 'OWASP A10:2025', 'SOC 2 CC7.2'],
    severity: 'warning',
    help: 'Let it reject, or log the error and make the failure visible in what the caller gets.',
  },
  *find(effects) {
    for (const [within, places] of effects.bindings.calls) {
      if (within.module.test) continue
      for (const place of places) {
        const hit = place.node.kind === 'call' ? thrownAway(place as Place<Call>, effects) : null
        if (hit !== null) yield hit
      }
    }
  },
}

function thrownAway(place: Place<Call>, effects: Effects): Hit | null {
  const { node, within } = place
  if (node.callee.kind !== 'member') return null
  const handler =
    node.callee.property === 'catch'
      ? node.args[0]
      : node.callee.property === 'then'
        ? node.args[1]
        : undefined
  if (handler === undefined || !isEmpty(handler, within, effects)) return null
  if (!isUnused(place, effects)) return null
  if (saysWhy(within, node.at - 160, node.end)) return null
  if (isBestEffort(place)) return null
  // The operation is the chain's own, or the call that begins it.
  const start = startOf(node)
  if (start === null) return null
  const whole = (effects.bindings.calls.get(within) ?? []).find((each) => each.node === start) ?? {
    node: start,
    within,
    around: [],
  }
  const operation = effects
    .operations(within)
    .find((each) => each.place.node.at === node.at && each.place.node.end >= start.end)
  const found =
    operation === undefined
      ? consequenceOf(whole, effects)
      : (consequenceOf(operation.place, effects) ?? null)
  if (found === null) return null
  return {
    module: within.module,
    span: { at: node.callee.object.end, end: node.end },
    message: `When ${nameFor(found.operation)} fails, the rejection is thrown away and nobody hears of it.`,
  }
}

/** The call that a chain of `then`, `catch` and `finally` hangs on. */
function startOf(call: Call): Call | null {
  let at: Expression = call
  while (
    at.kind === 'call' &&
    at.callee.kind === 'member' &&
    /^(?:then|catch|finally)$/.test(at.callee.property ?? '')
  )
    at = at.callee.object
  return at.kind === 'call' ? at : null
}

/** `() => {}`, `() => null`, `noop`: a handler that does nothing with what it gets. */
export function isEmpty(handler: Expression, within: FunctionInfo, effects: Effects): boolean {
  const target =
    handler.kind === 'function'
      ? handler.function
      : handler.kind === 'name'
        ? effects.origins.of(handler, within).function
        : null
  if (target === null) return handler.kind === 'name' && handler.name === 'noop'
  if (saysWhy(target, target.at, target.end)) return false
  return target.body.every((each) => {
    const value =
      each.kind === 'return' ? each.value : each.kind === 'expression' ? each.expression : undefined
    return value === null || (value !== undefined && isNothing(value))
  })
}

function isNothing(value: Expression): boolean {
  if (value.kind === 'literal') return value.value === null || value.value === undefined || value.value === ''
  if (value.kind === 'unary') return value.operator === 'void'
  return value.kind === 'name' && value.name === 'undefined'
}

/** Whether what comes of the promise is looked at: then a missing result tells. */
function isUnused(place: Place<Call>, effects: Effects): boolean {
  for (let at = place.around.length - 1; at >= 0; at--) {
    const each = place.around[at]
    if (each === undefined) return true
    if (each.kind === 'await' || (each.kind === 'unary' && each.operator === 'void')) continue
    if (each.kind === 'expression') return true
    if (each.kind === 'declare') {
      if (each.target.kind !== 'name' || each.target.variable === null) return false
      return (effects.bindings.reads.get(each.target.variable) ?? 0) === 0
    }
    return false
  }
  return false
}

const CLEAN_UP =
  /^(?:close|end|release|disconnect|destroy|unlink|rm|rmdir|rollback|abort|cancel|quit|kill|stop|unlock|cleanup|dispose|terminate|del|expire|remove\w*(?:File|Dir|Lock))$/i

function isBestEffort(place: Place<Call>): boolean {
  const { links } = chainOf(place.node)
  const named = links.findLast((link) => link.call !== null && !/^(?:then|catch|finally)$/.test(link.name))
  if (named !== undefined && CLEAN_UP.test(named.name)) return true
  for (const [index, each] of place.around.entries()) {
    if (each.kind !== 'try') continue
    const inner = place.around[index + 1]
    if (each.finally.some((one) => one === inner)) return true
    for (const clause of each.catches)
      for (const node of nodesIn(...clause.body)) if (node === place.node) return true
  }
  return false
}
