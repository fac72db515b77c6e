import type { Call, Expression, Span } from '../flow-graph/expressions.ts'
import type { FunctionInfo } from '../flow-graph/functions.ts'
import type { Module } from '../flow-graph/module.ts'
import { CLASS } from '../models/classes.ts'
import { clearedByName } from '../models/effects.ts'
import { keepArguments } from './arguments.ts'
import { callApi } from './call-api.ts'
import { callMethod } from './call-method.ts'
import { registerHandlers } from './handlers.ts'
import { requiredValue } from './imports.ts'
import { substitute, argumentOf } from './labels.ts'
import { elementOf, load, prototypeOf } from './load.ts'
import { inOrder, withOptions } from './python.ts'
import { PART, type Run } from './run.ts'
import { checkUnknownCall } from './check-call.ts'
import { forget } from './shapes.ts'
import { hit } from './sink-hits.ts'
import { type ApiRef, type ClassRef, cleared, derived, join, PLAIN, refValue, type Value } from './value.ts'

const DEPTH_LIMIT = 24

/** A call, with what its callee may be: functions of the program, APIs, methods of built-in things. */
export function call(run: Run, node: Call): Value {
  const callee = node.callee
  let receiver = PLAIN
  let target: Value
  let method: string | null = null
  if (callee.kind === 'member') {
    receiver = PART.evaluate(run, callee.object)
    const key = callee.key === null ? PLAIN : PART.evaluate(run, callee.key)
    method = callee.property ?? (typeof key.constant === 'string' ? key.constant : null)
    target = load(run, receiver, method, key, callee)
    if (method === null && !node.construct && run.module.language !== 'python')
      for (const taint of target.taints)
        if ((taint.mask & CLASS.reached) !== 0)
          hit(run, taint, { class: 'dispatch', need: CLASS.protokey, span: node, sink: 'a method call' })
  } else if (callee.kind === 'super') target = parentConstructor(run)
  else target = PART.evaluate(run, callee)
  if (callee.kind === 'name' && callee.variable === null && callee.name === 'require') {
    const source = node.args[0] === undefined ? PLAIN : PART.evaluate(run, node.args[0])
    if (typeof source.constant === 'string') return requiredValue(run, source.constant)
  }
  const args = evaluateArguments(run, node.args)
  const name = method ?? (callee.kind === 'name' ? callee.name : '')
  let out = PLAIN
  let known = false
  for (const ref of target.refs) {
    switch (ref.kind) {
      case 'function':
        known = true
        noteTarget(run.module, node, ref.fn)
        out = join(
          out,
          node.construct
            ? construct(run, ref.fn, refInstance(run, ref.fn), inOrder(node, args, ref.fn), node)
            : enter(
                run,
                ref.fn,
                inOrder(node, args, ref.fn),
                callee.kind === 'super' ? PART.evaluate(run, { ...callee, kind: 'this' }) : receiver,
                node,
              ),
        )
        break
      case 'class':
        known = true
        out = join(out, constructClass(run, ref, args, node))
        break
      case 'api':
        known = true
        noteApi(run.module, node, ref)
        // What a request gave is a text as well: the text's own method is what is called.
        if (textMethod(run, method, receiver)) break
        out = join(
          out,
          callApi(run, { node, ref, args: withOptions(run, node, args), receiver, target, method: name }),
        )
        break
      case 'object':
      case 'regex':
    }
  }
  if (method !== null && !node.construct) {
    const built = callMethod(run, { node, receiver, method, args, target })
    if (built !== null) {
      known = true
      out = join(out, built)
    }
  }
  registerHandlers(run, { node, receiver, method, args })
  if (!known || target.refs.every((each) => each.kind === 'api'))
    checkUnknownCall(run, node, name, receiver, withOptions(run, node, args))
  if (!known) for (const each of args) forget(run, each)
  if (!known && out === PLAIN) out = unknownResult(run, node, name, receiver, args)
  else if (name !== '' && out.taints.length > 0 && !replacesItself(run, target))
    out = cleared(out, clearedByName(name))
  return run.env.checked(out)
}

