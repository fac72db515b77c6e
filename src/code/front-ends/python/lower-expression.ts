import type {
  Expression,
  Name,
  ObjectLiteral,
  Pattern,
  Property,
  This,
} from '../../flow-graph/expressions.ts'
import { childAt, childrenAt, namedChildren, type SyntaxNode } from '../syntax-tree.ts'
import { numberOf } from './constants.ts'
import { LOWER } from './recursion.ts'
import { resolve, type Reading, type Scope } from './scopes.ts'
import { array, call, literal, member, spanOf, textOf, unknown } from './nodes.ts'
import { lowerFormat, lowerString } from './lower-string.ts'

/** Deeper expressions are cut off. */
const MAX_DEPTH = 500

export function lowerExpression(node: SyntaxNode, scope: Scope, reading: Reading, depth = 0): Expression {
  if (depth > MAX_DEPTH) return unknown(node, [])
  const lower = (child: SyntaxNode): Expression => lowerExpression(child, scope, reading, depth + 1)
  const at = (field: string): Expression => {
    const child = childAt(node, field)
    return child === undefined ? unknown(node, []) : lower(child)
  }
  const all = (): Expression[] => namedChildren(node).map(lower)
  switch (node.type) {
    case 'identifier':
      return lowerName(node, scope, reading)
    case 'true':
    case 'false':
      return literal(node, node.type === 'true')
    case 'none':
      return literal(node, null)
    case 'integer':
    case 'float':
      return literal(node, numberOf(textOf(node, reading)))
    case 'string':
    case 'concatenated_string':
      return lowerString(node, reading, lower)
    case 'parenthesized_expression':
    case 'type':
    case 'expression_statement':
    case 'interpolation': {
      const [only, ...more] = namedChildren(node)
      return only === undefined
        ? unknown(node, [])
        : more.length === 0 || node.type === 'interpolation'
          ? lower(only)
          : array(node, all())
    }
    case 'attribute':
      return lowerAttribute(node, scope, reading, depth)
    case 'subscript':
      return lowerSubscript(node, lower)
    case 'call':
      return lowerCall(node, scope, reading, depth)
    case 'list':
    case 'tuple':
    case 'set':
    case 'expression_list':
    case 'pattern_list':
      return array(node, all())
    case 'dictionary':
      return lowerDictionary(node, lower)
    case 'list_splat':
    case 'dictionary_splat':
      return { kind: 'spread', ...spanOf(node), value: all()[0] ?? unknown(node, []) }
    case 'binary_operator': {
      const operator = operatorOf(node, reading)
      const left = at('left')
      const right = at('right')
      if (
        operator === '%' &&
        (left.kind === 'template' || (left.kind === 'literal' && typeof left.value === 'string'))
      )
        return lowerFormat(
          node,
          left,
          '%',
          right.kind === 'array' ? right.elements.filter(isThere) : [right],
          right,
        )
      return { kind: 'binary', ...spanOf(node), operator: OPERATORS[operator] ?? operator, left, right }
    }
    case 'boolean_operator':
      return {
        kind: 'logical',
        ...spanOf(node),
        operator: operatorOf(node, reading) === 'or' ? '||' : '&&',
        left: at('left'),
        right: at('right'),
      }
    case 'not_operator':
      return { kind: 'unary', ...spanOf(node), operator: '!', operand: at('argument') }
    case 'unary_operator':
      return { kind: 'unary', ...spanOf(node), operator: operatorOf(node, reading), operand: at('argument') }
    case 'comparison_operator':
      return lowerComparison(node, reading, lower)
    case 'conditional_expression': {
      const [then, test, otherwise] = all()
      if (then === undefined || test === undefined || otherwise === undefined) return unknown(node, [])
      return { kind: 'conditional', ...spanOf(node), test, then, otherwise }
    }
    case 'named_expression':
    case 'assignment':
    case 'augmented_assignment':
      return lowerAssignment(node, scope, reading, depth)
    case 'lambda':
      return LOWER.lambda(node, scope, reading)
    case 'list_comprehension':
    case 'set_comprehension':
    case 'dictionary_comprehension':
    case 'generator_expression':
      return LOWER.comprehension(node, scope, reading)
    case 'await':
      return { kind: 'await', ...spanOf(node), value: all()[0] ?? unknown(node, []) }
    case 'yield':
      return {
        kind: 'yield',
        ...spanOf(node),
        value: all()[0] ?? null,
        delegate: node.children.some((child) => child.type === 'from'),
      }
    case 'as_pattern':
      return lower(namedChildren(node)[0] ?? node)
    case 'keyword_argument':
      return at('value')
    default:
      return unknown(node, node.type === 'ERROR' ? [] : all())
  }
}

