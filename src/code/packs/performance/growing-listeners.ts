import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { type Effects, deepNodesIn } from '../../effects/effects.ts'
import { propertyOf } from '../../effects/chain.ts'
import type { Place } from '../../effects/bindings.ts'
import type { Hit, Rule } from '../rule.ts'

const ADDS = /^(?:on|addListener|addEventListener|prependListener|subscribe)$/
const TAKES =
  /^(?:off|removeListener|removeAllListeners|removeEventListener|unsubscribe|abort|destroy|close|clearInterval)$/

export const GROWING_LISTENERS: Rule = {
  info: {
    id: 'performance/growing-listeners',
    title: 'A listener or timer is added for each request and never taken away',
    cwe: 'CWE-772',
    tags: ['CWE-401'],
    severity: 'warning',
    help: 'Take it away when its request, connection or component ends: off, removeEventListener or an AbortSignal on close, clearInterval, the clean-up that an effect returns.',
  },
  *find(effects) {
    for (const [within, places] of effects.bindings.calls) {
      if (within.module.test) continue
      for (const place of places) {
        const hit = place.node.kind === 'call' ? found(place as Place<Call>, effects) : null
        if (hit !== null) yield hit
      }
    }
  },
}

function found(place: Place<Call>, effects: Effects): Hit | null {
  const { node, within } = place
  const effect = effectAround(within, effects)
  const handler = effects.answers(within)
  if (effect === null && (handler === null || handler.by === 'page')) return null
  if (isInterval(node, within, effects)) {
    if (isCleared(place, effect ?? outermost(within), effects)) return null
    return {
      module: within.module,
      span: node,
      message: `An interval is started ${effect === null ? 'for each connection or request' : 'each time the effect runs'}, and nothing clears it.`,
    }
  }
  if (node.callee.kind !== 'member' || !ADDS.test(node.callee.property ?? '')) return null
  const { object } = node.callee
  if (!outlives(object, within, effects, effect !== null)) return null
  const callback = node.args.find((each) => each.kind === 'function' || each.kind === 'name')
  if (callback === undefined || node.args[0]?.kind !== 'literal') return null
  if (propertyOf(node.args[2], 'signal', 'once') !== null) return null
  const scope = effect ?? outermost(within)
  if (isTakenAway(scope)) return null
  const module = within.module
  return {
    module,
    span: { at: node.at, end: node.callee.end },
    message: `\`${module.text.slice(object.at, object.end)}\` outlives this, and its listener is never taken away.`,
  }
}

/** The callback of `useEffect` that a function is, or lies in. */
function effectAround(within: FunctionInfo, effects: Effects): FunctionInfo | null {
  for (let at: FunctionInfo | null = within; at !== null; at = at.parent) {
    const written = effects.bindings.written.get(at)?.around.at(-1)
    if (
      written?.kind === 'call' &&
      nameOf(written) !== null &&
      /^use(?:Layout|Insertion)?Effect$/.test(nameOf(written) as string)
    )
      return at
  }
  return null
}

function nameOf(call: Call): string | null {
  return call.callee.kind === 'name'
    ? call.callee.name
    : call.callee.kind === 'member'
      ? call.callee.property
      : null
}

function outermost(within: FunctionInfo): FunctionInfo {
  let at = within
  while (at.parent !== null && at.parent.form !== 'module') at = at.parent
  return at
}

function isInterval(call: Call, within: FunctionInfo, effects: Effects): boolean {
  const { text } = effects.origins.of(call.callee, within)
  return (
    text === 'global:setInterval' ||
    /^timers\.setInterval$/.test(text) ||
    /^global:(?:window|globalThis)\.setInterval$/.test(text)
  )
}

function isCleared(place: Place<Call>, scope: FunctionInfo, effects: Effects): boolean {
  const parent = place.around.at(-1)
  // What is kept outside of here may be cleared elsewhere.
  if (
    parent?.kind === 'assign' &&
    (parent.target.kind !== 'name' || parent.target.variable?.owner.form === 'module')
  )
    return true
  if (parent?.kind === 'return' || parent?.kind === 'call' || parent?.kind === 'member') return true
  for (const node of deepNodesIn(...scope.body))
    if (node.kind === 'call' && /^(?:clearInterval|clearTimeout)$/.test(nameOf(node) ?? '')) return true
  return effects === null
}

function isTakenAway(scope: FunctionInfo): boolean {
  for (const node of deepNodesIn(...scope.body))
    if (node.kind === 'call' && TAKES.test(nameOf(node) ?? '') && nameOf(node) !== 'clearInterval')
      return true
  return false
}

/** Whether an emitter lives longer than one request: of a module, imported, or the page's own. */
function outlives(object: Expression, within: FunctionInfo, effects: Effects, inEffect: boolean): boolean {
  const { text } = effects.origins.of(object, within)
  if (/^global:(?:process|window|document)$/.test(text)) return inEffect || text === 'global:process'
  if (object.kind !== 'name' || object.variable === null) return false
  if (inEffect) return false
  const { variable } = object
  if (variable.owner.form !== 'module') return false
  const origin = effects.origins.variable(variable)
  return (
    /^(?:events|node:events)(?:\.EventEmitter)?\(\)/.test(origin.text) ||
    /EventTarget\(\)$|EventEmitter\w*\(\)$/.test(origin.text)
  )
}
