import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo, Variable } from '../../flow-graph/functions.ts'
import type { Place } from '../../effects/bindings.ts'
import { type Effects, deepNodesIn } from '../../effects/effects.ts'
import type { Rule } from '../rule.ts'

/** What makes an emitter whose `error` event ends the process when nobody listens; and what to call it. */
const MAKERS: readonly [RegExp, string][] = [
  [/^net\.(?:connect|createConnection)$/, 'connection'],
  [/^tls\.connect$/, 'connection'],
  [/^fs\.createReadStream$/, 'stream'],
  [/^fs\.createWriteStream$/, 'stream'],
  [/^(?:redis|@redis\/client)\.create(?:Client|Cluster)$/, 'client'],
  [/^(?:ws|ws\.WebSocket)$/, 'socket'],
  [/^https?\.request$/, 'request'],
  [/^child_process\.spawn$/, 'process'],
]

export const UNHANDLED_ERROR_EVENT: Rule = {
  info: {
    id: 'silent-failure/unhandled-error-event',
    title: 'An error event that ends the process',
    cwe: 'CWE-248',
    tags: ['CWE-391'],
    severity: 'warning',
    help: "Listen for 'error' and pass it on, or use what listens for you: pipeline of node:stream/promises, execFile with promisify, once with a signal.",
  },
  *find(effects) {
    let heard: ReadonlySet<Variable> | null = null
    for (const [within, places] of effects.bindings.calls) {
      if (within.module.test) continue
      for (const place of places) {
        if (place.node.kind !== 'call') continue
        const what = madeBy(place.node, within, effects)
        if (what === null) continue
        heard ??= heardVariables(effects)
        if (!isAlone(place as Place<Call>, heard, effects)) continue
        yield {
          module: within.module,
          span: place.node,
          message: `Nobody listens for errors of this ${what}: the first one ends the process.`,
        }
      }
    }
  },
}

function madeBy(call: Call, within: FunctionInfo, effects: Effects): string | null {
  const { text } = effects.origins.of(call.callee, within)
  const found = MAKERS.find(([pattern]) => pattern.test(text))
  if (found === undefined) return null
  if (found[1] === 'socket' && !call.construct) return null
  return found[1]
}

/** Variables on which somebody listens for errors, or that are handed to somebody who may. */
function heardVariables(effects: Effects): ReadonlySet<Variable> {
  const found = new Set<Variable>()
  const names = new Set<string>()
  for (const places of effects.bindings.calls.values())
    for (const { node } of places) {
      if (node.kind !== 'call') continue
      if (
        node.callee.kind === 'member' &&
        /^(?:on|once|addListener|addEventListener)$/.test(node.callee.property ?? '')
      ) {
        const [event] = node.args
        if (event?.kind !== 'literal' || event.value !== 'error') {
          if (event?.kind === 'literal') continue
        }
        let at: Expression = node.callee.object
        while (at.kind === 'call' && at.callee.kind === 'member') at = at.callee.object
        if (at.kind === 'name' && at.variable !== null) {
          found.add(at.variable)
          if (at.variable.kind === 'import') names.add(at.name)
        }
      }
      for (const each of node.args)
        if (each.kind === 'name' && each.variable !== null) found.add(each.variable)
    }
  for (const variable of effects.bindings.definitions.keys())
    if (names.has(variable.name)) found.add(variable)
  return found
}

function isAlone(place: Place<Call>, heard: ReadonlySet<Variable>, effects: Effects): boolean {
  let listens = false
  let piped = false
  for (let at = place.around.length - 1; at >= 0; at--) {
    const each = place.around[at]
    if (each === undefined) return false
    switch (each.kind) {
      case 'member':
        if (/^(?:on|once|addListener)$/.test(each.property ?? '')) {
          const above = place.around[at - 1]
          if (above?.kind === 'call' && above.args[0]?.kind === 'literal' && above.args[0].value === 'error')
            listens = true
        } else if (each.property === 'pipe') piped = true
        else if (!/^(?:on|once|end|write|unref|setEncoding|connect)$/.test(each.property ?? '')) return false
        break
      case 'call':
        // An argument of another call: that call has it now.
        if (each.callee.kind !== 'member' || each.callee !== place.around[at + 1]) return false
        break
      case 'await':
        break
      case 'expression':
        return !listens && (piped || place.around.length >= 1)
      case 'declare':
        return (
          !listens &&
          each.target.kind === 'name' &&
          each.target.variable !== null &&
          !isHeard(each.target.variable, heard, place.within, effects)
        )
      default:
        return false
    }
  }
  return false
}

function isHeard(
  variable: Variable,
  heard: ReadonlySet<Variable>,
  within: FunctionInfo,
  effects: Effects,
): boolean {
  if (heard.has(variable)) return true
  // Handed out: returned, kept in a field or an object, iterated.
  for (const node of deepNodesIn(...within.body)) {
    if (node.kind === 'return' && node.value?.kind === 'name' && node.value.variable === variable) return true
    if (node.kind === 'assign' && node.value.kind === 'name' && node.value.variable === variable) return true
    if (
      node.kind === 'object' &&
      node.properties.some((each) => each.value.kind === 'name' && each.value.variable === variable)
    )
      return true
    if (node.kind === 'loop' && node.iterable?.kind === 'name' && node.iterable.variable === variable)
      return true
  }
  return effects === null
}
