import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { Place } from '../../effects/bindings.ts'
import { type Effects, mentions, nodesIn } from '../../effects/effects.ts'
import { bornIn, repetitionsAround } from '../../effects/loops.ts'
import { sizeOf } from '../../effects/sizes.ts'
import type { Hit, Rule } from '../rule.ts'

export const INVARIANT_WORK_IN_LOOP: Rule = {
  info: {
    id: 'performance/invariant-work-in-loop',
    title: 'The same parsing or compiling on every turn',
    cwe: 'CWE-1050',
    tags: [],
    severity: 'note',
    help: 'Do it once before the loop and use the result in it.',
  },
  *find(effects) {
    for (const [within, places] of effects.bindings.calls) {
      if (within.module.test) continue
      for (const place of places) {
        const hit = place.node.kind === 'call' ? repeatedWork(place as Place<Call>, effects) : null
        if (hit !== null) yield hit
      }
    }
  },
}

function repeatedWork(place: Place<Call>, effects: Effects): Hit | null {
  const { node, within } = place
  const { text } = effects.origins.of(node.callee, within)
  const what =
    node.construct && text === 'global:RegExp' ? 'compiled' : text === 'global:JSON.parse' ? 'parsed' : null
  if (what === null || node.args[0] === undefined || node.args[0].kind === 'literal') return null
  const around = repetitionsAround(place, effects.bindings).find(
    (each) => each.collection !== null && sizeOf(each.collection, each.within, effects) === 'large',
  )
  if (around === undefined) return null
  for (const each of node.args) {
    if (mentions(each, (variable) => bornIn(variable, around))) return null
    if (!isFixed(each)) return null
  }
  return {
    module: within.module,
    span: node,
    message: `\`${within.module.text.slice(node.args[0].at, node.args[0].end)}\` is ${what} anew on every turn, though it does not change.`,
  }
}

/** Whether nothing in an expression may give another value each time. */
function isFixed(expression: Expression): boolean {
  for (const node of nodesIn(expression)) {
    if (node.kind === 'await' || node.kind === 'this' || node.kind === 'assign') return false
    if (
      node.kind === 'call' &&
      !(
        node.callee.kind === 'member' &&
        /^(?:escape|join|trim|toLowerCase|replace|replaceAll|stringify)$/.test(node.callee.property ?? '')
      )
    )
      return false
    if (
      node.kind === 'name' &&
      node.variable !== null &&
      node.variable.kind !== 'const' &&
      node.variable.kind !== 'import' &&
      node.variable.kind !== 'param' &&
      node.variable.assigned > 0
    )
      return false
  }
  return true
}
