import type { Expression, Pattern, Span } from './expressions.ts'
import type { Module } from './module.ts'
import type { Statement } from './statements.ts'

/**
 * A binding. The front end fills in everything: `assigned` counts writes besides the declaration's own value,
 * `captured` says that a function nested in the declaring one reads or writes it.
 */
export interface Variable {
  readonly name: string
  readonly kind: 'const' | 'let' | 'var' | 'param' | 'function' | 'class' | 'import' | 'catch'
  /** The function that it belongs to; a module's top level is a function as well. */
  readonly owner: FunctionInfo
  readonly at: number
  assigned: number
  captured: boolean
  /** A function nested in the declaring one writes it; not told for Python. */
  writtenInside?: boolean
  /** Text of its type annotation, if any: at most 200 characters. */
  type: string | null
}

export interface Param extends Span {
  readonly pattern: Pattern
  readonly rest: boolean
  readonly type: string | null
  readonly decorators: readonly Expression[]
}

/**
 * A function, method, accessor, or a module's top level. Expression-bodied arrows and lambdas have one `return`.
 * Names are given after the variable, property or method that holds the function; '' when there is none.
 */
export interface FunctionInfo extends Span {
  /** Unique within the program; assigned when the module is added. */
  id: number
  readonly name: string
  readonly form: 'module' | 'function' | 'arrow' | 'method' | 'getter' | 'setter' | 'constructor'
  readonly module: Module
  /** The function around it; null for a module's top level. */
  readonly parent: FunctionInfo | null
  readonly class: ClassInfo | null
  readonly static: boolean
  readonly async: boolean
  readonly generator: boolean
  readonly params: readonly Param[]
  readonly body: readonly Statement[]
  readonly decorators: readonly Expression[]
  readonly variables: readonly Variable[]
  /** Directives at the top of the body, as 'use server'. */
  readonly directives: readonly string[]
}

export interface Field extends Span {
  readonly name: string | null
  readonly value: Expression | null
  readonly static: boolean
  readonly type: string | null
  readonly decorators: readonly Expression[]
}

export interface ClassInfo extends Span {
  readonly name: string
  readonly module: Module
  readonly superClass: Expression | null
  readonly methods: readonly FunctionInfo[]
  readonly fields: readonly Field[]
  readonly decorators: readonly Expression[]
}
