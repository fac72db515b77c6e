import type { Expression } from '../flow-graph/expressions.ts'
import { CLASS } from '../models/classes.ts'
import { PART, type Run } from './run.ts'
import { PLAIN, type Value, WHOLE } from './value.ts'

export const TRAVERSAL = CLASS.path | CLASS.zip
/** What a key that may be `__proto__` leads to; the same of `constructor`, which needs `prototype` behind it. */
export const PROTO_KEY = CLASS.protokey | CLASS.reached
export const CTOR_KEY = CLASS.ctorkey | CLASS.ctorreached
export const KEYS = PROTO_KEY | CTOR_KEY | CLASS.protobase
const ADDRESS = CLASS.ssrf | CLASS.redirect
export const PREFIX = TRAVERSAL | ADDRESS
const HOST = /^(?:host|hostname|origin)$/

export function isConstantTable(_run: Run, value: Value): boolean {
  return (
    value.taints.length === 0 &&
    value.refs.some((ref) => ref.kind === 'object' && ref.element === PLAIN && ref.fields.size > 0)
  )
}

/** Takes classes from what an expression stands for: from its label when it is the whole value, and from a variable. */
export function exclude(run: Run, node: Expression, mask: number): void {
  if (mask === 0) return
  const inner = unwrap(node)
  if (inner.kind === 'literal') return
  const value = PART.evaluate(run, inner)
  // A path or address is checked as a whole, whatever it was put together from.
  for (const taint of value.taints) {
    const { label } = taint
    run.env.markSafe(
      label,
      (taint.flags & WHOLE) !== 0 ? mask : mask & (PREFIX | (label.path.at(-1) === '*' ? KEYS : 0)),
    )
    // `const { hostname } = new URL(x)`: where a request goes is decided by its host.
    if (HOST.test(label.path.at(-1) ?? '') && label.parent !== null)
      run.env.markSafe(label.parent, mask & ADDRESS)
  }
  if (inner.kind === 'member' && HOST.test(inner.property ?? '') && (mask & ADDRESS) !== 0)
    exclude(run, inner.object, ADDRESS)
  if (inner.kind === 'name' && inner.variable !== null) run.env.clearVariable(inner.variable, mask)
}

/** `String(x)`, `x.toLowerCase()`, `(y = x)`: a check of these is a check of `x`. */
export function unwrap(node: Expression): Expression {
  let inner = node
  for (let hops = 0; hops < 5; hops++) {
    if (inner.kind === 'assign' && inner.operator === '=' && inner.target.kind === 'name') return inner.target
    if (
      inner.kind === 'call' &&
      inner.callee.kind === 'member' &&
      /^(?:toString|toLowerCase|toUpperCase|trim|normalize)$/.test(inner.callee.property ?? '')
    )
      inner = inner.callee.object
    else if (
      inner.kind === 'call' &&
      inner.callee.kind === 'name' &&
      /^(?:String|decodeURIComponent|decodeURI)$/.test(inner.callee.name) &&
      inner.args[0] !== undefined
    )
      inner = inner.args[0]
    else if (
      inner.kind === 'template' &&
      inner.tag === null &&
      inner.values.length === 1 &&
      inner.parts.every((each) => each === '')
    )
      inner = inner.values[0] as Expression
    else return inner
  }
  return inner
}

/** Classes that a text cannot be of when it does not have this in it. */
export function absent(text: string): number {
  let mask = 0
  if (text.includes('__proto__')) mask |= PROTO_KEY
  if (text === 'constructor' || text === 'prototype') mask |= CTOR_KEY
  if (text.includes('..') || text === './') mask |= TRAVERSAL
  if (text === '/' || text === '\\') mask |= TRAVERSAL | CLASS.ssrf | CLASS.redirect
  if (text === '<' || text === '"') mask |= CLASS.xss
  if (text === "'" || text === ';') mask |= CLASS.sql | CLASS.command
  if (text === "'") mask |= CLASS.xpath
  if (text === '$') mask |= CLASS.nosql
  if (text === '\n' || text === '\r' || text === '\r\n') mask |= CLASS.header | CLASS.log
  if (text === '://' || text === '//') mask |= CLASS.redirect
  return mask
}

export function constantsIn(run: Run, node: Expression, list: Value): string[] | null {
  void run
  void node
  for (const ref of list.refs) {
    if (ref.kind !== 'object') continue
    const found = [...ref.fields.values()].map((each) => each.constant)
    if (found.length > 0 && found.every((each) => typeof each === 'string')) return found
  }
  return null
}
