import type { Expression, Property } from '../../flow-graph/expressions.ts'
import { type Ast, constantOf, listOf } from './ast.ts'
import { cooked, DEPTH_LIMIT, keyText, type Lowering, nameAt, undefinedAt, unknown } from './lowering.ts'
import { LOWER } from './recursion.ts'

export function lowerExpression(lowering: Lowering, node: Ast, name = ''): Expression {
  if (lowering.depth >= DEPTH_LIMIT) return unknown(node)
  lowering.depth++
  const lowered = lower(lowering, node, name)
  lowering.depth--
  return lowered
}

function all(lowering: Lowering, nodes: readonly Ast[]): Expression[] {
  return nodes.map((each) => lowerExpression(lowering, each))
}

function lower(lowering: Lowering, node: Ast, name: string): Expression {
  const { start: at, end } = node
  switch (node.type) {
    case 'Identifier':
      return node.name === 'undefined' ? undefinedAt(node) : nameAt(lowering, node.name, node)
    case 'Literal':
      if (node.regex) return { kind: 'regex', pattern: node.regex.pattern, flags: node.regex.flags, at, end }
      return { kind: 'literal', value: constantOf(node.value), at, end }
    case 'TemplateLiteral':
      return {
        kind: 'template',
        parts: node.quasis.map(cooked),
        values: all(lowering, node.expressions),
        tag: null,
        at,
        end,
      }
    case 'TaggedTemplateExpression':
      return {
        kind: 'template',
        parts: node.quasi.quasis.map(cooked),
        values: all(lowering, node.quasi.expressions),
        tag: lowerExpression(lowering, node.tag),
        at,
        end,
      }
    case 'ThisExpression':
      return { kind: 'this', at, end }
    case 'Super':
      return { kind: 'super', at, end }
    case 'MemberExpression': {
      const property = keyText(node.property, node.computed)
      return {
        kind: 'member',
        object: lowerExpression(lowering, node.object),
        property,
        key: node.computed && property === null ? lowerExpression(lowering, node.property) : null,
        optional: node.optional,
        at,
        end,
      }
    }
    case 'CallExpression':
    case 'NewExpression':
      return {
        kind: 'call',
        callee: lowerExpression(lowering, node.callee),
        args: all(lowering, node.arguments),
        construct: node.type === 'NewExpression',
        optional: node.optional,
        targets: [],
        api: null,
        at,
        end,
      }
    case 'ObjectExpression':
      return {
        kind: 'object',
        properties: node.properties.map((each) => lowerProperty(lowering, each)),
        at,
        end,
      }
    case 'ArrayExpression':
      return {
        kind: 'array',
        elements: node.elements.map((each) => (each === null ? null : lowerExpression(lowering, each))),
        at,
        end,
      }
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return { kind: 'function', function: LOWER.function(lowering, node, { name }), at, end }
    case 'ClassExpression':
      return { kind: 'class', class: LOWER.class(lowering, node, name), at, end }
    case 'BinaryExpression':
      return binary(lowering, node)
    case 'LogicalExpression':
      return {
        kind: 'logical',
        operator: node.operator as '&&' | '||' | '??',
        left: lowerExpression(lowering, node.left, name),
        right: lowerExpression(lowering, node.right, name),
        at,
        end,
      }
    case 'UnaryExpression':
      return {
        kind: 'unary',
        operator: node.operator,
        operand: lowerExpression(lowering, node.argument as Ast),
        at,
        end,
      }
    case 'UpdateExpression': {
      const operand = LOWER.pattern(lowering, node.argument as Ast, null)
      if (operand.kind !== 'name' && operand.kind !== 'member') return unknown(node)
      return { kind: 'unary', operator: node.operator, operand, at, end }
    }
    case 'ConditionalExpression':
      return {
        kind: 'conditional',
        test: lowerExpression(lowering, node.test as Ast),
        then: lowerExpression(lowering, node.consequent, name),
        otherwise: lowerExpression(lowering, node.alternate as Ast, name),
        at,
        end,
      }
    case 'AssignmentExpression': {
      const target = LOWER.pattern(lowering, node.left, null)
      const value = lowerExpression(lowering, node.right, nameOf(target))
      return { kind: 'assign', operator: node.operator, target, value, at, end }
    }
    case 'AwaitExpression':
      return { kind: 'await', value: lowerExpression(lowering, node.argument as Ast), at, end }
    case 'YieldExpression':
      return {
        kind: 'yield',
        value: node.argument === null ? null : lowerExpression(lowering, node.argument),
        delegate: node.delegate,
        at,
        end,
      }
    case 'SpreadElement':
      return { kind: 'spread', value: lowerExpression(lowering, node.argument as Ast), at, end }
    case 'SequenceExpression':
      return { kind: 'sequence', expressions: all(lowering, node.expressions), at, end }
    case 'ImportExpression':
      return { kind: 'import', source: lowerExpression(lowering, node.source as Ast), at, end }
    case 'ChainExpression':
    case 'ParenthesizedExpression':
    case 'TSAsExpression':
    case 'TSNonNullExpression':
    case 'TSTypeAssertion':
    case 'TSSatisfiesExpression':
    case 'TSInstantiationExpression':
      return lowerExpression(lowering, node.expression, name)
    case 'JSXElement':
    case 'JSXFragment':
      return LOWER.element(lowering, node)
    case 'MetaProperty':
      return { kind: 'name', name: 'import.meta', variable: null, at, end }
    default:
      return unknown(node)
  }
}

