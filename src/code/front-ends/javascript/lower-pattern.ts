import type { Pattern, PatternProperty } from '../../flow-graph/expressions.ts'
import type { Variable } from '../../flow-graph/functions.ts'
import type { Ast } from './ast.ts'
import { keyText, type Lowering, nameAt, typeText } from './lowering.ts'
import { LOWER } from './recursion.ts'

/** Lowers what is assigned to. With `kind`, its names are declared; without, they are written. */
export function lowerPattern(lowering: Lowering, node: Ast, kind: Variable['kind'] | null): Pattern {
  const { start: at, end } = node
  switch (node.type) {
    case 'Identifier': {
      if (kind === null) return nameAt(lowering, node.name, node, true)
      lowering.binder.declare(lowering.scope, node.name, kind, at, typeText(lowering, node))
      return nameAt(lowering, node.name, node)
    }
    case 'ObjectPattern': {
      const properties: PatternProperty[] = []
      let rest: Pattern | null = null
      for (const property of node.properties) {
        if (property.type === 'RestElement') {
          rest = lowerPattern(lowering, property.argument as Ast, kind)
          continue
        }
        const key = keyText(property.key, property.computed)
        properties.push({
          key,
          computed: key === null ? LOWER.expression(lowering, property.key) : null,
          target: lowerPattern(lowering, property.value, kind),
          at: property.start,
          end: property.end,
        })
      }
      return { kind: 'object-pattern', properties, rest, at, end }
    }
    case 'ArrayPattern': {
      const elements: (Pattern | null)[] = []
      let rest: Pattern | null = null
      for (const element of node.elements) {
        if (element?.type === 'RestElement') rest = lowerPattern(lowering, element.argument as Ast, kind)
        else elements.push(element === null ? null : lowerPattern(lowering, element, kind))
      }
      return { kind: 'array-pattern', elements, rest, at, end }
    }
    case 'AssignmentPattern':
      return {
        kind: 'default-pattern',
        target: lowerPattern(lowering, node.left, kind),
        value: LOWER.expression(lowering, node.right),
        at,
        end,
      }
    case 'TSParameterProperty':
      return lowerPattern(lowering, node.parameter, kind)
    case 'TSAsExpression':
    case 'TSNonNullExpression':
    case 'TSTypeAssertion':
    case 'TSSatisfiesExpression':
      return lowerPattern(lowering, node.expression, kind)
    default: {
      const lowered = LOWER.expression(lowering, node)
      return lowered.kind === 'member' || lowered.kind === 'name'
        ? lowered
        : { kind: 'array-pattern', elements: [], rest: null, at, end }
    }
  }
}
