import type {
  ArrayLiteral,
  Call,
  Expression,
  Literal,
  Member,
  Span,
  Unknown,
} from '../../flow-graph/expressions.ts'
import type { Reading } from './scopes.ts'

export function call(
  node: Span,
  callee: Expression,
  args: readonly Expression[],
  more: { readonly names?: readonly (string | null)[] } = {},
): Call {
  return {
    kind: 'call',
    ...spanOf(node),
    callee,
    args,
    ...more,
    construct: false,
    optional: false,
    targets: [],
    api: null,
  }
}

export function member(node: Span, object: Expression, property: string): Member {
  return { kind: 'member', ...spanOf(node), object, property, key: null, optional: false }
}

export function literal(node: Span, value: Literal['value']): Literal {
  return { kind: 'literal', ...spanOf(node), value }
}

export function array(node: Span, elements: readonly Expression[]): ArrayLiteral {
  return { kind: 'array', ...spanOf(node), elements }
}

export function unknown(node: Span, parts: readonly Expression[]): Unknown {
  return { kind: 'unknown', ...spanOf(node), parts }
}

export function spanOf({ at, end }: Span): Span {
  return { at, end }
}

export function textOf(node: Span, reading: Reading): string {
  return reading.text.slice(node.at, node.end)
}
