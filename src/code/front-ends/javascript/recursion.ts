import type { Element, Expression, Pattern } from '../../flow-graph/expressions.ts'
import type { ClassInfo, FunctionInfo, Variable } from '../../flow-graph/functions.ts'
import type { Statement } from '../../flow-graph/statements.ts'
import type { Ast } from './ast.ts'
import type { Lowering } from './lowering.ts'

/** Where a function comes from, when its own node does not say. */
export interface FunctionPlace {
  readonly name: string
  readonly form?: FunctionInfo['form']
  readonly static?: boolean
  /** The node that carries the decorators, when it is not the function itself. */
  readonly member?: Ast
}

/** The grammar is recursive and modules are not: lowerers call each other through this table. */
export interface Lowerers {
  expression(lowering: Lowering, node: Ast, name?: string): Expression
  decorators(lowering: Lowering, node: Ast): readonly Expression[]
  pattern(lowering: Lowering, node: Ast, kind: Variable['kind'] | null): Pattern
  element(lowering: Lowering, node: Ast): Element
  function(lowering: Lowering, node: Ast, place: FunctionPlace): FunctionInfo
  class(lowering: Lowering, node: Ast, name: string): ClassInfo
  statements(lowering: Lowering, nodes: readonly Ast[]): Statement[]
  statement(lowering: Lowering, node: Ast, into: Statement[]): void
  moduleItem(lowering: Lowering, node: Ast, into: Statement[]): void
}

export const LOWER = {} as Lowerers