function textMethod(run: Run, method: string | null, receiver: Value): boolean {
  return (
    run.module.language === 'python' &&
    receiver.taints.length > 0 &&
    method !== null &&
    /^(?:replace|l?strip|rstrip|lower|upper|encode|split|rsplit|splitlines|partition|startswith|endswith|find|isdigit|isalnum|isalpha)$/.test(
      method,
    )
  )
}

/** What it makes safe is known from what it does: all that may be called are functions of the program that replace. */
function replacesItself(run: Run, target: Value): boolean {
  return (
    target.refs.length > 0 &&
    target.refs.every((each) => each.kind === 'function' && run.analysis.summaryOf(each.fn).replaces)
  )
}

/** What nobody knows of gives back a part of its receiver, and what it is named after. */
function unknownResult(run: Run, node: Call, name: string, receiver: Value, args: readonly Value[]): Value {
  let out = derived(receiver)
  if (
    /^(?:decode|unescape|parse|format|trim|normali[sz]e|concat|join|clone|merge|extend|assign|defaults|stringify|to[A-Z]|replace|expand|resolve|build|make|create|wrap|quote|escape|encode|get)/.test(
      name,
    ) &&
    receiver.refs.length === 0
  )
    for (const each of args) out = join(out, derived(each))
  // Callbacks of functions that we do not know get parts of what they are given beside.
  if (
    /^(?:each|forEach|map|filter|some|every|reduce|find|forOwn|forIn|times|then|series|parallel|waterfall|eachSeries|mapSeries|tap)/.test(
      name,
    )
  )
    for (const callback of args) {
      if (!callback.refs.some((each) => each.kind === 'function')) continue
      const given = args.filter((each) => each !== callback).map((each) => elementOf(run, each))
      out = join(out, PART.invoke(run, callback, given, PLAIN, node))
    }
  return cleared(out, clearedByName(name))
}

export function evaluateArguments(run: Run, nodes: readonly Expression[]): Value[] {
  const args: Value[] = []
  for (const each of nodes) {
    const value = PART.evaluate(run, each)
    if (each.kind !== 'spread') {
      args.push(value)
      continue
    }
    const list = value.refs.find((ref) => ref.kind === 'object' && ref.array)
    if (list?.kind === 'object' && list.fields.size > 0)
      for (let index = 0; index < list.fields.size; index++)
        args.push(join(list.fields.get(String(index)) ?? PLAIN, list.element))
    else for (let copies = 0; copies < 3; copies++) args.push(elementOf(run, value))
  }
  return args
}

/** Calls that were told what they lead to, by module: a module may be read again for another program. */
const told = new WeakMap<Module, Call[]>()

/** Calls lead nowhere yet. */
export function forgetCalls(modules: readonly Module[]): void {
  for (const module of modules) {
    for (const call of told.get(module) ?? []) {
      call.targets = []
      call.api = null
    }
    told.delete(module)
  }
}

function tell(module: Module, node: Call): void {
  if (node.targets.length > 0 || node.api !== null) return
  const calls = told.get(module)
  if (calls === undefined) told.set(module, [node])
  else calls.push(node)
}

function noteTarget(module: Module, node: Call, fn: FunctionInfo): void {
  if (node.targets.includes(fn) || node.targets.length >= 8) return
  tell(module, node)
  node.targets = [...node.targets, fn]
}

function noteApi(module: Module, node: Call, ref: ApiRef): void {
  if (node.api !== null) return
  tell(module, node)
  node.api = ref.package + ref.chain
}

