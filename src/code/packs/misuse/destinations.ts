import { boundNames } from '../../effects/bindings.ts'
import { type Effects, mentions } from '../../effects/effects.ts'
import { nodesIn } from '../../effects/effects.ts'
import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo, Variable } from '../../flow-graph/functions.ts'
import { locate } from '../../flow-graph/module.ts'
import type { Node } from '../../flow-graph/walk.ts'
import type { FindingStep } from '../../finding.ts'

/** A name that a value is given on its way, and the way to there. */
export interface Destination {
  readonly name: string
  readonly path: readonly FindingStep[]
}

const DEPTH = 3
const CALLERS = 12

/** Calls that give back what they are given, in another form. */
const PASSES =
  /^(?:floor|round|ceil|trunc|abs|toString|slice|substring|substr|substr|charAt|at|join|concat|padStart|padEnd|replace|replaceAll|toUpperCase|toLowerCase|toFixed|trim|String|Number|parseInt|push|from|fromCharCode|btoa|encode|update|digest|createHash|md5|sha1|sha256|map|fill|repeat|reverse|resolve|all|split|BigInt|hash)$/
const CHARACTERS = /char|alphabet|letter|digit|possible|symbol|pool|hex|dictionar|alnum|base\d/i
const GENERIC = /^(?:id|key|value|code|hash|data|text)$/

/**
 * The names that a value is given: of variables, fields and properties, of functions that return it, and of what
 * their callers do with it. A value that only decides something, or that picks among other values, is given none.
 */
export function* destinations(
  effects: Effects,
  node: Expression,
  within: FunctionInfo,
  around: readonly Node[],
): Generator<Destination> {
  const seen = new Set<FunctionInfo>()
  const path: FindingStep[] = [{ location: locate(within.module, node), message: 'is made' }]
  yield* from(effects, node, within, around, path, seen, 0)
}

function* from(
  effects: Effects,
  node: Expression,
  within: FunctionInfo,
  around: readonly Node[],
  path: readonly FindingStep[],
  seen: Set<FunctionInfo>,
  depth: number,
): Generator<Destination> {
  const { names, variables: first, returned, callback } = upwards(effects, node, within, around)
  const variables = derived(within, first)
  for (const name of names) yield { name, path }
  let goesOut = returned
  if (variables.length > 0)
    for (const each of nodesIn(...within.body)) {
      if (
        each.kind === 'return' &&
        each.value !== null &&
        mentions(each.value, (one) => variables.includes(one))
      )
        goesOut = true
      // `user.token = out`, `{ token: out }`, `const token = out.slice(8)`
      if (each.kind === 'object')
        for (const property of each.properties)
          if (property.key !== null && isJust(property.value, variables)) yield { name: property.key, path }
      if (each.kind === 'assign' && each.target.kind === 'member' && isJust(each.value, variables))
        yield { name: each.target.property ?? '', path }
      if (each.kind === 'declare' && each.value !== null && isJust(each.value, variables))
        for (const one of boundNames(each.target)) yield { name: one.variable.name, path }
    }
  if (goesOut && callback === null) {
    const written = effects.bindings.written.get(within)
    const call = written?.around.at(-1)
    if (
      written !== undefined &&
      call?.kind === 'call' &&
      call.callee.kind === 'member' &&
      PASSES.test(call.callee.property ?? '')
    ) {
      yield* from(effects, call, written.within, written.around.slice(0, -1), path, seen, depth)
      return
    }
  }
  if (callback !== null) {
    yield* from(effects, callback.node, callback.within, callback.around, path, seen, depth)
    return
  }
  if (!goesOut || seen.has(within) || depth > DEPTH) return
  seen.add(within)
  if (within.name !== '') yield { name: within.name, path }
  for (const place of effects.callers(within).slice(0, CALLERS)) {
    if (place.node.kind !== 'call') continue
    const step = { location: locate(place.within.module, place.node), message: 'is what this call gives' }
    yield* from(effects, place.node, place.within, place.around, [...path, step], seen, depth + 1)
  }
}

