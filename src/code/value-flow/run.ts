import type { Call, Expression, Member, Pattern, Span } from '../flow-graph/expressions.ts'
import type { ClassInfo, FunctionInfo } from '../flow-graph/functions.ts'
import type { Module } from '../flow-graph/module.ts'
import type { Statement } from '../flow-graph/statements.ts'
import type { Analysis, Summary } from './analysis.ts'
import type { Environment } from './environment.ts'
import type { Value } from './value.ts'

/** One reading of one function. */
export interface Run {
  readonly analysis: Analysis
  readonly fn: FunctionInfo
  readonly module: Module
  readonly summary: Summary
  env: Environment
  /** Environments at `break` and `continue`, per loop or switch around; innermost last. */
  readonly exits: {
    readonly label: string | null
    readonly loop: boolean
    broken: Environment[]
    continued: Environment[]
  }[]
  /** How many calls deep, where one reading led to another. */
  readonly depth: number
  loops: number
  /** Where nothing depends on a condition: the environment at the top of the body. */
  readonly top: Environment
  /** A function was made that may read this one's variables. */
  shared: boolean
}

/** Reading is recursive and modules are not: its parts call each other through this table. */
export interface Parts {
  evaluate(run: Run, node: Expression): Value
  call(run: Run, node: Call): Value
  /** Calls a value with values, as callbacks are called. */
  invoke(run: Run, callee: Value, args: readonly Value[], receiver: Value, site: Span): Value
  load(run: Run, object: Value, field: string | null, key: Value, site: Span): Value
  member(run: Run, node: Member): Value
  /** A part of a handler's input as the schema of its route has let it by. */
  validated(run: Run, part: string, value: Value, site: object): Value
  assign(run: Run, target: Pattern, value: Value, declares: boolean): void
  execute(run: Run, statements: readonly Statement[]): void
  /** Keeps what a condition excludes, for the way on which it is `outcome`. */
  assume(run: Run, condition: Expression, outcome: boolean): void
  read(analysis: Analysis, fn: FunctionInfo, depth: number): void
  defineClass(run: Run, info: ClassInfo): Value
  /** What a module is that is named as an import names it. */
  required(run: Run, source: string): Value
}

export const PART = {} as Parts