/** Calls a function of the program: it learns what it is called with, and its result is what it says it is. */
export function enter(
  run: Run,
  fn: FunctionInfo,
  args: readonly Value[],
  receiver: Value,
  site: Span,
): Value {
  const { analysis } = run
  for (const each of args) forget(run, each)
  forget(run, receiver)
  const summary = analysis.summaryOf(fn)
  const known = summary.calls.get(site)
  const epoch = run.summary.epoch
  if (known === undefined) summary.calls.set(site, { caller: run.fn, call: site, args, receiver, epoch })
  else if (known.epoch === epoch) {
    const before = known.args
    known.args = args.map((each, index) => (before[index] === undefined ? each : join(before[index], each)))
  } else {
    known.args = args
    known.receiver = receiver
    known.epoch = epoch
  }
  if (summary.list !== null) keepArguments(analysis, summary.list, args)
  let grown = false
  for (const [index, param] of fn.params.entries()) {
    const given = argumentOf(analysis, fn, index, args, receiver)
    if (given.refs.length === 0 || (param.rest && known !== undefined)) continue
    const before = summary.params[index] as Value
    const joined = join(before, { ...PLAIN, refs: given.refs })
    if (joined !== before) {
      summary.params[index] = joined
      grown = true
    }
  }
  if (receiver.refs.length > 0 && fn.class === null) {
    const joined = join(summary.self, { ...PLAIN, refs: receiver.refs })
    if (joined !== summary.self) {
      summary.self = joined
      grown = true
    }
  }
  summary.dependents.add(run.fn)
  if (summary.epoch === 0 && !summary.running && run.depth < DEPTH_LIMIT)
    PART.read(analysis, fn, run.depth + 1)
  else if (grown || summary.epoch === 0) analysis.enqueue(fn)
  if (summary.safeOnReturn !== null) {
    for (const [label, mask] of summary.safeOnReturn) {
      if (label.fn !== fn || label.path.length > 0) continue
      for (const taint of argumentOf(analysis, fn, label.index, args, receiver).taints)
        if ((taint.flags & 1) !== 0) run.env.markSafe(taint.label, mask)
    }
  }
  return substitute(analysis, summary.returns, fn, args, receiver, (passed) => ({
    ...passed,
    step: analysis.step(
      run.module,
      site,
      `goes through ${fn.name === '' ? 'a function' : fn.name}`,
      passed.step,
    ),
  }))
}

function refInstance(run: Run, fn: FunctionInfo): Value {
  return prototypeOf(run, run.analysis.summaryOf(fn).ref.own)
}

function construct(run: Run, fn: FunctionInfo, instance: Value, args: readonly Value[], site: Span): Value {
  const result = enter(run, fn, args, instance, site)
  return result.refs.length > 0 ? join(instance, { ...PLAIN, refs: result.refs }) : instance
}

function constructClass(run: Run, ref: ClassRef, args: readonly Value[], node: Call): Value {
  const instance = refValue(ref.instance)
  const constructor = constructorOf(run, ref)
  if (constructor !== null) {
    noteTarget(run.module, node, constructor)
    enter(run, constructor, inOrder(node, args, constructor), instance, node)
  }
  return instance
}

function constructorOf(run: Run, ref: ClassRef, depth = 0): FunctionInfo | null {
  const own = ref.class.methods.find((each) => each.form === 'constructor')
  if (own !== undefined) return own
  if (ref.class.superClass === null || depth > 5) return null
  for (const parent of PART.evaluate(run, ref.class.superClass).refs)
    if (parent.kind === 'class' && parent !== ref) return constructorOf(run, parent, depth + 1)
  return null
}

function parentConstructor(run: Run): Value {
  const info = run.fn.class
  if (info === null || info.superClass === null) return PLAIN
  const parent = PART.evaluate(run, info.superClass)
  for (const ref of parent.refs)
    if (ref.kind === 'class') {
      const constructor = constructorOf(run, ref)
      if (constructor !== null) return refValue(run.analysis.summaryOf(constructor).ref)
    }
  return parent
}

/** Calls a value as a callback is called. */
export function invoke(run: Run, callee: Value, args: readonly Value[], receiver: Value, site: Span): Value {
  let out = PLAIN
  for (const ref of callee.refs)
    if (ref.kind === 'function') out = join(out, enter(run, ref.fn, args, receiver, siteFor(ref, site)))
  return out
}

const sites = new WeakMap<object, WeakMap<Span, Span>>()

/** One call may invoke several callbacks: each has a site of its own. */
function siteFor(ref: object, site: Span): Span {
  let bySite = sites.get(ref)
  if (bySite === undefined) sites.set(ref, (bySite = new WeakMap()))
  let known = bySite.get(site)
  if (known === undefined) bySite.set(site, (known = { at: site.at, end: site.end }))
  return known
}