/** What is assigned to; each name written is counted. */
export function lowerPattern(node: SyntaxNode, scope: Scope, reading: Reading): Pattern | null {
  switch (node.type) {
    case 'identifier': {
      const name = lowerName(node, scope, reading)
      if (name.kind !== 'name') return null
      if (name.variable !== null) name.variable.assigned += 1
      return name
    }
    case 'attribute':
    case 'subscript': {
      const member = lowerExpression(node, scope, reading)
      return member.kind === 'member' || member.kind === 'name' ? member : null
    }
    case 'parenthesized_expression':
    case 'as_pattern_target': {
      const [only] = namedChildren(node)
      return only === undefined ? null : lowerPattern(only, scope, reading)
    }
    case 'pattern_list':
    case 'tuple_pattern':
    case 'list_pattern':
    case 'tuple':
    case 'list':
    case 'expression_list': {
      const elements: (Pattern | null)[] = []
      let rest: Pattern | null = null
      for (const child of namedChildren(node)) {
        const [starred] = child.type.startsWith('list_splat') ? namedChildren(child) : []
        if (starred === undefined) elements.push(lowerPattern(child, scope, reading))
        else rest = lowerPattern(starred, scope, reading)
      }
      return { kind: 'array-pattern', ...spanOf(node), elements, rest }
    }
    default:
      return null
  }
}

function lowerAssignment(node: SyntaxNode, scope: Scope, reading: Reading, depth: number): Expression {
  const left = childAt(node, 'left') ?? childAt(node, 'name')
  const right = childAt(node, 'right') ?? childAt(node, 'value')
  if (left === undefined || right === undefined) return unknown(node, [])
  const value = lowerExpression(right, scope, reading, depth + 1)
  const target = lowerPattern(left, scope, reading)
  if (target === null) return unknown(node, [value])
  const written = node.type === 'augmented_assignment' ? operatorOf(node, reading) : '='
  const operator = written === '//=' ? '/=' : written === '@=' ? '*=' : written
  return { kind: 'assign', ...spanOf(node), operator, target, value }
}

export function lowerName(node: SyntaxNode, scope: Scope, reading: Reading): Name | This {
  const name = textOf(node, reading)
  const variable = resolve(scope, name)
  if (variable === 'self') return { kind: 'this', ...spanOf(node) }
  return { kind: 'name', ...spanOf(node), name, variable }
}

function lowerAttribute(node: SyntaxNode, scope: Scope, reading: Reading, depth: number): Expression {
  const dotted = dottedName(node, scope, reading)
  if (dotted !== null) return dotted
  const object = childAt(node, 'object')
  const attribute = childAt(node, 'attribute')
  if (object === undefined || attribute === undefined) return unknown(node, [])
  return member(node, lowerExpression(object, scope, reading, depth + 1), textOf(attribute, reading))
}

/** After `import a.b`, the code's `a.b` is that module, as if it were one name. */
function dottedName(node: SyntaxNode, scope: Scope, reading: Reading): Name | null {
  const text = textOf(node, reading)
  if (text.length > 200 || !/^\w+(?:\.\w+)+$/.test(text)) return null
  const variable = resolve(scope, text)
  return variable === null || variable === 'self'
    ? null
    : { kind: 'name', ...spanOf(node), name: text, variable }
}

function lowerSubscript(node: SyntaxNode, lower: (child: SyntaxNode) => Expression): Expression {
  const value = childAt(node, 'value')
  const [key, ...more] = childrenAt(node, 'subscript')
  if (value === undefined || key === undefined) return unknown(node, [])
  const object = lower(value)
  if (key.type === 'slice') return call(node, member(node, object, 'slice'), boundsOf(key, lower))
  const index = more.length === 0 ? lower(key) : array(node, [lower(key), ...more.map(lower)])
  const property =
    index.kind === 'literal' && (typeof index.value === 'string' || typeof index.value === 'number')
      ? String(index.value)
      : null
  return { kind: 'member', ...spanOf(node), object, property, key: index, optional: false }
}

/** `[:b]` begins at 0; `[a:]` has one bound. */
function boundsOf(slice: SyntaxNode, lower: (child: SyntaxNode) => Expression): readonly Expression[] {
  const bounds = namedChildren(slice)
  const open = slice.children[0]?.type === ':' && bounds.length > 0
  return [...(open ? [literal(slice, 0)] : []), ...bounds.map(lower)]
}

