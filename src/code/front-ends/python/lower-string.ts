import type { Expression, Literal, Template } from '../../flow-graph/expressions.ts'
import { childAt, namedChildren, type SyntaxNode } from '../syntax-tree.ts'
import { braceFormat, percentFormat, unescapePython } from './constants.ts'
import type { Reading } from './scopes.ts'

/** A literal, or a template for what an f-string puts in; strings that stand beside each other are one. */
export function lowerString(
  node: SyntaxNode,
  reading: Reading,
  lower: (child: SyntaxNode) => Expression,
): Literal | Template {
  const parts = ['']
  const values: Expression[] = []
  const strings = node.type === 'concatenated_string' ? namedChildren(node) : [node]
  const add = (text: string): void => {
    parts[parts.length - 1] += text
  }
  const put = (interpolation: SyntaxNode): void => {
    const value = childAt(interpolation, 'expression')
    if (value === undefined) return
    values.push(lower(value))
    parts.push('')
  }
  for (const string of strings) {
    const start = string.children.find((child) => child.type === 'string_start')
    const raw = start !== undefined && /r/i.test(reading.text.slice(start.at, start.end))
    for (const child of string.children) {
      if (child.type === 'interpolation') put(child)
      else if (child.type === 'string_content') {
        let from = child.at
        for (const inner of child.children) {
          if (inner.type !== 'escape_interpolation') continue
          add(unescapePython(reading.text.slice(from, inner.at), raw) + reading.text.charAt(inner.at))
          from = inner.end
        }
        add(unescapePython(reading.text.slice(from, child.end), raw))
      }
    }
  }
  const span = { at: node.at, end: node.end }
  return values.length === 0
    ? { kind: 'literal', ...span, value: parts[0] ?? '' }
    : { kind: 'template', ...span, parts, values, tag: null }
}

/** `text % values` and `text.format(values)`, as the template that they are. */
export function lowerFormat(
  node: { readonly at: number; readonly end: number },
  text: Literal | Template,
  style: '%' | '{',
  args: readonly Expression[],
  whole: Expression | null,
  names: readonly (string | null)[] = [],
): Template {
  const parts = ['']
  const values: Expression[] = []
  const used = new Set<Expression>()
  for (const [index, piece] of (text.kind === 'literal' ? [String(text.value)] : text.parts).entries()) {
    if (index > 0 && text.kind === 'template') {
      values.push(text.values[index - 1] as Expression)
      parts.push('')
    }
    const format = style === '%' ? percentFormat(piece) : braceFormat(piece)
    for (const [gap, which] of format.gaps.entries()) {
      parts[parts.length - 1] += format.parts[gap] ?? ''
      const value = chosen(which, args, whole, names)
      if (value === undefined) continue
      used.add(value)
      values.push(value)
      parts.push('')
    }
    parts[parts.length - 1] += format.parts.at(-1) ?? ''
  }
  // What no place was found for is in the text all the same.
  for (const value of args) {
    if (used.has(value) || used.has(whole ?? value)) continue
    values.push(value)
    parts.push('')
  }
  return { kind: 'template', at: node.at, end: node.end, parts, values, tag: null }
}

function chosen(
  which: number | string,
  args: readonly Expression[],
  whole: Expression | null,
  names: readonly (string | null)[],
): Expression | undefined {
  if (typeof which === 'number') return names[which] == null ? args[which] : undefined
  const named = names.indexOf(which)
  if (named !== -1) return args[named]
  if (whole?.kind === 'object') {
    const property = whole.properties.find(({ key }) => key === which)
    if (property !== undefined) return property.value
  }
  return whole ?? args[names.indexOf(null)]
}
