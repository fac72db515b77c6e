import type { Expression, Span } from './expressions.ts'
import type { ClassInfo, FunctionInfo, Variable } from './functions.ts'

export interface Comment extends Span {
  /** Without its marks. */
  readonly text: string
  readonly block: boolean
}

/** `import { imported as variable } from source`; `*` for the whole module, `default` for the default export. */
export interface Import extends Span {
  readonly source: string
  readonly imported: string
  readonly variable: Variable | null
  readonly typeOnly: boolean
}

/**
 * `export { … as exported }`: of a variable, of an expression (`export default`), or of another module
 * (`source`, with `imported` as in `Import`; `exported` is `*` for `export *`). CommonJS has none: assignments to
 * `module.exports` are statements that the analysis reads.
 */
export interface Export extends Span {
  readonly exported: string
  readonly variable: Variable | null
  readonly value: Expression | null
  readonly source: string | null
  readonly imported: string | null
}

/** One source file as its front end gives it. */
export interface Module {
  /** Relative to the checked folder, with `/`. */
  readonly path: string
  readonly language: 'javascript' | 'typescript' | 'python'
  readonly text: string
  /** Offset of the first character of each line. */
  readonly lineStarts: Uint32Array
  /** The top level; its `body` is the module's statements. */
  readonly main: FunctionInfo
  /** Every function of the file, `main` first, outer before inner. */
  readonly functions: readonly FunctionInfo[]
  readonly classes: readonly ClassInfo[]
  readonly imports: readonly Import[]
  readonly exports: readonly Export[]
  readonly comments: readonly Comment[]
  /** Whether it is test code by its path: findings in it are not reported. */
  readonly test: boolean
}

export interface Location {
  readonly path: string
  /** Both from 1; columns in UTF-16 code units. */
  readonly line: number
  readonly column: number
  readonly endLine: number
  readonly endColumn: number
}

/** Line starts of a text; `\r\n`, `\n` and a lone `\r` end a line. */
export function lineStartsOf(text: string): Uint32Array {
  const starts = [0]
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 10 || (code === 13 && text.charCodeAt(at + 1) !== 10)) starts.push(at + 1)
  }
  return Uint32Array.from(starts)
}

/** The line (from 1) that an offset lies in. */
export function lineOf(module: Module, at: number): number {
  let low = 0
  let high = module.lineStarts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((module.lineStarts[middle] as number) <= at) low = middle
    else high = middle - 1
  }
  return low + 1
}

export function locate(module: Module, span: Span): Location {
  const line = lineOf(module, span.at)
  const endLine = lineOf(module, Math.max(span.at, span.end))
  return {
    path: module.path,
    line,
    column: span.at - (module.lineStarts[line - 1] as number) + 1,
    endLine,
    endColumn: Math.max(span.at, span.end) - (module.lineStarts[endLine - 1] as number) + 1,
  }
}

export function textOf(module: Module, span: Span): string {
  return module.text.slice(span.at, span.end)
}
