import { EvaluationError } from '@marcbachmann/cel-js'
import type { ASTNode, Context, ParseResult } from '@marcbachmann/cel-js'

/** Elements that the macros of one evaluation may visit, all together. */
export const MAX_ITERATIONS = 100_000
/** Milliseconds that the macros of one evaluation may take. */
export const MAX_MACRO_TIME = 100

const NUMERIC: ReadonlySet<string> = new Set([
  '+',
  '-',
  '*',
  '/',
  '%',
  '<',
  '<=',
  '>',
  '>=',
  '==',
  '!=',
  'in',
])

/**
 * Adds two bounds to a type-checked expression: macros over lists count their steps and watch the clock, and
 * operators throw instead of passing on NaN or an infinity, which compare in ways that nobody expects.
 *
 * This reaches into the nodes of cel-js 8.0.0, which has no such limits itself; the version is pinned, and
 * tests fail when the nodes change their shape.
 */
export function boundCost(parsed: ParseResult): ParseResult {
  const budget = { left: 0, deadline: 0 }
  const macros = instrument(parsed.ast, budget)
  if (!macros) return parsed
  const run = (context?: Context): unknown => {
    budget.left = MAX_ITERATIONS
    budget.deadline = performance.now() + MAX_MACRO_TIME
    return parsed(context) as unknown
  }
  return Object.assign(run, { ast: parsed.ast, check: () => parsed.check() })
}

interface Budget {
  left: number
  deadline: number
}

type Evaluate = (evaluator: unknown, node: Node, context: unknown) => unknown

/** What is used of a node: the public type leaves out what the type checker adds. */
interface Node {
  readonly op: string
  readonly args: unknown
  readonly meta: { readonly alternate?: Node; readonly macro?: unknown }
  evaluate: Evaluate
  handle?: (left: unknown, right: unknown, node: unknown, evaluator: unknown) => unknown
}

function instrument(root: ASTNode, budget: Budget): boolean {
  let macros = false
  const seen = new Set<unknown>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return
    seen.add(value)
    if (Array.isArray(value)) return value.forEach(visit)
    if (!isNode(value)) return
    if (value.meta.alternate !== undefined) visit(value.meta.alternate)
    if (value.op === 'comprehension') {
      macros = true
      const args = value.args as { iterable: Node; step: Node }
      visit(args.iterable)
      visit(args.step)
      args.step = counted(args.step, budget)
      return
    }
    if (NUMERIC.has(value.op) || value.op === '-_') guardNumbers(value)
    visit(value.args)
  }
  visit(root)
  return macros
}

function counted(step: Node, budget: Budget): Node {
  const evaluate: Evaluate = (evaluator, _node, context) => {
    if (--budget.left < 0)
      throw new EvaluationError(`the condition visits more than ${MAX_ITERATIONS} elements`)
    if (performance.now() > budget.deadline)
      throw new EvaluationError(`the condition took more than ${MAX_MACRO_TIME} ms`)
    return step.evaluate(evaluator, step, context)
  }
  return { op: step.op, args: step.args, meta: step.meta, evaluate }
}

function guardNumbers(node: Node): void {
  const { handle } = node
  if (handle === undefined) return
  node.handle = (left, right, ast, evaluator) => {
    refuseEndless(left)
    refuseEndless(right)
    const value = handle(left, right, ast, evaluator)
    refuseEndless(value)
    return value
  }
}

function refuseEndless(value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new EvaluationError('a number is not finite (a division by zero, or too large)')
}

function isNode(value: object): value is Node {
  return 'op' in value && 'evaluate' in value && 'meta' in value
}
