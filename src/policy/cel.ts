import { EvaluationError, ParseError } from '@marcbachmann/cel-js'
import type { Context, ParseResult } from '@marcbachmann/cel-js'
import { ActionScope, AgentScope, environment, History, MAX_EXPRESSION_LENGTH } from './cel-environment.ts'
import { boundCost } from './cel-cost.ts'
import { inspect } from './cel-inspect.ts'
import type { Inspection } from './cel-inspect.ts'
import type { Expression, Scope } from './policy.ts'

/** What is wrong with an expression. `start` and `end` are offsets into its source. */
export class ExpressionFault extends Error {
  readonly start: number
  readonly end: number

  constructor(message: string, start = 0, end = start) {
    super(message)
    this.name = 'ExpressionFault'
    this.start = start
    this.end = end
  }
}

/** A compiled expression with what it was found to look at. */
export interface CompiledExpression<T> extends Expression<T>, Inspection {
  /** The value where no name is used, so that it is the same for every action. */
  readonly constant: T | undefined
}

type Lists = Readonly<Record<string, readonly string[]>>

export function compileExpression(source: string, type: 'bool', lists: Lists): CompiledExpression<boolean>
export function compileExpression(
  source: string,
  type: 'strings',
  lists: Lists,
): CompiledExpression<readonly string[]>
/**
 * Compiles a CEL condition (or, with `strings`, an expression that gives a string or a list of strings).
 * Throws `ExpressionFault` when it does not parse, uses a name, field or function that does not exist, passes
 * something else than literals to `history`, names an unknown list, or gives another type.
 */
export function compileExpression(
  source: string,
  type: 'bool' | 'strings',
  lists: Lists,
): CompiledExpression<boolean> | CompiledExpression<readonly string[]> {
  if (source.length > MAX_EXPRESSION_LENGTH)
    throw new ExpressionFault(
      `at most ${MAX_EXPRESSION_LENGTH} characters, not ${source.length}`,
      MAX_EXPRESSION_LENGTH,
    )
  const parsed = faultsOf(() => environment.parse(source))
  const inspection = inspect(parsed.ast, lists, (message, node) => {
    throw new ExpressionFault(message, node.start, node.end)
  })
  const checked = parsed.check()
  if (!checked.valid) throw asFault(checked.error)
  if (!TYPES[type].has(checked.type!))
    throw new ExpressionFault(`it must give ${GIVES[type]}, not ${checked.type}`, 0, source.length)
  const run = boundCost(parsed)
  return type === 'bool'
    ? compiled(source, run, inspection, lists, asBoolean)
    : compiled(source, run, inspection, lists, asStrings)
}

const TYPES = {
  bool: new Set(['bool', 'dyn']),
  strings: new Set(['string', 'list', 'list<string>', 'dyn']),
} as const

const GIVES = { bool: 'true or false', strings: 'a string or a list of strings' } as const

function compiled<T>(
  source: string,
  run: ParseResult,
  inspection: Inspection,
  lists: Lists,
  convert: (value: unknown) => T,
): CompiledExpression<T> {
  const evaluate = (scope: Scope): T => convert(run(contextOf(scope, lists)))
  return { ...inspection, source, evaluate, constant: constantOf(run, inspection, convert) }
}

let last: { readonly scope: Scope; readonly lists: Lists; readonly context: Context } | null = null

/** Every condition of a policy is asked about the same scope in turn, so what they are given is made once. */
function contextOf(scope: Scope, lists: Lists): Context {
  if (last?.scope !== scope || last.lists !== lists)
    last = { scope, lists, context: contextFor(scope, lists) }
  return last.context
}

function contextFor(scope: Scope, lists: Lists): Context {
  return {
    action: new ActionScope(scope.action),
    agent: new AgentScope(scope.agent),
    input: scope.input,
    result: scope.result,
    lists,
    history: new History(scope.history, 'agent'),
    history_all: new History(scope.history, 'all'),
    now: new Date(scope.now),
  }
}

function constantOf<T>(
  run: ParseResult,
  inspection: Inspection,
  convert: (value: unknown) => T,
): T | undefined {
  if (inspection.names.size > 0) return undefined
  try {
    return convert(run({}))
  } catch {
    return undefined
  }
}

function asBoolean(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new EvaluationError('the condition gave neither true nor false')
}

function asStrings(value: unknown): readonly string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value]
  if (values.every((entry) => typeof entry === 'string')) return values
  throw new EvaluationError('the expression gave neither a string nor a list of strings')
}

function faultsOf<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw asFault(error)
  }
}

function asFault(error: unknown): ExpressionFault {
  if (error instanceof ExpressionFault) return error
  if (error instanceof ParseError || (error instanceof Error && 'summary' in error)) {
    const { summary, range } = error as ParseError
    return new ExpressionFault(summary, range?.start ?? 0, range?.end ?? range?.start ?? 0)
  }
  return new ExpressionFault(error instanceof Error ? error.message : String(error))
}
