import type { ClassInfo, FunctionInfo, Variable } from '../../flow-graph/functions.ts'
import type { Export, Import, Module } from '../../flow-graph/module.ts'
import { childAt, childrenAt, namedChildren, type SyntaxNode } from '../syntax-tree.ts'

export type Draft<T> = { -readonly [K in keyof T]: T[K] }

/** The file as far as it has been read. */
export interface Reading {
  readonly text: string
  readonly module: Module
  readonly functions: FunctionInfo[]
  readonly classes: ClassInfo[]
  readonly imports: Import[]
  readonly exports: Export[]
}

/** Names of one function; Python gives a name to the whole function that binds it anywhere. */
export interface Scope {
  readonly parent: Scope | null
  readonly info: FunctionInfo
  readonly variables: Variable[]
  readonly names: Map<string, Variable>
  /** Bound elsewhere, by `global` (true) or `nonlocal`. */
  readonly elsewhere: ReadonlyMap<string, boolean>
  /** What the first parameter of a method is called: it is the object itself. */
  readonly self: string | null
}

/** A scope with every name that the code below `body` binds in it. Parameters are declared by the caller, before. */
export function openScope(
  info: FunctionInfo,
  parent: Scope | null,
  self: string | null,
  bodies: readonly SyntaxNode[],
  text: string,
): Scope {
  const bound = new Map<string, { kind: Variable['kind']; at: number; type: string | null }>()
  const elsewhere = new Map<string, boolean>()
  const bind = (node: SyntaxNode, kind: Variable['kind'], type: string | null = null): void => {
    const name = text.slice(node.at, node.end)
    if (!bound.has(name)) bound.set(name, { kind, at: node.at, type })
  }
  for (const body of bodies) collect(body, bind, elsewhere, text)
  const variables: Variable[] = []
  const scope: Scope = { parent, info, variables, names: new Map(), elsewhere, self }
  for (const [name, { kind, at, type }] of bound)
    if (!elsewhere.has(name) && name !== self) declare(scope, name, kind, at, type)
  return scope
}

export function declare(
  scope: Scope,
  name: string,
  kind: Variable['kind'],
  at: number,
  type: string | null = null,
): Variable {
  const earlier = scope.names.get(name)
  if (earlier !== undefined) return earlier
  // The first write is the one that declares it.
  const assigned = kind === 'var' || kind === 'function' || kind === 'class' ? -1 : 0
  const variable: Variable = { name, kind, owner: scope.info, at, assigned, captured: false, type }
  scope.names.set(name, variable)
  scope.variables.push(variable)
  return variable
}

/** What a name stands for; `self`: the object that the method belongs to. */
export function resolve(scope: Scope, name: string): Variable | 'self' | null {
  let from = scope
  if (scope.elsewhere.get(name) === true) while (from.parent !== null) from = from.parent
  for (let at: Scope | null = from; at !== null; at = at.parent) {
    const variable = at.names.get(name)
    if (variable !== undefined) {
      if (at !== scope) variable.captured = true
      return variable
    }
    if (at.self === name) return 'self'
  }
  return null
}

type Bind = (node: SyntaxNode, kind: Variable['kind'], type?: string | null) => void

function collect(node: SyntaxNode, bind: Bind, elsewhere: Map<string, boolean>, text: string): void {
  switch (node.type) {
    case 'function_definition':
    case 'class_definition': {
      const name = childAt(node, 'name')
      if (name !== undefined) bind(name, node.type === 'class_definition' ? 'class' : 'function')
      return
    }
    case 'lambda':
    case 'list_comprehension':
    case 'set_comprehension':
    case 'dictionary_comprehension':
    case 'generator_expression':
      return
    case 'global_statement':
    case 'nonlocal_statement':
      for (const name of namedChildren(node))
        elsewhere.set(text.slice(name.at, name.end), node.type === 'global_statement')
      return
    case 'assignment': {
      const type = childAt(node, 'type')
      bindTargets(
        childAt(node, 'left'),
        bind,
        type === undefined ? null : text.slice(type.at, Math.min(type.end, type.at + 200)),
      )
      break
    }
    case 'augmented_assignment':
    case 'for_statement':
      bindTargets(childAt(node, 'left'), bind)
      break
    case 'named_expression':
      bindTargets(childAt(node, 'name'), bind)
      break
    case 'as_pattern_target':
      for (const target of namedChildren(node)) bindTargets(target, bind)
      return
    case 'case_pattern':
      bindCaptures(node, bind)
      return
    case 'import_statement':
    case 'import_from_statement':
      for (const name of childrenAt(node, 'name')) bindImport(name, node.type, bind)
      return
  }
  for (const child of node.children) collect(child, bind, elsewhere, text)
}

function bindTargets(target: SyntaxNode | undefined, bind: Bind, type: string | null = null): void {
  if (target === undefined) return
  if (target.type === 'identifier') bind(target, 'var', type)
  else if (
    /^(?:pattern_list|tuple_pattern|list_pattern|tuple|list|list_splat_pattern|list_splat|expression_list|parenthesized_expression)$/.test(
      target.type,
    )
  )
    for (const child of target.children) bindTargets(child, bind)
}

/** Names that a pattern of `match` takes; a dotted name is compared with. */
function bindCaptures(pattern: SyntaxNode, bind: Bind): void {
  for (const name of capturesOf(pattern)) bind(name, 'var')
}

export function capturesOf(pattern: SyntaxNode): readonly SyntaxNode[] {
  if (pattern.type === 'dotted_name') {
    const [only, ...more] = namedChildren(pattern)
    return only === undefined || more.length > 0 ? [] : [only]
  }
  if (pattern.type === 'class_pattern') return namedChildren(pattern).slice(1).flatMap(capturesOf)
  if (pattern.type === 'keyword_pattern') return namedChildren(pattern).slice(1).flatMap(captureOrName)
  if (pattern.type === 'as_pattern' || pattern.type === 'splat_pattern')
    return namedChildren(pattern).flatMap(captureOrName)
  if (pattern.type === 'identifier') return []
  return namedChildren(pattern).flatMap(capturesOf)
}

function captureOrName(pattern: SyntaxNode): readonly SyntaxNode[] {
  return pattern.type === 'identifier' ? [pattern] : capturesOf(pattern)
}

function bindImport(name: SyntaxNode, statement: string, bind: Bind): void {
  const alias = childAt(name, 'alias')
  if (alias !== undefined) return bind(alias, 'import')
  const parts = namedChildren(name)
  // `import a.b` binds a; see `dottedName` for what becomes of a.b in the code.
  if (statement === 'import_statement' && parts.length > 1) {
    bind(name, 'import')
    return bind(parts[0]!, 'import')
  }
  bind(name, 'import')
}
