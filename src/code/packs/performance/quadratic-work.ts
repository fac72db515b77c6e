import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { locate } from '../../flow-graph/module.ts'
import type { Place } from '../../effects/bindings.ts'
import { type Effects, deepNodesIn, mentions, nodesIn } from '../../effects/effects.ts'
import { bornIn, collectionOf, repetitionsAround, type Repetition, varies } from '../../effects/loops.ts'
import { sizeOf } from '../../effects/sizes.ts'
import type { Loop } from '../../flow-graph/statements.ts'
import type { Hit, Rule } from '../rule.ts'
import { short } from './asked-per-element.ts'
import { isOneOff } from './query-in-loop.ts'

const LINEAR = /^(?:find|findIndex|findLast|findLastIndex|filter|some|every|includes|indexOf|lastIndexOf)$/

export const QUADRATIC_WORK: Rule = {
  info: {
    id: 'performance/quadratic-work',
    title: 'Work that grows with the square of the input',
    cwe: 'CWE-407',
    tags: [],
    severity: 'warning',
    help: 'Build a Map or Set of the inner collection once, before the loop, and look up in it; collect with push instead of copying what is there.',
  },
  *find(effects) {
    for (const [within, places] of effects.bindings.calls) {
      if (within.module.test || isOneOff(within.module.path)) continue
      for (const place of places) {
        const hit =
          place.node.kind === 'call'
            ? (searched(place as Place<Call>, effects) ?? copied(place as Place<Call>, effects))
            : null
        if (hit !== null) yield hit
      }
      if (/\bfor\b/.test(within.module.text)) yield* nested(within, effects)
    }
  },
}

/** A repetition whose collection is large. */
function largeAround(place: Place<unknown> & { node: Expression }, effects: Effects): Repetition | null {
  for (const each of repetitionsAround(place, effects.bindings))
    if (each.collection !== null && sizeOf(each.collection, each.within, effects) === 'large') return each
  return null
}

/** `list.find(…)` inside a loop, the list being born outside of it and as large. */
function searched(place: Place<Call>, effects: Effects): Hit | null {
  const { callee } = place.node
  const list =
    callee.kind === 'member' && LINEAR.test(callee.property ?? '')
      ? callee.object
      : searchedByTarget(place, effects)
  if (list === null || (list.kind !== 'name' && list.kind !== 'member')) return null
  const around = largeAround(place, effects)
  if (around === null || varies(list, around)) return null
  const key = callee.kind === 'member' && LINEAR.test(callee.property ?? '') ? place.node.args[0] : place.node
  if (key === undefined || !dependsOn(key, around, effects)) return null
  // What is found is left at once: one search for the whole loop.
  if (sizeOf(list, place.within, effects) !== 'large') return null
  const { module } = place.within
  return {
    module,
    span: place.node,
    message: `\`${short(module.text.slice(list.at, list.end))}\` is searched from its start for each element of \`${short(
      around.within.module.text.slice(
        (around.collection as Expression).at,
        (around.collection as Expression).end,
      ),
    )}\`: the work grows with the product of the two.`,
    path: [
      {
        location: locate(around.within.module, around.collection as Expression),
        message: 'goes through these',
      },
      { location: locate(module, place.node), message: 'searches all of those for each' },
    ],
  }
}

/** Whether a key or predicate depends on the turn, through names born in it. */
function dependsOn(key: Expression, repetition: Repetition, effects: Effects): boolean {
  if (key.kind === 'function')
    return key.function.body.some((statement) => {
      for (const node of deepNodesIn(statement))
        if (
          node.kind === 'name' &&
          node.variable !== null &&
          bornIn(node.variable, repetition) &&
          node.variable.owner !== key.function
        )
          return true
      return false
    })
  return mentions(key, (variable) => bornIn(variable, repetition)) && effects !== null
}

