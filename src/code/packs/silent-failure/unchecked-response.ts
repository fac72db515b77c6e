import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo, Variable } from '../../flow-graph/functions.ts'
import type { Statement } from '../../flow-graph/statements.ts'
import { boundNames, type Place } from '../../effects/bindings.ts'
import { deepNodesIn, type Effects, nodesIn } from '../../effects/effects.ts'
import { writes } from '../../effects/operation.ts'
import type { Hit, Rule } from '../rule.ts'
import { matters, saysWhy } from './told.ts'

export const UNCHECKED_RESPONSE: Rule = {
  info: {
    id: 'silent-failure/unchecked-response',
    title: 'fetch does not throw when the server refuses',
    cwe: 'CWE-252',
    tags: ['CWE-754', 'OWASP A10:2025'],
    severity: 'warning',
    help: 'Test response.ok (or the status) and throw or tell when it is not.',
  },
  *find(effects) {
    for (const [within, places] of effects.bindings.calls) {
      if (within.module.test) continue
      for (const place of places) {
        const hit = place.node.kind === 'call' ? unchecked(place as Place<Call>, effects) : null
        if (hit !== null) yield hit
      }
    }
  },
}

function unchecked(place: Place<Call>, effects: Effects): Hit | null {
  const { node, within } = place
  const { text } = effects.origins.of(node.callee, within)
  if (!/^(?:global:(?:window\.|globalThis\.)?fetch|node-fetch|undici\.fetch|cross-fetch)$/.test(text))
    return null
  const whole = wholeChain(place)
  const operation = effects.operationAt(whole.node, within)
  if (operation === null || !writes(operation) || !matters(operation)) return null
  if (saysWhy(within, node.at - 160, node.at)) return null
  if (!isIgnored(whole, within) || !goesOn(whole, within, effects)) return null
  return {
    module: within.module,
    span: { at: node.at, end: Math.min(node.end, node.at + 120) },
    message: 'The answer to this request is never looked at: a refusal (4xx, 5xx) passes for success.',
  }
}

/** The call with the `then`, `catch` and `finally` that hang on it. */
function wholeChain(place: Place<Call>): Place<Call> {
  let at = place.around.length
  let node = place.node
  while (at >= 2) {
    const member = place.around[at - 1]
    const call = place.around[at - 2]
    if (
      member?.kind !== 'member' ||
      call?.kind !== 'call' ||
      call.callee !== member ||
      !/^(?:then|catch|finally)$/.test(member.property ?? '')
    )
      break
    node = call
    at -= 2
  }
  return { node, within: place.within, around: place.around.slice(0, at) }
}

/** Nobody asks for `ok` or the status, in the chain or through the name that the answer gets. */
function isIgnored(whole: Place<Call>, within: FunctionInfo): boolean {
  const handlers: Expression[] = []
  for (
    let at: Expression = whole.node;
    at.kind === 'call' && at.callee.kind === 'member';
    at = at.callee.object
  )
    if (at.callee.property === 'then' && at.args[0] !== undefined) handlers.push(at.args[0])
  if (handlers.length > 0) {
    const first = handlers.at(-1)
    if (first?.kind !== 'function') return false
    if (looks(first.function.body)) return false
    const parameter = first.function.params[0]?.pattern
    // What the body says may be looked at instead.
    const next = handlers.at(-2)
    if (next !== undefined && (next.kind !== 'function' || next.function.params.length > 0)) return false
    return next !== undefined || parameter === undefined
  }
  const parent = whole.around.findLast((each) => each.kind !== 'await')
  if (parent?.kind === 'expression') return true
  if (parent?.kind !== 'declare') return false
  const names = new Set(boundNames(parent.target).map((each) => each.variable))
  return !isUsed(names, within)
}

function looks(body: readonly Statement[]): boolean {
  for (const node of deepNodesIn(...body))
    if (node.kind === 'member' && /^(?:ok|status|statusText)$/.test(node.property ?? '')) return true
  return false
}

function isUsed(names: ReadonlySet<Variable>, within: FunctionInfo): boolean {
  for (const node of deepNodesIn(...within.body)) {
    if (node.kind === 'declare' && boundNames(node.target).some((each) => names.has(each.variable))) continue
    if (
      node.kind === 'name' &&
      node.variable !== null &&
      names.has(node.variable) &&
      node.variable.at !== node.at
    )
      return true
  }
  return false
}

/** Whether success is taken for granted: something is written, shown or given back afterwards. */
function goesOn(whole: Place<Call>, within: FunctionInfo, effects: Effects): boolean {
  if (whole.node.callee.kind === 'member' && whole.node.callee.property === 'then') return true
  for (const node of nodesIn(...within.body)) {
    if (node.at < whole.node.end) continue
    if (node.kind === 'return' && node.value !== null) return true
    if (node.kind === 'call') return effects !== null
  }
  return false
}
