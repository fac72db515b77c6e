import type { Element, Expression, Property } from '../../flow-graph/expressions.ts'
import { type Ast, constantOf, listOf } from './ast.ts'
import { type Lowering, nameAt } from './lowering.ts'
import { LOWER } from './recursion.ts'

/** A JSX element or fragment; a fragment has the name ''. */
export function lowerElement(lowering: Lowering, node: Ast): Element {
  const { start: at, end } = node
  const opening = node.type === 'JSXElement' ? node.openingElement : null
  const tag = opening === null ? null : (opening.name as unknown as Ast)
  const name = tag === null ? '' : lowering.module.text.slice(tag.start, Math.min(tag.end, tag.start + 100))
  const children: Expression[] = []
  for (const child of listOf(node.children)) {
    if (child.type === 'JSXText') {
      const text = constantOf(child.value)
      if (typeof text === 'string' && text.trim() !== '')
        children.push({ kind: 'literal', value: text, at: child.start, end: child.end })
    } else if (child.type === 'JSXExpressionContainer' || child.type === 'JSXSpreadChild') {
      if (child.expression.type !== 'JSXEmptyExpression')
        children.push(LOWER.expression(lowering, child.expression))
    } else children.push(LOWER.expression(lowering, child))
  }
  return {
    kind: 'element',
    name,
    component: tag === null ? null : component(lowering, tag),
    attributes: opening === null ? [] : opening.attributes.map((each) => attribute(lowering, each)),
    children,
    at,
    end,
  }
}

function component(lowering: Lowering, tag: Ast): Expression | null {
  if (tag.type === 'JSXIdentifier') return /^[a-z]/.test(tag.name) ? null : nameAt(lowering, tag.name, tag)
  if (tag.type !== 'JSXMemberExpression') return null
  const object = component(lowering, tag.object) ?? nameAt(lowering, tag.object.name, tag.object)
  return {
    kind: 'member',
    object,
    property: tag.property.name,
    key: null,
    optional: false,
    at: tag.start,
    end: tag.end,
  }
}

function attribute(lowering: Lowering, node: Ast): Property {
  const { start: at, end } = node
  if (node.type === 'JSXSpreadAttribute')
    return {
      key: null,
      computed: null,
      value: LOWER.expression(lowering, node.argument as Ast),
      spread: true,
      at,
      end,
    }
  const name = node.name as unknown as Ast
  const value = node.value as Ast | null
  return {
    key: lowering.module.text.slice(name.start, name.end),
    computed: null,
    value:
      value === null
        ? { kind: 'literal', value: true, at, end }
        : LOWER.expression(lowering, value.type === 'JSXExpressionContainer' ? value.expression : value),
    spread: false,
    at,
    end,
  }
}
