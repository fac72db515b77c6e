import { EvaluationError } from '@marcbachmann/cel-js'
import type { ASTNode, Context, ParseResult } from '@marcbachmann/cel-js'

/** Elements that the macros of one evaluation may visit, all together. */
export const MAX_ITERATIONS = 100_000
/** Milliseconds that the macros of one evaluation may take. */
const MAX_MACRO_TIME = 100
/** Levels of lists and maps in a value that an operator or function takes as a whole. */
const MAX_OPERAND_DEPTH = 6

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
 * Adds bounds to a type-checked expression: macros over lists count their steps and watch the clock; operators
 * throw instead of passing on NaN or an infinity, which compare in ways that nobody expects; and no operator
 * or function sees a deeply nested value, since the library keeps the type of every nesting it meets for good,
 * which strangers could use to fill the memory.
 *
 * This reaches into the nodes of cel-js 8.0.0, which has no such limits itself; the version is pinned, and
 * tests fail when the nodes change their shape.
 */
export function boundCost(parsed: ParseResult): ParseResult {
  const budget: Budget = { left: 0, deadline: 0, slow: false }
  const macros = instrument(parsed.ast, budget)
  if (!macros) return parsed
  const run = (context?: Context): unknown => {
    budget.left = MAX_ITERATIONS
    budget.slow = false
    budget.deadline = performance.now() + MAX_MACRO_TIME
    return parsed(context) as unknown
  }
  return Object.assign(run, { ast: parsed.ast, check: () => parsed.check() })
}

interface Budget {
  left: number
  deadline: number
  slow: boolean
}

type Evaluate = (evaluator: unknown, node: Node, context: unknown) => unknown

/** What is used of a node: the public type leaves out what the type checker adds. */
interface Node {
  readonly op: string
  readonly args: unknown
  readonly meta: { readonly alternate?: Node; readonly macro?: unknown }
  readonly checkedType?: { readonly kind: string }
  evaluate: Evaluate
  handle?: (first: unknown, second: unknown, node: unknown, evaluator: unknown) => unknown
  left?: Node
  right?: Node
  condition?: Node
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
      args.iterable = affordable(args.iterable, budget)
      args.step = counted(args.step, budget)
      return
    }
    if (NUMERIC.has(value.op) || value.op === '-_' || value.op === '!_') guardOperands(value)
    else if (value.op === 'call' || value.op === 'rcall') guardArguments(value)
    else if (value.op === '||' || value.op === '&&' || value.op === '?:') guardConditions(value)
    visit(value.args)
  }
  visit(root)
  return macros
}

// exists() and all() go on after a step that threw, so these are thrown once for every element that is left:
// made once, since making an Error is what costs.
const TOO_MANY = new Error(`the condition visits more than ${MAX_ITERATIONS} elements`)
const TOO_SLOW = new Error(`the condition took more than ${MAX_MACRO_TIME} ms`)

function counted(step: Node, budget: Budget): Node {
  const evaluate: Evaluate = (evaluator, _node, context) => {
    if (--budget.left < 0) throw TOO_MANY
    if (budget.slow || performance.now() > budget.deadline) {
      budget.slow = true
      throw TOO_SLOW
    }
    return step.evaluate(evaluator, step, context)
  }
  return { op: step.op, args: step.args, meta: step.meta, evaluate }
}

function affordable(iterable: Node, budget: Budget): Node {
  const evaluate: Evaluate = (evaluator, _node, context) => {
    const values = iterable.evaluate(evaluator, iterable, context)
    // What is neither a list nor a map is refused by the library.
    if (typeof values !== 'object' || values === null) return values
    const length = Array.isArray(values) ? values.length : Object.keys(values).length
    if (length > budget.left) throw TOO_MANY
    return values
  }
  return { op: iterable.op, args: iterable.args, meta: iterable.meta, evaluate }
}

function guardOperands(node: Node): void {
  const { handle } = node
  if (handle === undefined) return
  node.handle = (left, right, ast, evaluator) => {
    refuseOperand(left)
    // A unary operator gets its own node here.
    if (right !== node) refuseOperand(right)
    const value = handle(left, right, ast, evaluator)
    if (typeof value === 'number') refuseOperand(value)
    return value
  }
}

function guardArguments(node: Node): void {
  const { handle } = node
  if (handle === undefined) return
  const isSize = (node.args as readonly unknown[])[0] === 'size'
  node.handle = (values, second, third, fourth) => {
    const given = values as readonly unknown[]
    // The library walks over every character.
    if (isSize && given.length === 1 && typeof given[0] === 'string') return BigInt(codePointsIn(given[0]))
    for (const value of given) if (typeof value === 'object') refuseOperand(value)
    return handle(values, second, third, fourth)
  }
}

const HIGH_SURROGATE = /[\ud800-\udbff]/

function codePointsIn(text: string): number {
  let at = text.search(HIGH_SURROGATE)
  if (at === -1) return text.length
  let pairs = 0
  for (; at < text.length; at++) {
    if (text.codePointAt(at)! <= 0xffff) continue
    pairs++
    at++
  }
  return text.length - pairs
}

function guardConditions(node: Node): void {
  if (node.op === '?:') node.condition = booleanOnly(node.condition!)
  else {
    node.left = booleanOnly(node.left!)
    node.right = booleanOnly(node.right!)
  }
}

function booleanOnly(node: Node): Node {
  if (node.checkedType?.kind !== 'dyn') return node
  const evaluate: Evaluate = (evaluator, _node, context) => {
    const value = node.evaluate(evaluator, node, context)
    if (typeof value === 'boolean') return value
    throw new EvaluationError('true or false was expected')
  }
  return { op: node.op, args: node.args, meta: node.meta, evaluate }
}

function refuseOperand(value: unknown): void {
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return
    throw new EvaluationError('a number is not finite (a division by zero, or too large)')
  }
  // The type of a list or map is told by its first element, and so on down.
  let inner = value
  for (let depth = 0; typeof inner === 'object' && inner !== null; depth++) {
    if (depth >= MAX_OPERAND_DEPTH)
      throw new EvaluationError(`a value is nested deeper than ${MAX_OPERAND_DEPTH} levels`)
    if (Array.isArray(inner)) inner = inner[0] as unknown
    else if (inner.constructor === Object || inner.constructor === undefined) inner = firstOf(inner)
    else return
  }
}

function firstOf(map: object): unknown {
  for (const key in map) return (map as Record<string, unknown>)[key]
  return undefined
}

function isNode(value: object): value is Node {
  return 'op' in value && 'evaluate' in value && 'meta' in value
}
