import type { Expression, Pattern, Span } from './expressions.ts'
import type { FunctionInfo } from './functions.ts'
import type { Statement } from './statements.ts'

export type Node = Expression | Pattern | Statement

/** Called for each node, outer before inner; `ancestors` is innermost last and reused: copy it to keep it. */
export type Visit = (node: Node, ancestors: readonly Node[]) => void

/**
 * Adds the direct parts of a node to a list, in the order of evaluation; bodies of nested functions and classes are
 * not parts. Every rule walks every function, so nothing is allocated for it.
 */
export function addParts(node: Node, to: (Node | null)[]): void {
  switch (node.kind) {
    case 'literal':
    case 'regex':
    case 'name':
    case 'this':
    case 'super':
    case 'function':
    case 'break':
    case 'continue':
    case 'function-declaration':
      return
    case 'template':
      if (node.tag !== null) to.push(node.tag)
      return addAll(node.values, to)
    case 'member':
      to.push(node.object)
      if (node.key !== null) to.push(node.key)
      return
    case 'call':
      to.push(node.callee)
      return addAll(node.args, to)
    case 'object':
      for (const each of node.properties) {
        if (each.computed !== null) to.push(each.computed)
        to.push(each.value)
      }
      return
    case 'array':
      return addAll(node.elements, to)
    case 'class':
    case 'class-declaration':
      to.push(node.class.superClass)
      for (const field of node.class.fields) to.push(field.value)
      return
    case 'binary':
    case 'logical':
      to.push(node.left, node.right)
      return
    case 'unary':
      to.push(node.operand)
      return
    case 'conditional':
      to.push(node.test, node.then, node.otherwise)
      return
    case 'assign':
    case 'default-pattern':
    case 'declare':
      to.push(node.target, node.value)
      return
    case 'await':
    case 'yield':
    case 'spread':
    case 'return':
    case 'throw':
      to.push(node.value)
      return
    case 'sequence':
      return addAll(node.expressions, to)
    case 'import':
      to.push(node.source)
      return
    case 'element':
      to.push(node.component)
      for (const each of node.attributes) to.push(each.value)
      return addAll(node.children, to)
    case 'unknown':
      return addAll(node.parts, to)
    case 'object-pattern':
      for (const each of node.properties) to.push(each.computed, each.target)
      to.push(node.rest)
      return
    case 'array-pattern':
      addAll(node.elements, to)
      to.push(node.rest)
      return
    case 'expression':
      to.push(node.expression)
      return
    case 'if':
      to.push(node.test)
      addAll(node.then, to)
      return addAll(node.otherwise, to)
    case 'loop':
      addAll(node.init, to)
      to.push(node.iterable, node.target, node.test)
      addAll(node.body, to)
      to.push(node.update)
      return
    case 'switch':
      to.push(node.subject)
      for (const each of node.cases) {
        to.push(each.test)
        addAll(each.body, to)
      }
      return
    case 'try':
      addAll(node.body, to)
      for (const each of node.catches) {
        to.push(each.param)
        addAll(each.types, to)
        addAll(each.body, to)
      }
      addAll(node.otherwise, to)
      return addAll(node.finally, to)
    case 'block':
      return addAll(node.body, to)
  }
}

// A list of fifty thousand elements is more than a call takes arguments.
function addAll(nodes: readonly (Node | null)[], to: (Node | null)[]): void {
  for (const each of nodes) to.push(each)
}

/** Walks a function's own code: parameters' defaults and body, without the functions nested in it. */
export function walkFunction(target: FunctionInfo, visit: Visit): void {
  const ancestors: Node[] = []
  // The parts of all that is being walked, those of the innermost last.
  const parts: (Node | null)[] = []
  const enter = (node: Node | null): void => {
    if (node === null) return
    visit(node, ancestors)
    const from = parts.length
    addParts(node, parts)
    const end = parts.length
    if (end === from) return
    ancestors.push(node)
    for (let at = from; at < end; at += 1) enter(parts[at] as Node | null)
    ancestors.pop()
    parts.length = from
  }
  for (const param of target.params) enter(param.pattern)
  for (const statement of target.body) enter(statement)
}

/** Whether `inner` lies within `outer`. */
export function within(inner: Span, outer: Span): boolean {
  return inner.at >= outer.at && inner.end <= outer.end
}
