import type { Location } from '../flow-graph/module.ts'

/** One line of code with what is meant underlined. */
export interface CodeFrame {
  readonly code: string
  /** From 0, in `code`. */
  readonly column: number
  readonly width: number
}

const MAX_WIDTH = 120

/** The first line of a place; long lines are cut around it. Null when the text does not have that line. */
export function codeFrame(
  lines: readonly string[],
  { line, column, endLine, endColumn }: Location,
): CodeFrame | null {
  const text = lines[line - 1]
  if (text === undefined) return null
  const start = Math.min(column - 1, text.length)
  const end =
    endLine === line
      ? Math.min(Math.max(endColumn - 1, start + 1), Math.max(text.length, start + 1))
      : text.length
  const indent = /^\s*/.exec(text)![0].length
  const from = start - indent <= MAX_WIDTH / 2 ? Math.min(indent, start) : start - 40
  const cut = text.slice(from, from + MAX_WIDTH)
  const before = from > indent ? '…' : ''
  return {
    code: `${before}${printable(cut)}${from + MAX_WIDTH < text.length ? '…' : ''}`,
    column: before.length + printable(text.slice(from, start)).length,
    width: Math.max(1, Math.min(printable(text.slice(start, end)).length, MAX_WIDTH - (start - from))),
  }
}

/** Code of others on a terminal: nothing in it may steer one. A tab is two spaces, other controls a mark. */
export function printable(text: string): string {
  return text.replaceAll('\t', '  ').replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}')
}