/** Chains of one operator are left-nested and may be thousands long: the spine is walked in a loop. */
function binary(lowering: Lowering, node: Ast): Expression {
  const spine: Ast[] = []
  let left = node
  while (left.type === 'BinaryExpression') {
    spine.push(left)
    left = left.left
  }
  let built: Expression = left.type === 'PrivateIdentifier' ? unknown(left) : lowerExpression(lowering, left)
  if (spine.length > DEPTH_LIMIT) {
    const parts = [built, ...spine.toReversed().map((each) => lowerExpression(lowering, each.right))]
    return {
      kind: 'template',
      parts: parts.map(() => '').concat(''),
      values: parts,
      tag: null,
      at: node.start,
      end: node.end,
    }
  }
  for (let index = spine.length - 1; index >= 0; index--) {
    const each = spine[index] as Ast
    built = {
      kind: 'binary',
      operator: each.operator,
      left: built,
      right: lowerExpression(lowering, each.right),
      at: each.start,
      end: each.end,
    }
  }
  return built
}

function lowerProperty(lowering: Lowering, node: Ast): Property {
  const { start: at, end } = node
  if (node.type === 'SpreadElement')
    return {
      key: null,
      computed: null,
      value: lowerExpression(lowering, node.argument as Ast),
      spread: true,
      at,
      end,
    }
  const key = keyText(node.key, node.computed)
  return {
    key,
    computed: key === null ? lowerExpression(lowering, node.key) : null,
    value:
      node.value.type === 'FunctionExpression' && node.kind !== 'init'
        ? unknown(node.value, [lowerExpression(lowering, node.value, key ?? '')])
        : lowerExpression(lowering, node.value, key ?? ''),
    spread: false,
    at,
    end,
  }
}

function nameOf(target: { readonly kind: string }): string {
  if (target.kind === 'name') return (target as { readonly name?: string }).name ?? ''
  if (target.kind === 'member') return (target as { readonly property?: string | null }).property ?? ''
  return ''
}

/** Decorators of a member, parameter or class, as expressions. */
export function lowerDecorators(lowering: Lowering, node: Ast): readonly Expression[] {
  const decorators = listOf(node.decorators)
  return decorators.length === 0 ? NONE : decorators.map((each) => lowerExpression(lowering, each.expression))
}

const NONE: readonly Expression[] = []
