import { parseSync } from 'oxc-parser'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { type Comment, lineStartsOf, type Module } from '../../flow-graph/module.ts'
import type { Skipped } from '../../flow-graph/program.ts'
import type { FrontEnd, SourceFile } from '../front-end.ts'
import type { Ast } from './ast.ts'
import { lowerClass } from './lower-class.ts'
import { lowerElement } from './lower-element.ts'
import { lowerDecorators, lowerExpression } from './lower-expression.ts'
import { lowerFunction } from './lower-function.ts'
import { lowerModuleItem } from './lower-module-item.ts'
import { lowerPattern } from './lower-pattern.ts'
import { lowerStatement, lowerStatements } from './lower-statement.ts'
import type { Lowering } from './lowering.ts'
import { nestsTooDeeply } from './nesting.ts'
import { LOWER } from './recursion.ts'
import { Binder } from './scopes.ts'

Object.assign(LOWER, {
  expression: lowerExpression,
  decorators: lowerDecorators,
  pattern: lowerPattern,
  element: lowerElement,
  function: lowerFunction,
  class: lowerClass,
  statements: lowerStatements,
  statement: lowerStatement,
  moduleItem: lowerModuleItem,
})

/** JavaScript and TypeScript, JSX included. */
export const JAVASCRIPT: FrontEnd = {
  language: 'javascript',
  extensions: ['.js', '.mjs', '.cjs', '.jsx', '.ts', '.mts', '.cts', '.tsx'],
  parse,
}

type Dialect = 'js' | 'jsx' | 'ts' | 'tsx'

interface Parsed {
  readonly program: Ast
  readonly comments: readonly { type: string; value: string; start: number; end: number }[]
}

function parse(file: SourceFile): Module | Skipped {
  if (nestsTooDeeply(file.text)) return { path: file.path, reason: 'it nests too deeply' }
  const typescript = /\.[mc]?tsx?$/.test(file.path)
  let fault = 'it cannot be parsed'
  for (const [dialect, sourceType] of dialectsOf(file.path)) {
    try {
      const result = parseSync(file.path, file.text, {
        lang: dialect,
        ...(sourceType === null ? {} : { sourceType }),
        preserveParens: false,
        experimentalRawTransfer: true,
      } as object)
      const error = result.errors.find((each) => (each.severity as string) === 'Error')
      if (error !== undefined) {
        fault = `syntax error: ${error.message}`
        const at = error.labels[0]?.start
        if (at !== undefined) fault += ` (line ${file.text.slice(0, at).split('\n').length})`
        continue
      }
      return lower(file, { program: result.program as unknown as Ast, comments: result.comments }, typescript)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      return { path: file.path, reason: 'it nests too deeply' }
    }
  }
  return { path: file.path, reason: fault }
}

/** A script may return at its top level, as CommonJS allows. Plain `.js` is often JSX, and sometimes has types (Flow), which the TypeScript dialect mostly reads. */
function dialectsOf(path: string): readonly (readonly [Dialect, 'commonjs' | null])[] {
  if (path.endsWith('.tsx')) return [['tsx', null]]
  if (/\.[mc]?ts$/.test(path)) {
    return [
      ['ts', null],
      ['tsx', null],
    ]
  }
  return [
    ['jsx', null],
    ['jsx', 'commonjs'],
    ['tsx', null],
  ]
}

function lower(file: SourceFile, parsed: Parsed, typescript: boolean): Module {
  const functions: FunctionInfo[] = []
  const module: Module = {
    path: file.path,
    language: typescript ? 'typescript' : 'javascript',
    text: file.text,
    lineStarts: lineStartsOf(file.text),
    main: null as unknown as FunctionInfo,
    functions,
    classes: [],
    imports: [],
    exports: [],
    comments: parsed.comments.map((each): Comment => ({
      text: each.value,
      block: each.type === 'Block',
      at: each.start,
      end: each.end,
    })),
    test: file.test,
  }
  const body: FunctionInfo['body'][number][] = []
  const directives: string[] = []
  const main: FunctionInfo = {
    id: -1,
    name: '',
    form: 'module',
    module,
    parent: null,
    class: null,
    static: false,
    async: false,
    generator: false,
    params: [],
    body,
    decorators: [],
    variables: [],
    directives,
    at: 0,
    end: file.text.length,
  }
  ;(module as { main: FunctionInfo }).main = main
  functions.push(main)
  const binder = new Binder()
  const lowering: Lowering = {
    module,
    functions,
    classes: module.classes as Lowering['classes'],
    imports: module.imports as Lowering['imports'],
    exports: module.exports as Lowering['exports'],
    binder,
    scope: { parent: null, owner: main, functional: true, names: null },
    class: null,
    depth: 0,
  }
  const statements = parsed.program.body as unknown as readonly Ast[]
  for (const each of statements) if (typeof each.directive === 'string') directives.push(each.directive)
  for (const each of lowerStatements(lowering, statements)) body.push(each)
  binder.bind()
  return module
}
