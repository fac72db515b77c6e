import type { Call, Expression, Template } from '../flow-graph/expressions.ts'
import type { Node } from '../flow-graph/walk.ts'
import type { Place } from './bindings.ts'

/** One link of a chain: a member that is read (`call` null), or called. */
export interface Link {
  readonly name: string
  readonly call: Call | null
}

/** `base.a.b(x).c(y)` taken apart; `db('t')` has a first link with the name ''. */
export interface Chain {
  readonly base: Expression
  readonly links: readonly Link[]
  /** The whole of it. */
  readonly top: Call | Template
}

/** Whether a call is only the beginning of a longer chain. */
export function continues(place: Place<Call | Template>): boolean {
  const parent = place.around.at(-1)
  if (parent?.kind === 'call' && parent.callee === place.node) return true
  if (parent?.kind !== 'member' || parent.object !== place.node) return false
  const above = place.around.at(-2)
  return above?.kind === 'call' && above.callee === parent
}

export function chainOf(top: Call | Template): Chain {
  const links: Link[] = []
  let at: Expression = top
  if (top.kind === 'template') {
    if (top.tag?.kind === 'member') links.push({ name: top.tag.property ?? '', call: null })
    return { base: top.tag?.kind === 'member' ? top.tag.object : (top.tag as Expression), links, top }
  }
  for (let depth = 0; depth < 60; depth++) {
    if (at.kind === 'call') {
      if (at.callee.kind === 'member') {
        links.unshift({ name: at.callee.property ?? '', call: at })
        at = at.callee.object
      } else if (at.callee.kind === 'name' || at.callee.kind === 'call') {
        links.unshift({ name: '', call: at })
        at = at.callee
        if (at.kind === 'name') break
      } else break
    } else if (at.kind === 'member' && at.property !== null) {
      links.unshift({ name: at.property, call: null })
      at = at.object
    } else if (at.kind === 'await') at = at.value
    else break
  }
  return { base: at, links, top }
}

/** A property of an object literal; spreads are not looked into. */
export function propertyOf(expression: Expression | null | undefined, ...names: string[]): Expression | null {
  if (expression?.kind !== 'object') return null
  for (const name of names) {
    const found = expression.properties.find((each) => !each.spread && each.key === name)
    if (found !== undefined) return found.value
  }
  return null
}

export function hasSpread(expression: Expression | null | undefined): boolean {
  return expression?.kind === 'object' && expression.properties.some((each) => each.spread)
}

/** The innermost statement around a node, and what lies between. */
export function statementAround(around: readonly Node[]): Node | null {
  for (let at = around.length - 1; at >= 0; at--)
    if (STATEMENTS.has((around[at] as Node).kind)) return around[at] as Node
  return null
}

const STATEMENTS = new Set<Node['kind']>([
  'expression',
  'declare',
  'return',
  'throw',
  'if',
  'loop',
  'switch',
  'try',
  'block',
])
