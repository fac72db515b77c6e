import type { Call, Expression } from '../flow-graph/expressions.ts'
import type { Switch, SwitchCase } from '../flow-graph/statements.ts'
import type { Run } from './run.ts'
import type { Constant, Value } from './value.ts'

const DEPTH_LIMIT = 20
const TEXT_LIMIT = 10_000

/** What a test comes to when it is made of constants; null when it is not. */
export function constantTest(run: Run, node: Expression): boolean | null {
  const value = pythonConstant(run, node)
  return value === undefined ? null : Boolean(value)
}

/** The cases of a `match` that can be run when its subject is a constant; all of them when it is not. */
export function possibleCases(run: Run, node: Switch): readonly SwitchCase[] {
  const subject = pythonConstant(run, node.subject)
  if (subject === undefined) return node.cases
  for (const [index, each] of node.cases.entries()) {
    if (each.test === null) return node.cases.slice(index)
    const test = pythonConstant(run, each.test)
    if (test === undefined) return node.cases.slice(index)
    if (test !== subject) continue
    // Alternatives lie before the body that they share.
    const { body } = node.cases.slice(index).find((one) => one.body.length > 0) ?? each
    return [{ ...each, test: null, body }]
  }
  return []
}

/** The value of an expression that is made of constants; undefined when it is not one, or not known to be. */
export function pythonConstant(run: Run, node: Expression): Constant | undefined {
  return constantOf(run, node, 0)
}

function constantOf(run: Run, node: Expression, depth: number): Constant | undefined {
  if (depth > DEPTH_LIMIT) return undefined
  const of = (inner: Expression): Constant | undefined => constantOf(run, inner, depth + 1)
  switch (node.kind) {
    case 'literal':
      return node.value
    case 'name': {
      const { variable } = node
      if (variable === null || variable.owner !== run.fn) return undefined
      // A function nested in this one, or an earlier round of a loop, may give it another value.
      if (variable.assigned > 0 && (variable.captured || run.loops > 0)) return undefined
      return variable.kind === 'param' ? undefined : known(run.env.get(variable))
    }
    case 'unary': {
      const operand = of(node.operand)
      if (operand === undefined) return undefined
      if (node.operator === '!') return !operand
      return node.operator === '-' && typeof operand === 'number' ? -operand : undefined
    }
    case 'binary': {
      const left = of(node.left)
      const right = left === undefined ? undefined : of(node.right)
      return left === undefined || right === undefined ? undefined : operate(node.operator, left, right)
    }
    case 'logical': {
      const left = of(node.left)
      if (left === undefined) return undefined
      return Boolean(left) === (node.operator === '&&') ? of(node.right) : left
    }
    case 'conditional': {
      const test = of(node.test)
      return test === undefined ? undefined : of(test ? node.then : node.otherwise)
    }
    case 'member': {
      if (node.key === null) return undefined
      const [text, index] = [of(node.object), of(node.key)]
      return typeof text === 'string' && typeof index === 'number' ? text.at(index) : undefined
    }
    case 'call':
      return callOf(node, of)
    default:
      return undefined
  }
}

function known(value: Value | undefined): Constant | undefined {
  return value === undefined || value.taints.length > 0 ? undefined : value.constant
}

function operate(operator: string, left: Constant, right: Constant): Constant | undefined {
  if (operator === '===') return left === right
  if (operator === '!==') return left !== right
  if (typeof left === 'string' && typeof right === 'string') {
    if (operator === 'in') return right.includes(left)
    if (operator === '+') return left.length + right.length > TEXT_LIMIT ? undefined : left + right
    return undefined
  }
  if (typeof left !== 'number' || typeof right !== 'number') return undefined
  return ARITHMETIC[operator]?.(left, right)
}

const ARITHMETIC: Readonly<Record<string, (left: number, right: number) => number | boolean>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  // As Python does it: the sign is the divisor's.
  '%': (left, right) => left - right * Math.floor(left / right),
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
}

function callOf(node: Call, of: (inner: Expression) => Constant | undefined): Constant | undefined {
  const { callee, args } = node
  if (node.names !== undefined || args.length > 2) return undefined
  if (callee.kind === 'name') {
    if (callee.variable !== null || args.length !== 1) return undefined
    const value = of(args[0] as Expression)
    if (callee.name === 'len') return typeof value === 'string' ? value.length : undefined
    if (callee.name === 'str') return typeof value === 'string' ? value : undefined
    return undefined
  }
  if (callee.kind !== 'member' || callee.property === null) return undefined
  const text = of(callee.object)
  if (typeof text !== 'string') return undefined
  const values = args.map(of)
  if (values.includes(undefined)) return undefined
  const [first] = values
  switch (callee.property) {
    case 'lower':
      return text.toLowerCase()
    case 'upper':
      return text.toUpperCase()
    case 'strip':
      return values.length === 0 ? text.trim() : undefined
    case 'startswith':
      return typeof first === 'string' ? text.startsWith(first) : undefined
    case 'endswith':
      return typeof first === 'string' ? text.endsWith(first) : undefined
    case 'find':
      return typeof first === 'string' && values.length === 1 ? text.indexOf(first) : undefined
    case 'slice':
      return values.length > 0 && values.every((each) => typeof each === 'number')
        ? text.slice(...values)
        : undefined
    default:
      return undefined
  }
}
