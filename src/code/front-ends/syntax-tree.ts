import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Language, Parser, TreeCursor } from '@vscode/tree-sitter-wasm'

/** A node of a concrete syntax tree, with everything that a reader needs and no handle into WebAssembly. */
export interface SyntaxNode {
  readonly type: string
  /** Its role in the node around it, as the grammar names it; null where it has none. */
  readonly field: string | null
  readonly named: boolean
  /** Offsets in UTF-16 code units, end exclusive. */
  readonly at: number
  readonly end: number
  readonly children: readonly SyntaxNode[]
}

export interface SyntaxTree {
  readonly root: SyntaxNode
  /** Whether some of the text could not be read as the language. */
  readonly faulty: boolean
}

export type Grammar = 'python' | 'go' | 'java' | 'ruby' | 'php' | 'bash' | 'c-sharp' | 'rust'

/** Longer than this for one file, and it is given up, milliseconds: error recovery can take very long. */
const MAX_PARSE_MS = 5_000
/** Deeper nodes have no children. */
const MAX_DEPTH = 1_500

const parsers = new Map<Grammar, Parser>()
let runtime: Promise<typeof import('@vscode/tree-sitter-wasm')> | undefined

/** Loads a grammar; done once for each, and needed before `parseSyntax`. */
export async function loadGrammar(grammar: Grammar): Promise<void> {
  if (parsers.has(grammar)) return
  const folder = dirname(createRequire(import.meta.url).resolve('@vscode/tree-sitter-wasm'))
  const library = await (runtime ??= start())
  const language: Language = await library.Language.load(join(folder, `tree-sitter-${grammar}.wasm`))
  const parser = new library.Parser()
  parser.setLanguage(language)
  parsers.set(grammar, parser)
}

async function start(): Promise<typeof import('@vscode/tree-sitter-wasm')> {
  const loaded = (await import('@vscode/tree-sitter-wasm')) as unknown as {
    readonly default?: typeof import('@vscode/tree-sitter-wasm')
  }
  const library = loaded.default ?? (loaded as unknown as typeof import('@vscode/tree-sitter-wasm'))
  await library.Parser.init()
  return library
}

/** Null when the text took too long. Text that is not the language gives a tree with faults in it. */
export function parseSyntax(grammar: Grammar, text: string): SyntaxTree | null {
  const parser = parsers.get(grammar)
  if (parser === undefined) throw new Error(`the grammar ${grammar} is not loaded`)
  const until = performance.now() + MAX_PARSE_MS
  const tree = parser.parse(text, null, {
    // The library's types say void; its runtime stops at a true answer.
    progressCallback: (() => performance.now() > until) as unknown as () => void,
  })
  if (tree === null) {
    parser.reset()
    return null
  }
  try {
    const cursor = tree.walk()
    try {
      return { root: copy(cursor, 0), faulty: tree.rootNode.hasError }
    } finally {
      cursor.delete()
    }
  } finally {
    tree.delete()
  }
}

function copy(cursor: TreeCursor, depth: number): SyntaxNode {
  const children: SyntaxNode[] = []
  const node: SyntaxNode = {
    type: cursor.nodeType,
    field: cursor.currentFieldName,
    named: cursor.nodeIsNamed,
    at: cursor.startIndex,
    end: cursor.endIndex,
    children,
  }
  if (depth < MAX_DEPTH && cursor.gotoFirstChild()) {
    do children.push(copy(cursor, depth + 1))
    while (cursor.gotoNextSibling())
    cursor.gotoParent()
  }
  return node
}

/** The child in a role. */
export function childAt(node: SyntaxNode, field: string): SyntaxNode | undefined {
  return node.children.find((child) => child.field === field)
}

/** All children in a role. */
export function childrenAt(node: SyntaxNode, field: string): readonly SyntaxNode[] {
  return node.children.filter((child) => child.field === field)
}

/** Children that are more than marks and comments. */
export function namedChildren(node: SyntaxNode): readonly SyntaxNode[] {
  return node.children.filter((child) => child.named && child.type !== 'comment')
}
