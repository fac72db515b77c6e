import type { Expression } from '../../flow-graph/expressions.ts'
import type { Statement } from '../../flow-graph/statements.ts'
import type { SyntaxNode } from '../syntax-tree.ts'
import type { Reading, Scope } from './scopes.ts'

/** The grammar is recursive and modules are not: what stands further out is reached through this table. */
export interface Lowerers {
  lambda(node: SyntaxNode, scope: Scope, reading: Reading): Expression
  comprehension(node: SyntaxNode, scope: Scope, reading: Reading): Expression
  block(block: SyntaxNode | undefined, scope: Scope, reading: Reading): readonly Statement[]
}

export const LOWER = {} as Lowerers