function lowerDictionary(node: SyntaxNode, lower: (child: SyntaxNode) => Expression): ObjectLiteral {
  const properties: Property[] = []
  for (const child of namedChildren(node)) {
    if (child.type === 'dictionary_splat') {
      const [value] = namedChildren(child)
      if (value !== undefined)
        properties.push({ ...spanOf(child), key: null, computed: null, value: lower(value), spread: true })
      continue
    }
    const keyNode = childAt(child, 'key')
    const valueNode = childAt(child, 'value')
    if (keyNode === undefined || valueNode === undefined) continue
    const key = lower(keyNode)
    const constant =
      key.kind === 'literal' && key.value !== null && key.value !== undefined ? String(key.value) : null
    properties.push({
      ...spanOf(child),
      key: constant,
      computed: constant === null ? key : null,
      value: lower(valueNode),
      spread: false,
    })
  }
  return { kind: 'object', ...spanOf(node), properties }
}

function lowerComparison(
  node: SyntaxNode,
  reading: Reading,
  lower: (child: SyntaxNode) => Expression,
): Expression {
  const operands = node.children.filter(
    (child) => child.named && child.field !== 'operators' && child.type !== 'comment',
  )
  const operators = childrenAt(node, 'operators').map((child) => textOf(child, reading).replace(/\s+/g, ' '))
  let whole: Expression | null = null
  for (const [index, operator] of operators.entries()) {
    const [first, second] = [operands[index], operands[index + 1]]
    if (first === undefined || second === undefined) break
    const span = { at: first.at, end: second.end }
    const negated = operator === 'not in'
    const plain: Expression = {
      kind: 'binary',
      ...span,
      operator: negated ? 'in' : (OPERATORS[operator] ?? operator),
      left: lower(first),
      right: lower(second),
    }
    const one: Expression = negated ? { kind: 'unary', ...span, operator: '!', operand: plain } : plain
    whole =
      whole === null
        ? one
        : { kind: 'logical', at: whole.at, end: second.end, operator: '&&', left: whole, right: one }
  }
  return whole ?? unknown(node, operands.map(lower))
}

function lowerCall(node: SyntaxNode, scope: Scope, reading: Reading, depth: number): Expression {
  const lower = (child: SyntaxNode): Expression => lowerExpression(child, scope, reading, depth + 1)
  const calleeNode = childAt(node, 'function')
  const list = childAt(node, 'arguments')
  if (calleeNode === undefined || list === undefined) return unknown(node, [])
  const written = textOf(calleeNode, reading).slice(0, 200)
  if (written === 'super') return { kind: 'super', ...spanOf(node) }
  const args: Expression[] = []
  const names: (string | null)[] = []
  for (const child of list.type === 'argument_list' ? namedChildren(list) : [list]) {
    const name = child.type === 'keyword_argument' ? childAt(child, 'name') : undefined
    args.push(lower(child))
    names.push(name === undefined ? null : textOf(name, reading))
  }
  const keywords = names.some((name) => name !== null) ? { names } : {}
  const callee = lower(calleeNode)
  if (callee.kind === 'member' && (callee.object.kind === 'literal' || callee.object.kind === 'template')) {
    const text = callee.object
    if (callee.property === 'format' && (text.kind === 'template' || typeof text.value === 'string'))
      return lowerFormat(node, text, '{', args, null, names)
    if (callee.property === 'join' && args.length === 1)
      return { kind: 'template', ...spanOf(node), parts: ['', ''], values: args, tag: null }
  }
  if (
    callee.kind === 'name' &&
    callee.variable === null &&
    callee.name === 'dict' &&
    names.every((name) => name !== null)
  )
    return {
      kind: 'object',
      ...spanOf(node),
      properties: args.map((value, index) => ({
        at: value.at,
        end: value.end,
        key: names[index]!,
        computed: null,
        value,
        spread: false,
      })),
    }
  if (callee.kind === 'member' && callee.object.kind === 'super' && callee.property === '__init__')
    return call(node, { kind: 'super', ...spanOf(calleeNode) }, args, keywords)
  return { ...call(node, callee, args, keywords), construct: constructs(callee) }
}

/** Python writes a construction like a call: a class of this file, or by the convention that classes are capitalised. */
function constructs(callee: Expression): boolean {
  if (callee.kind === 'name' && callee.variable !== null && callee.variable.kind !== 'import')
    return callee.variable.kind === 'class'
  const last = callee.kind === 'name' ? callee.name : callee.kind === 'member' ? (callee.property ?? '') : ''
  return /^_?[A-Z]\w*[a-z]/.test(last)
}

function isThere<T>(value: T | null): value is T {
  return value !== null
}

function operatorOf(node: SyntaxNode, reading: Reading): string {
  const operator = childAt(node, 'operator')
  return operator === undefined ? '' : textOf(operator, reading)
}

const OPERATORS: Readonly<Record<string, string>> = {
  '==': '===',
  is: '===',
  '!=': '!==',
  'is not': '!==',
  '<>': '!==',
  '//': '/',
  '@': '*',
}
