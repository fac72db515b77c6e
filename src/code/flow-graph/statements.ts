import type { Expression, Pattern, Span } from './expressions.ts'
import type { ClassInfo, FunctionInfo } from './functions.ts'

export interface ExpressionStatement extends Span {
  readonly kind: 'expression'
  readonly expression: Expression
}

/** One declarator; `let a = 1, b` becomes two. A Python front end writes plain assignments instead. */
export interface Declare extends Span {
  readonly kind: 'declare'
  readonly keyword: 'const' | 'let' | 'var' | 'using'
  readonly target: Pattern
  readonly value: Expression | null
}

export interface Return extends Span {
  readonly kind: 'return'
  readonly value: Expression | null
}

export interface Throw extends Span {
  readonly kind: 'throw'
  readonly value: Expression | null
}

export interface If extends Span {
  readonly kind: 'if'
  readonly test: Expression
  readonly then: readonly Statement[]
  readonly otherwise: readonly Statement[]
}

/**
 * Every loop. `of`/`in`: `target` takes each element (or key) of `iterable`. `for`/`while`/`do`: `init`, `test`
 * and `update` as far as there are any. `awaits` is `for await`.
 */
export interface Loop extends Span {
  readonly kind: 'loop'
  readonly form: 'for' | 'in' | 'of' | 'while' | 'do'
  readonly label: string | null
  readonly init: readonly Statement[]
  readonly test: Expression | null
  readonly update: Expression | null
  readonly target: Pattern | null
  readonly iterable: Expression | null
  readonly awaits: boolean
  readonly body: readonly Statement[]
}

export interface SwitchCase extends Span {
  /** Null for `default`. */
  readonly test: Expression | null
  readonly body: readonly Statement[]
}

export interface Switch extends Span {
  readonly kind: 'switch'
  readonly label: string | null
  readonly subject: Expression
  readonly cases: readonly SwitchCase[]
}

export interface Catch extends Span {
  readonly param: Pattern | null
  /** Types that it catches (Python's `except`); empty: all. */
  readonly types: readonly Expression[]
  readonly body: readonly Statement[]
}

export interface Try extends Span {
  readonly kind: 'try'
  readonly body: readonly Statement[]
  readonly catches: readonly Catch[]
  readonly otherwise: readonly Statement[]
  readonly finally: readonly Statement[]
}

export interface Jump extends Span {
  readonly kind: 'break' | 'continue'
  readonly label: string | null
}

/** A nested or labelled block. Python's `with X as y` is a block that begins with the assignment `y = X`. */
export interface Block extends Span {
  readonly kind: 'block'
  readonly label: string | null
  readonly body: readonly Statement[]
}

/** Hoisted: callable in the whole function that it lies in. */
export interface FunctionDeclaration extends Span {
  readonly kind: 'function-declaration'
  readonly function: FunctionInfo
}

export interface ClassDeclaration extends Span {
  readonly kind: 'class-declaration'
  readonly class: ClassInfo
}

export type Statement =
  | ExpressionStatement
  | Declare
  | Return
  | Throw
  | If
  | Loop
  | Switch
  | Try
  | Jump
  | Block
  | FunctionDeclaration
  | ClassDeclaration
