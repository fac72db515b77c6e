import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Expression } from '../../flow-graph/expressions.ts'
import type { Node } from '../../flow-graph/walk.ts'
import { within as lies } from '../../flow-graph/walk.ts'
import { deepNodesIn, type Effects, nodesIn } from '../../effects/effects.ts'
import { propertyOf } from '../../effects/chain.ts'

const CONSENT =
  /consent|opt(?:ed)?_?-?(?:in|out)|gdpr|do_?not_?track|dnt|tracking_?(?:allowed|enabled|ok)|cookies?_?-?(?:choice|preference|banner|accept|allowed|setting)|accepted_?cookies|newsletter|subscribed|unsubscribed|marketing|confirmed|preferences?|permission/i

/** Whether an expression asks for consent: by a name, a string, or a function that does nothing else. */
export function asksConsent(
  expression: Expression,
  within: FunctionInfo,
  effects: Effects,
  depth = 0,
): boolean {
  for (const node of deepNodesIn(expression)) {
    if (node.kind === 'name') {
      if (CONSENT.test(node.name)) return true
      const [definition] =
        node.variable === null ? [] : (effects.bindings.definitions.get(node.variable) ?? [])
      if (
        definition !== undefined &&
        depth < 2 &&
        asksConsent(definition.value, definition.within, effects, depth + 1)
      )
        return true
    } else if (node.kind === 'member' && CONSENT.test(node.property ?? '')) return true
    else if (node.kind === 'object' && node.properties.some((each) => CONSENT.test(each.key ?? '')))
      return true
    else if (node.kind === 'literal' && typeof node.value === 'string' && CONSENT.test(node.value))
      return true
    else if (node.kind === 'call' && depth < 2)
      for (const target of effects.targets(node, within).slice(0, 2))
        if (
          CONSENT.test(target.name) ||
          (target.body.length <= 4 && CONSENT.test(target.module.text.slice(target.at, target.end)))
        )
          return true
  }
  return false
}

/** Whether a place is reached only after consent was asked for: a test around it, a return before it, or at all callers. */
export function isAfterConsent(
  node: Expression,
  around: readonly Node[],
  within: FunctionInfo,
  effects: Effects,
  depth = 0,
): boolean {
  for (const each of around) {
    if ((each.kind === 'if' || each.kind === 'conditional') && asksConsent(each.test, within, effects))
      return true
    if (
      each.kind === 'logical' &&
      each.operator === '&&' &&
      !lies(node, each.left) &&
      asksConsent(each.left, within, effects)
    )
      return true
    if (each.kind === 'element' && CONSENT.test(each.name)) return true
  }
  if (leftBefore(node, within, effects)) return true
  if (CONSENT.test(within.name) || /consent|cookie/i.test(within.module.path)) return true
  const written = effects.bindings.written.get(within)
  if (written !== undefined && depth < 6) {
    const call = written.around.at(-1)
    const name =
      call?.kind === 'call'
        ? call.callee.kind === 'name'
          ? call.callee.name
          : call.callee.kind === 'member'
            ? (call.callee.property ?? '')
            : ''
        : ''
    if (CONSENT.test(name)) return true
    if (isAfterConsent(written.node, written.around, written.within, effects, depth + 1)) return true
  } else if (
    within.parent !== null &&
    within.parent.form !== 'module' &&
    depth < 6 &&
    leftBefore(within, within.parent, effects)
  )
    return true
  if (depth >= 3) return false
  if (shownBehindConsent(within, effects)) return true
  const callers = effects.callers(within)
  return (
    callers.length > 0 &&
    callers.every((each) => isAfterConsent(each.node, each.around, each.within, effects, depth + 1))
  )
}

/** `if (!consent) return` on the way to a place. */
function leftBefore(node: { at: number }, within: FunctionInfo, effects: Effects): boolean {
  for (const each of nodesIn(...within.body)) {
    if (each.kind !== 'if' || each.end > node.at) continue
    const leaves = [...each.then, ...each.otherwise].some(
      (one) =>
        one.kind === 'return' ||
        one.kind === 'throw' ||
        one.kind === 'continue' ||
        (one.kind === 'block' && one.body.some((inner) => inner.kind === 'return')),
    )
    if (leaves && asksConsent(each.test, within, effects)) return true
  }
  return false
}

/** A component that is only ever rendered inside of one that asks. */
function shownBehindConsent(within: FunctionInfo, effects: Effects): boolean {
  let component: FunctionInfo | null = within
  while (component !== null && !/^[A-Z]/.test(component.name)) component = component.parent
  if (component === null || !/\.[jt]sx$/.test(component.module.path)) return false
  const shown: boolean[] = []
  for (const module of effects.program.modules) {
    if (!module.text.includes(`<${component.name}`)) continue
    for (const each of module.functions) {
      const visit = (node: Node, behind: boolean): void => {
        const gate =
          behind ||
          (node.kind === 'element' && CONSENT.test(node.name)) ||
          ((node.kind === 'logical' || node.kind === 'conditional') &&
            asksConsent(node.kind === 'logical' ? node.left : node.test, each, effects))
        if (node.kind === 'element' && node.name === component.name) shown.push(gate)
        if (node.kind === 'element') for (const child of node.children) visit(child, gate)
        else if (node.kind === 'logical') visit(node.right, gate)
        else if (node.kind === 'conditional') {
          visit(node.then, gate)
          visit(node.otherwise, gate)
        }
      }
      for (const node of nodesIn(...each.body))
        if (node.kind === 'return' && node.value !== null) visit(node.value, false)
    }
  }
  return shown.length > 0 && shown.every(Boolean)
}

/** Options of an initialisation that keep it quiet until somebody agrees. */
export function startsQuiet(args: readonly Expression[]): boolean {
  return args.some(
    (each) =>
      propertyOf(
        each,
        'opt_out_capturing_by_default',
        'opt_out_tracking_by_default',
        'disableCookies',
        'cookieless_mode',
        'optOut',
        'consent',
        'consentMode',
        'storage',
      ) !== null ||
      (each.kind === 'literal' && each.value === 'consent'),
  )
}
