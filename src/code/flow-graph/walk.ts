import type { Expression, Pattern, Span } from './expressions.ts'
import type { FunctionInfo } from './functions.ts'
import type { Statement } from './statements.ts'

export type Node = Expression | Pattern | Statement

/** Called for each node, outer before inner; `ancestors` is innermost last and reused: copy it to keep it. */
export type Visit = (node: Node, ancestors: readonly Node[]) => void

/** The direct parts of a node, in the order of evaluation; bodies of nested functions and classes are not parts. */
export function partsOf(node: Node): readonly (Node | null)[] {
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
      return NONE
    case 'template':
      return node.tag === null ? node.values : [node.tag, ...node.values]
    case 'member':
      return node.key === null ? [node.object] : [node.object, node.key]
    case 'call':
      return [node.callee, ...node.args]
    case 'object':
      return node.properties.flatMap((each) =>
        each.computed === null ? [each.value] : [each.computed, each.value],
      )
    case 'array':
      return node.elements
    case 'class':
    case 'class-declaration':
      return [node.class.superClass, ...node.class.fields.map((field) => field.value)]
    case 'binary':
    case 'logical':
      return [node.left, node.right]
    case 'unary':
      return [node.operand]
    case 'conditional':
      return [node.test, node.then, node.otherwise]
    case 'assign':
      return [node.target, node.value]
    case 'await':
    case 'yield':
    case 'spread':
    case 'return':
    case 'throw':
      return [node.value]
    case 'sequence':
      return node.expressions
    case 'import':
      return [node.source]
    case 'element':
      return [node.component, ...node.attributes.map((each) => each.value), ...node.children]
    case 'unknown':
      return node.parts
    case 'object-pattern':
      return [...node.properties.flatMap((each) => [each.computed, each.target]), node.rest]
    case 'array-pattern':
      return [...node.elements, node.rest]
    case 'default-pattern':
      return [node.target, node.value]
    case 'expression':
      return [node.expression]
    case 'declare':
      return [node.target, node.value]
    case 'if':
      return [node.test, ...node.then, ...node.otherwise]
    case 'loop':
      return [...node.init, node.iterable, node.target, node.test, ...node.body, node.update]
    case 'switch':
      return [node.subject, ...node.cases.flatMap((each) => [each.test, ...each.body])]
    case 'try':
      return [
        ...node.body,
        ...node.catches.flatMap((each) => [each.param, ...each.types, ...each.body]),
        ...node.otherwise,
        ...node.finally,
      ]
    case 'block':
      return node.body
  }
}

const NONE: readonly Node[] = []

/** Walks a function's own code: parameters' defaults and body, without the functions nested in it. */
export function walkFunction(target: FunctionInfo, visit: Visit): void {
  const ancestors: Node[] = []
  const enter = (node: Node | null): void => {
    if (node === null) return
    visit(node, ancestors)
    const parts = partsOf(node)
    if (parts.length === 0) return
    ancestors.push(node)
    for (const part of parts) enter(part)
    ancestors.pop()
  }
  for (const param of target.params) enter(param.pattern)
  for (const statement of target.body) enter(statement)
}

/** Whether `inner` lies within `outer`. */
export function within(inner: Span, outer: Span): boolean {
  return inner.at >= outer.at && inner.end <= outer.end
}
