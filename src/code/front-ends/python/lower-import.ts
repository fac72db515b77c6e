import type { Import } from '../../flow-graph/module.ts'
import { childAt, childrenAt, namedChildren, type SyntaxNode } from '../syntax-tree.ts'
import { spanOf, textOf } from './nodes.ts'
import type { Reading, Scope } from './scopes.ts'

/** `import a.b, c as d`. */
export function lowerImport(node: SyntaxNode, scope: Scope, reading: Reading): void {
  for (const name of childrenAt(node, 'name')) {
    const alias = childAt(name, 'alias')
    const path = alias === undefined ? name : (childAt(name, 'name') ?? name)
    const source = plain(textOf(path, reading))
    if (alias !== undefined) add(name, source, '*', textOf(alias, reading), scope, reading)
    else {
      add(name, source, '*', source, scope, reading)
      const [root] = source.split('.')
      if (root !== undefined && root !== source) add(name, root, '*', root, scope, reading)
    }
  }
}

/** `from a.b import c as d`; a name that is no member of a package may be a module below it. */
export function lowerImportFrom(node: SyntaxNode, scope: Scope, reading: Reading): void {
  const from = childAt(node, 'module_name')
  if (from === undefined) return
  const source = plain(textOf(from, reading))
  for (const name of childrenAt(node, 'name')) {
    const alias = childAt(name, 'alias')
    const imported = plain(textOf(alias === undefined ? name : (childAt(name, 'name') ?? name), reading))
    add(name, source, imported, alias === undefined ? imported : textOf(alias, reading), scope, reading)
  }
  const all = namedChildren(node).find((child) => child.type === 'wildcard_import')
  if (all === undefined) return
  reading.imports.push({ ...spanOf(all), source, imported: '*', variable: null, typeOnly: false })
  reading.exports.push({ ...spanOf(all), exported: '*', variable: null, value: null, source, imported: '*' })
}

function add(
  node: SyntaxNode,
  source: string,
  imported: string,
  bound: string,
  scope: Scope,
  reading: Reading,
): void {
  const variable = scope.names.get(bound) ?? null
  if (variable === null) return
  const known: Import = { ...spanOf(node), source, imported, variable, typeOnly: false }
  reading.imports.push(known)
}

function plain(name: string): string {
  return name.replaceAll(/\s+/g, '')
}