/** `isMember(list, id)`, where the function only searches its parameter. */
function searchedByTarget(place: Place<Call>, effects: Effects): Expression | null {
  for (const target of effects.targets(place.node, place.within).slice(0, 2)) {
    if (target.body.length > 2) continue
    for (const { node } of effects.bindings.calls.get(target) ?? []) {
      if (node.kind !== 'call' || node.callee.kind !== 'member' || !LINEAR.test(node.callee.property ?? ''))
        continue
      const { object } = node.callee
      if (object.kind !== 'name' || object.variable === null) continue
      const param = effects.bindings.paramsOf.get(object.variable)
      if (param?.owner !== target || param.path.length > 0) continue
      return place.node.args[param.index] ?? null
    }
  }
  return null
}

/** `reduce` that spreads what it has so far; `unshift` and `concat` in a loop. */
function copied(place: Place<Call>, effects: Effects): Hit | null {
  const { node, within } = place
  if (node.callee.kind !== 'member') return null
  const { property, object } = node.callee
  if (property === 'reduce' && node.args[0]?.kind === 'function') {
    const target = node.args[0].function
    const kept = target.params[0]?.pattern
    if (kept?.kind !== 'name' || sizeOf(object, within, effects) !== 'large') return null
    for (const part of deepNodesIn(...target.body)) {
      const copies =
        (part.kind === 'object' &&
          part.properties.some((each) => each.spread && isName(each.value, kept.variable))) ||
        (part.kind === 'array' &&
          part.elements.some((each) => each?.kind === 'spread' && isName(each.value, kept.variable))) ||
        (part.kind === 'call' &&
          part.callee.kind === 'member' &&
          part.callee.property === 'concat' &&
          isName(part.callee.object, kept.variable))
      if (copies)
        return {
          module: within.module,
          span: part,
          message: `\`${kept.name}\` is copied whole for each element.`,
        }
    }
    return null
  }
  if (property !== 'unshift' || object.kind !== 'name') return null
  const around = largeAround(place, effects)
  if (around === null || varies(object, around)) return null
  return {
    module: within.module,
    span: node,
    message: `\`${object.name}.unshift\` moves everything that is there, for each element.`,
  }
}

function isName(expression: Expression, variable: unknown): boolean {
  return expression.kind === 'name' && expression.variable !== null && expression.variable === variable
}

/** Two loops, one in the other, over large collections, that look for equal pairs. */
function* nested(within: FunctionInfo, effects: Effects): Iterable<Hit> {
  for (const outer of nodesIn(...within.body)) {
    if (outer.kind !== 'loop') continue
    const over = collectionOf(outer)
    if (over === null || sizeOf(over, within, effects) !== 'large') continue
    for (const inner of nodesIn(...outer.body)) {
      if (inner.kind !== 'loop') continue
      const among = collectionOf(inner)
      if (among === null || among.kind === 'object' || variesIn(among, outer)) continue
      if (sizeOf(among, within, effects) !== 'large' || !comparesPairs(outer, inner)) continue
      yield {
        module: within.module,
        span: { at: inner.at, end: Math.min(inner.end, inner.at + 80) },
        message: `Each element of \`${short(within.module.text.slice(over.at, over.end))}\` is compared with each of \`${short(within.module.text.slice(among.at, among.end))}\`.`,
      }
    }
  }
}

function variesIn(expression: Expression, loop: Loop): boolean {
  return mentions(expression, (variable) => variable.at >= loop.at && variable.at < loop.end)
}

function comparesPairs(outer: Loop, inner: Loop): boolean {
  const bornInside = (span: Loop) => (variable: { at: number }) =>
    variable.at >= span.at && variable.at < span.end
  const inInner = bornInside(inner)
  const inOuter = (variable: { at: number }): boolean => bornInside(outer)(variable) && !inInner(variable)
  for (const node of nodesIn(...inner.body)) {
    if (node.kind !== 'binary' || (node.operator !== '===' && node.operator !== '==')) continue
    const [a, b] = [node.left, node.right]
    if ((mentions(a, inInner) && mentions(b, inOuter)) || (mentions(b, inInner) && mentions(a, inOuter)))
      return true
  }
  return false
}
