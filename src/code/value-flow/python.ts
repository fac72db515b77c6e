import type { Call, Expression } from '../flow-graph/expressions.ts'
import type { FunctionInfo, Param } from '../flow-graph/functions.ts'
import { PYTHON, request } from '../models/python.ts'
import type { Analysis } from './analysis.ts'
import { taintFrom } from './load.ts'
import type { Run } from './run.ts'
import { dangerous } from './sink-hits.ts'
import { join, PLAIN, refValue, type Value } from './value.ts'

/** What `a.b` is outside of the program: the package `a`, and `.b` of it. */
export function pythonApi(analysis: Analysis, dotted: string): Value {
  const [root = '', ...rest] = dotted.split('.')
  return refValue(analysis.api(PYTHON + root, rest.map((each) => `.${each}`).join('')))
}

/** A call's arguments in the order of a function's parameters, where they are named. */
export function inOrder(node: Call, args: readonly Value[], fn: FunctionInfo): readonly Value[] {
  const { names } = node
  if (names === undefined) return args
  const ordered: Value[] = args.filter((_, index) => names[index] == null)
  for (const [index, name] of names.entries()) {
    if (name === null) continue
    const place = fn.params.findIndex((each) => nameOf(each) === name)
    const at = place === -1 ? fn.params.findIndex((each) => each.rest && each.pattern.kind === 'name') : place
    if (at === -1) continue
    while (ordered.length < at) ordered.push(PLAIN)
    ordered[at] = ordered[at] === undefined ? (args[index] ?? PLAIN) : join(ordered[at], args[index] ?? PLAIN)
  }
  return ordered
}

/** The same for what is not of the program: named ones become one object of options at the end. */
export function withOptions(run: Run, node: Call, args: readonly Value[]): readonly Value[] {
  const { names } = node
  if (names === undefined) return args
  const options = run.analysis.objectAt(node.callee, run.fn)
  for (const [index, name] of names.entries())
    if (name !== null) run.analysis.writeField(options, name, args[index] ?? PLAIN)
  return [...args.filter((_, index) => names[index] == null), refValue(options)]
}

const ROUTE = /(?:^|\.)(?:route|get|post|put|patch|delete|options|head|api_route|websocket|before_request)$/
const HARMLESS_TYPE =
  /^(?:int|float|bool|UUID|uuid\.UUID|date|datetime|Decimal|Enum)\b|Depends|Session|Request|Response|BackgroundTasks/

/** What a framework fills a parameter with: a path's part, the request. */
export function pythonParameter(run: Run, param: Param, index: number): Value | null {
  const { fn, analysis } = run
  const name = nameOf(param)
  if (name === null || fn.module.test) return null
  const type = param.type ?? ''
  if (
    /^(?:\w+\.)*(?:Request|HttpRequest|WSGIRequest|HTTPConnection)$/.test(type) ||
    (type === '' && name === 'request')
  )
    return refValue(analysis.api('#pyrequest', ''))
  const route = routeOf(fn)
  if (route === null || HARMLESS_TYPE.test(type)) return null
  if (param.pattern.kind === 'default-pattern' && param.pattern.value.kind === 'call') {
    const { callee } = param.pattern.value
    if (callee.kind === 'name' && callee.name === 'Depends') return null
  }
  if (new RegExp(`<(?:int|float|uuid):${escaped(name)}>`).test(route)) return null
  return taintFrom(run, `${fn.at}.${index}`, request('parameters'), param)
}

/** The path of a function that a framework calls; null when it is none. */
function routeOf(fn: FunctionInfo): string | null {
  for (const each of fn.decorators) {
    if (each.kind !== 'call' || each.callee.kind !== 'member' || !ROUTE.test(each.callee.property ?? ''))
      continue
    const [path] = each.args
    if (path?.kind === 'literal' && typeof path.value === 'string') return path.value
  }
  return null
}

/** What a Flask view returns is the page, unless it is an object. */
export function pythonReturn(
  run: Run,
  value: Value,
  site: { readonly at: number; readonly end: number },
): void {
  if (
    value.taints.length === 0 ||
    routeOf(run.fn) === null ||
    !/\bflask\b/i.test(run.module.text.slice(0, 5_000))
  )
    return
  dangerous(run, [{ ...value, refs: [] }], {
    class: 'xss',
    span: site,
    sink: 'the page that is returned',
    markup: false,
  })
}

function nameOf({ pattern }: Param): string | null {
  if (pattern.kind === 'name') return pattern.name
  return pattern.kind === 'default-pattern' && pattern.target.kind === 'name' ? pattern.target.name : null
}

function escaped(text: string): string {
  return text.replaceAll(/\W/g, '\\$&')
}

type Constant = string | number | boolean | null

/** What a test comes to when it is made of constants that are assigned once; null when it is not. */
export function constantTest(run: Run, node: Expression): boolean | null {
  const value = constantOf(run, node, 0)
  return value === undefined ? null : Boolean(value)
}

function constantOf(run: Run, node: Expression, depth: number): Constant | undefined {
  if (depth > 20) return undefined
  switch (node.kind) {
    case 'literal':
      return node.value
    case 'name': {
      // A loop may come back with another value than the one that is known here.
      if (node.variable === null || node.variable.assigned > 0 || node.variable.owner !== run.fn)
        return undefined
      return run.env.get(node.variable)?.constant
    }
    case 'unary': {
      const operand = constantOf(run, node.operand, depth + 1)
      if (operand === undefined) return undefined
      return node.operator === '!'
        ? !operand
        : node.operator === '-' && typeof operand === 'number'
          ? -operand
          : undefined
    }
    case 'binary': {
      const left = constantOf(run, node.left, depth + 1)
      const right = constantOf(run, node.right, depth + 1)
      if (left === undefined || right === undefined) return undefined
      if (node.operator === '===') return left === right
      if (node.operator === '!==') return left !== right
      if (typeof left !== 'number' || typeof right !== 'number') return undefined
      return ARITHMETIC[node.operator]?.(left, right)
    }
    default:
      return undefined
  }
}

const ARITHMETIC: Readonly<Record<string, (left: number, right: number) => number | boolean>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '%': (left, right) => left % right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
}
