import type { Call } from '../flow-graph/expressions.ts'
import type { FunctionInfo, Param } from '../flow-graph/functions.ts'
import { request } from '../models/python.ts'
import { taintFrom } from './load.ts'
import { bodyModel, heldToModel } from './python-body.ts'
import { entryParameter } from './python-entries.ts'
import { routeOf } from './python-names.ts'
import type { Run } from './run.ts'
import { dangerous } from './sink-hits.ts'
import { join, PLAIN, refValue, type Value } from './value.ts'

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
  const model = type === '' || route === null ? null : bodyModel(run, type)
  if (model !== null) {
    const sent = taintFrom(run, `${fn.at}.${index}`, request('body'), param)
    return heldToModel(run, model, sent, param)
  }
  const entry = HARMLESS_TYPE.test(type) ? null : entryParameter(fn, name, index, type)
  if (entry !== null) return taintFrom(run, `${fn.at}.${index}`, entry, param)
  if (route === null || HARMLESS_TYPE.test(type)) return null
  if (param.pattern.kind === 'default-pattern' && param.pattern.value.kind === 'call') {
    const { callee } = param.pattern.value
    if (callee.kind === 'name' && callee.name === 'Depends') return null
  }
  if (new RegExp(`<(?:int|float|uuid):${escaped(name)}>`).test(route)) return null
  return taintFrom(run, `${fn.at}.${index}`, request('parameters'), param)
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
