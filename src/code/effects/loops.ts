import type { Call, Expression, Span } from '../flow-graph/expressions.ts'
import type { FunctionInfo, Variable } from '../flow-graph/functions.ts'
import type { Loop } from '../flow-graph/statements.ts'
import { within as lies } from '../flow-graph/walk.ts'
import type { Bindings, Place } from './bindings.ts'
import { type Effects, mentions } from './effects.ts'
import { sizeOf } from './sizes.ts'

/** Something that runs its body once for each of many. */
export interface Repetition {
  /** The statement, or null when it is a callback of `map`, `forEach` and so on. */
  readonly loop: Loop | null
  readonly call: Call | null
  /** What is gone through, where that is known. */
  readonly collection: Expression | null
  /** The function that the repetition is written in. */
  readonly within: FunctionInfo
  /** Variables that are born in here differ from turn to turn. */
  readonly span: Span
  readonly place: Place<Expression> | null
}

const ITERATORS = new Set([
  'map',
  'forEach',
  'flatMap',
  'filter',
  'some',
  'every',
  'find',
  'findIndex',
  'reduce',
  'reduceRight',
  'sort',
])
const OUTER_ITERATORS = /^(?:pMap|pEach|mapLimit|eachLimit|eachSeries|mapSeries|each)$/

/** The repetitions around a place, innermost first; through callbacks that run where they are written. */
export function repetitionsAround(
  place: Place<unknown> & { readonly node: Span },
  bindings: Bindings,
): Repetition[] {
  const found: Repetition[] = []
  let node: Span = place.node
  let around = place.around
  let within = place.within
  for (let depth = 0; depth < 12; depth++) {
    for (let at = around.length - 1; at >= 0; at--) {
      const each = around[at]
      if (each?.kind !== 'loop') continue
      const inHead =
        (each.iterable !== null && lies(node, each.iterable)) || each.init.some((init) => lies(node, init))
      if (!inHead)
        found.push({
          loop: each,
          call: null,
          collection: collectionOf(each),
          within,
          span: each,
          place: null,
        })
    }
    const written = bindings.written.get(within)
    if (written === undefined) return found
    const parent = written.around.at(-1)
    if (parent?.kind !== 'call') return found
    const repeated = repeatedBy(parent, written.node)
    if (repeated !== null)
      found.push({
        loop: null,
        call: parent,
        collection: repeated,
        within: written.within,
        span: written.node,
        place: { node: parent, within: written.within, around: written.around.slice(0, -1) },
      })
    node = written.node
    around = written.around
    within = written.within
  }
  return found
}

/** The collection that a call goes through with a callback; null when it calls it but once. */
export function repeatedBy(call: Call, callback: Expression): Expression | null {
  if (
    call.callee.kind === 'member' &&
    ITERATORS.has(call.callee.property ?? '') &&
    call.args[0] === callback
  ) {
    // `prisma.x.find(cb)` and the like are no arrays.
    return call.callee.object
  }
  const name =
    call.callee.kind === 'name'
      ? call.callee.name
      : call.callee.kind === 'member'
        ? (call.callee.property ?? '')
        : ''
  if (OUTER_ITERATORS.test(name) && call.args.indexOf(callback) > 0) return call.args[0] ?? null
  if (name === 'map' && call.args[1] === callback) return call.args[0] ?? null
  return null
}

/** What a loop statement goes through: its iterable, or the array whose length bounds its counter. */
export function collectionOf(loop: Loop): Expression | null {
  if (loop.form === 'of' || loop.form === 'in') return loop.iterable
  const { test } = loop
  if (loop.form !== 'for' || test?.kind !== 'binary') return null
  const bound = test.operator.startsWith('<') ? test.right : test.operator.startsWith('>') ? test.left : null
  return bound?.kind === 'member' && bound.property === 'length' ? bound.object : null
}

/** Whether an expression differs from turn to turn of a repetition. */
export function varies(expression: Expression | null, repetition: Repetition): boolean {
  return mentions(expression, (variable) => bornIn(variable, repetition))
}

export function bornIn(variable: Variable, repetition: Repetition): boolean {
  return (
    variable.owner.module === repetition.within.module &&
    variable.at >= repetition.span.at &&
    variable.at < repetition.span.end
  )
}

/** Whether a repetition tries again, works in batches, or goes through something small and fixed. */
export function isBounded(repetition: Repetition, effects: Effects): boolean {
  const { loop, collection } = repetition
  if (loop !== null && loop.form === 'for' && loop.update !== null) {
    const step = loop.update
    if (step.kind === 'assign') return true
    if (collection === null) return true
  }
  if (loop !== null && (loop.form === 'while' || loop.form === 'do')) return true
  if (collection === null) return true
  const size = sizeOf(collection, repetition.within, effects)
  return size === 'small' || size === 'batches'
}
