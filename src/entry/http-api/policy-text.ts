import { isAlias, isScalar, parseDocument, visit } from 'yaml'
import type { Node } from 'yaml'

/** Keys whose values are secrets when they are written out; `$NAME` of an environment variable is none. */
export const SECRET = /(^|_)(api_?key|key|token|secret|password|authorization)$/i

/**
 * YAML in which the values of keys that name secrets are hidden, line for line where it was. What cannot be read as
 * YAML is hidden from the first such key on, because nobody knows where its value ends.
 */
export function textWithoutSecrets(text: string): string {
  const document = parseDocument(text, { keepSourceTokens: false, logLevel: 'silent' })
  if (document.errors.length > 0) return hideLines(text)
  const hidden: [from: number, to: number][] = []
  const hide = (node: Node | null | undefined): void => {
    if (node?.range && !(isScalar(node) && String(node.value).startsWith('$')))
      hidden.push([node.range[0], node.range[1]])
  }
  visit(document, {
    Pair(_, pair) {
      if (!isScalar(pair.key) || !SECRET.test(String(pair.key.value))) return
      const value = pair.value as Node | null
      if (isAlias(value)) hide(value.resolve(document))
      else if (isScalar(value)) hide(value)
    },
  })
  let safe = text
  for (const [from, to] of hidden.toSorted((a, b) => b[0] - a[0])) {
    const lines = safe.slice(from, to).trimEnd().split('\n').length - 1
    const end = from + safe.slice(from, to).trimEnd().length
    safe = `${safe.slice(0, from)}(hidden)${'\n'.repeat(lines)}${safe.slice(end)}`
  }
  return safe
}

const KEY_AND_VALUE = /^([\s\-{,]{0,200}["']?([\w-]{1,80})["']?\s{0,20}:)(.*)$/

function hideLines(text: string): string {
  let hiding = false
  return text
    .split('\n')
    .map((line) => {
      const [, before, key] = KEY_AND_VALUE.exec(line) ?? []
      if (before !== undefined && SECRET.test(key ?? '')) {
        hiding = true
        return `${before} (hidden)`
      }
      // A value in braces, or a text of several lines.
      if (/(api_?key|key|token|secret|password|authorization)["']?\s{0,20}:/i.test(line)) return '(hidden)'
      if (hiding && before === undefined && line.trim() !== '') return '(hidden)'
      hiding = false
      return line
    })
    .join('\n')
}
