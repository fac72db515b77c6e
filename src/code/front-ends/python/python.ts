import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { lineStartsOf, type Comment, type Export, type Module } from '../../flow-graph/module.ts'
import type { Skipped } from '../../flow-graph/program.ts'
import type { FrontEnd, SourceFile } from '../front-end.ts'
import { loadGrammar, parseSyntax, type SyntaxNode } from '../syntax-tree.ts'
import { lowerComprehension, lowerLambda } from './lower-function.ts'
import { lowerBlock } from './lower-statement.ts'
import { LOWER } from './recursion.ts'
import { openScope, type Draft, type Reading } from './scopes.ts'

Object.assign(LOWER, { lambda: lowerLambda, comprehension: lowerComprehension, block: lowerBlock })

/** Python 3, and what of Python 2 the grammar still reads. */
export const PYTHON: FrontEnd = {
  language: 'python',
  extensions: ['.py', '.pyw'],
  prepare: () => loadGrammar('python'),
  parse,
}

function parse(file: SourceFile): Module | Skipped {
  const tree = parseSyntax('python', file.text)
  if (tree === null) return { path: file.path, reason: 'reading it took too long' }
  try {
    return moduleOf(file, tree.root)
  } catch (error) {
    // Deep nesting ends the stack; anything else would be a fault of this front end, and one file must not end a check.
    return {
      path: file.path,
      reason: `it could not be read: ${error instanceof Error ? error.message : 'fault'}`,
    }
  }
}

function moduleOf(file: SourceFile, root: SyntaxNode): Module {
  const functions: FunctionInfo[] = []
  const exports: Export[] = []
  const comments: Comment[] = []
  const reading: Reading = {
    text: file.text,
    module: {} as Module,
    functions,
    classes: [],
    imports: [],
    exports,
  }
  const main: Draft<FunctionInfo> = {
    at: root.at,
    end: root.end,
    id: -1,
    name: '',
    form: 'module',
    module: reading.module,
    parent: null,
    class: null,
    static: false,
    async: false,
    generator: false,
    params: [],
    body: [],
    decorators: [],
    variables: [],
    directives: [],
  }
  functions.push(main)
  const scope = openScope(main, null, null, [root], file.text)
  main.variables = scope.variables
  main.body = lowerBlock(root, scope, reading)
  // Whatever the top level names can be imported from it.
  for (const variable of scope.variables)
    exports.push({
      at: variable.at,
      end: variable.at,
      exported: variable.name,
      variable,
      value: null,
      source: null,
      imported: null,
    })
  gather(root, file.text, comments)
  return Object.assign(reading.module, {
    path: file.path,
    language: 'python',
    text: file.text,
    lineStarts: lineStartsOf(file.text),
    main,
    functions,
    classes: reading.classes,
    imports: reading.imports,
    exports,
    comments,
    test: file.test,
  } satisfies Module)
}

function gather(node: SyntaxNode, text: string, comments: Comment[]): void {
  if (node.type === 'comment')
    comments.push({
      at: node.at,
      end: node.end,
      text: text.slice(node.at + 1, node.end).trim(),
      block: false,
    })
  for (const child of node.children) gather(child, text, comments)
}