/** The variables, and those of the same function that are worked out of them. */
function derived(within: FunctionInfo, variables: readonly Variable[]): readonly Variable[] {
  if (variables.length === 0) return variables
  const all = [...variables]
  for (const each of nodesIn(...within.body))
    if (
      each.kind === 'declare' &&
      each.target.kind === 'name' &&
      each.target.variable !== null &&
      /^(?:binary|conditional|template)$/.test(each.value?.kind ?? '') &&
      !(each.value?.kind === 'binary' && /^(?:[<>]=?|[!=]==?)$/.test(each.value.operator)) &&
      mentions(each.value, (one) => all.includes(one))
    )
      all.push(each.target.variable)
  return all
}

function isJust(value: Expression, variables: readonly Variable[]): boolean {
  let at = value
  for (let depth = 0; depth < 6; depth++)
    if (at.kind === 'call' && at.callee.kind === 'member' && PASSES.test(at.callee.property ?? ''))
      at = at.callee.object
    else break
  return at.kind === 'name' && at.variable !== null && variables.includes(at.variable)
}

interface Upwards {
  readonly names: readonly string[]
  readonly variables: readonly Variable[]
  readonly returned: boolean
  /** The call that a callback around the value is given to: what it returns goes on from there. */
  readonly callback: {
    readonly node: Call
    readonly within: FunctionInfo
    readonly around: readonly Node[]
  } | null
}

function upwards(effects: Effects, node: Expression, within: FunctionInfo, around: readonly Node[]): Upwards {
  const names: string[] = []
  const variables: Variable[] = []
  let inner: Node = node
  const done = (returned = false): Upwards => ({ names, variables, returned, callback: null })
  for (let index = around.length - 1; index >= 0; index--) {
    const each = around[index] as Node
    switch (each.kind) {
      case 'binary':
        if (/^(?:[<>]=?|[!=]==?|in|instanceof)$/.test(each.operator)) return done()
        break
      case 'conditional':
        if (each.test === inner) return done()
        break
      case 'member':
        // An index picks what is there: letters of an alphabet become something new, other values do not.
        if (each.key === inner && !isAlphabet(effects, each.object, within)) return done()
        break
      case 'call': {
        const called =
          each.callee.kind === 'member'
            ? each.callee.property
            : each.callee.kind === 'name'
              ? each.callee.name
              : null
        if (called === null || !PASSES.test(called)) return done()
        if (called === 'push' && each.callee.kind === 'member' && each.callee.object.kind === 'name') {
          const { variable, name } = each.callee.object
          names.push(name)
          if (variable !== null) variables.push(variable)
        }
        break
      }
      case 'object': {
        const own = each.properties.find((one) => one.value === inner)
        if (own?.key === undefined || own.key === null) break
        names.push(own.key)
        if (!GENERIC.test(own.key)) return done()
        break
      }
      case 'assign':
        if (each.target.kind === 'member') names.push(each.target.property ?? '')
        for (const one of each.target.kind === 'member' ? [] : boundNames(each.target)) {
          names.push(joined(one.variable.name, names))
          variables.push(one.variable)
        }
        return done()
      case 'declare':
        for (const one of boundNames(each.target)) {
          names.push(joined(one.variable.name, names))
          variables.push(one.variable)
        }
        return done()
      case 'return': {
        const written = effects.bindings.written.get(within)
        const call = written?.around.at(-1)
        if (written !== undefined && call?.kind === 'call' && call.callee !== written.node) {
          const called = call.callee.kind === 'member' ? (call.callee.property ?? '') : ''
          if (!PASSES.test(called)) return done()
          return {
            names,
            variables,
            returned: false,
            callback: { node: call, within: written.within, around: written.around.slice(0, -1) },
          }
        }
        return done(true)
      }
      case 'if':
      case 'loop':
      case 'switch':
        return done()
      default:
    }
    inner = each
  }
  return done()
}

/** `{ id: … }` that becomes `session` is a `session_id`. */
function joined(name: string, before: readonly string[]): string {
  const last = before.at(-1)
  return last !== undefined && GENERIC.test(last) ? `${name}_${last}` : name
}

function isAlphabet(effects: Effects, object: Expression, within: FunctionInfo): boolean {
  if (object.kind === 'name' && CHARACTERS.test(object.name)) return true
  if (object.kind === 'member' && CHARACTERS.test(object.property ?? '')) return true
  return effects.program.constantOf(object, within) !== null
}
