import type { Expression, Name, Span, Unknown } from '../../flow-graph/expressions.ts'
import type { ClassInfo, FunctionInfo } from '../../flow-graph/functions.ts'
import type { Export, Import, Module } from '../../flow-graph/module.ts'
import type { Ast } from './ast.ts'
import { Binder, type Scope } from './scopes.ts'

/** Expressions nested deeper than this are cut off. */
export const DEPTH_LIMIT = 500

/** The file that is being lowered, and where in it we are. */
export interface Lowering {
  readonly module: Module
  readonly functions: FunctionInfo[]
  readonly classes: ClassInfo[]
  readonly imports: Import[]
  readonly exports: Export[]
  readonly binder: Binder
  scope: Scope
  /** The class whose members are being read. */
  class: ClassInfo | null
  depth: number
}

export function nameAt(lowering: Lowering, name: string, span: Ast | Span, write = false): Name {
  const [at, end] = 'start' in span ? [span.start, span.end] : [span.at, span.end]
  const made: Name = { kind: 'name', name, variable: null, at, end }
  lowering.binder.use(lowering.scope, made, write)
  return made
}

export function unknown(node: Ast, parts: readonly Expression[] = []): Unknown {
  return { kind: 'unknown', parts, at: node.start, end: node.end }
}

export function undefinedAt(node: Ast): Expression {
  return { kind: 'literal', value: undefined, at: node.start, end: node.end }
}

export function enterScope(lowering: Lowering, owner: FunctionInfo, functional: boolean): Scope {
  const before = lowering.scope
  lowering.scope = { parent: before, owner, functional, names: null }
  return before
}

/** The text of a type annotation (`: string` without the colon), at most 200 characters. */
export function typeText(lowering: Lowering, node: Ast | null | undefined): string | null {
  const annotation = node?.typeAnnotation
  if (!annotation) return null
  const inner = annotation.type === 'TSTypeAnnotation' ? annotation.typeAnnotation : annotation
  if (!inner) return null
  return lowering.module.text.slice(inner.start, Math.min(inner.end, inner.start + 200))
}

/** The name of a property, parameter or binding when it is constant. */
export function keyText(key: Ast, computed: boolean): string | null {
  if (!computed && (key.type === 'Identifier' || key.type === 'PrivateIdentifier'))
    return key.type === 'PrivateIdentifier' ? `#${key.name}` : key.name
  if (key.type === 'Literal') {
    const value: unknown = key.value
    if (typeof value === 'string' || typeof value === 'number') return String(value)
  }
  if (key.type === 'TemplateLiteral' && key.quasis.length === 1) return cooked(key.quasis[0] as Ast)
  return null
}

/** The text of a piece of a template, escapes resolved where they are valid. */
export function cooked(quasi: Ast): string {
  const value = quasi.value as unknown as { cooked?: string | null; raw: string }
  return value.cooked ?? value.raw
}
