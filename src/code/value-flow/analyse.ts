import type { FunctionInfo } from '../flow-graph/functions.ts'
import type { Module } from '../flow-graph/module.ts'
import type { CallSite, PackageInfo, Program, Skipped } from '../flow-graph/program.ts'
import type { ModuleIndex } from '../reading/module-index.ts'
import { Analysis, TimeOver } from './analysis.ts'
import { assign } from './assign.ts'
import { assume } from './assume.ts'
import { call, forgetCalls, invoke } from './call.ts'
import { constantOf } from './constant-of.ts'
import { evaluate } from './evaluate.ts'
import { execute } from './execute.ts'
import { exportedFunctions } from './exported.ts'
import { requiredValue } from './imports.ts'
import { load, member } from './load.ts'
import { defineClass, read } from './read.ts'
import { validated } from './route-schemas.ts'
import { PART } from './run.ts'
import { type Flow, Tracer } from './trace.ts'

Object.assign(PART, {
  evaluate,
  call,
  invoke,
  load,
  member,
  validated,
  assign,
  execute,
  assume,
  read,
  defineClass,
  required: requiredValue,
})

export interface Given {
  readonly modules: readonly Module[]
  readonly packages: readonly PackageInfo[]
  readonly skipped: readonly Skipped[]
  readonly texts: ReadonlyMap<string, string>
  readonly index: ModuleIndex
  /** Milliseconds. */
  readonly timeLimit: number
}

const flowsOf = new WeakMap<Program, readonly Flow[]>()

/** The flows of untrusted values of a program that `analyse` made. */
export function flowsIn(program: Program): readonly Flow[] {
  return flowsOf.get(program) ?? []
}

/** Resolves calls and follows untrusted values through the whole program. */
export function analyse(given: Given): Program {
  const steps = analysing(given)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** The same in steps of some milliseconds, each of which tells how many modules have been through, for whoever has others to serve. */
export function* analysing(given: Given): Generator<number, Program> {
  const { modules, packages, index } = given
  forgetCalls(modules)
  const skipped = [...given.skipped]
  const deadline = performance.now() + given.timeLimit
  const analysis = new Analysis(modules, packages, index, deadline, given.texts)
  let id = 0
  for (const module of modules) for (const fn of module.functions) fn.id = ++id
  for (const [at, module] of modules.entries()) {
    if (module.test) continue
    if (analysis.summaryOf(module.main).epoch === 0) readSafely(analysis, module.main, skipped)
    yield* drain(analysis, skipped, 0, at)
    yield at
  }
  // Functions that nothing has led to: methods of objects that others make, callbacks of what we do not know.
  for (const module of modules) {
    if (module.test) continue
    for (const fn of module.functions)
      if (analysis.summaryOf(fn).epoch === 0 && performance.now() < deadline)
        readSafely(analysis, fn, skipped)
    yield modules.length
  }
  const limit = ROUNDS * modules.reduce((sum, each) => sum + each.functions.length, 0) + 1000
  yield* drain(analysis, skipped, limit, modules.length)
  const callers = new Map<FunctionInfo, CallSite[]>()
  const program: Program = {
    modules,
    packages,
    skipped,
    texts: given.texts,
    resolveImport: (from, source) => index.resolve(from, source),
    constantOf: (expression, within) => constantOf(analysis, expression, within),
    callersOf: (target) => {
      if (callers.size === 0) collectCallers(analysis, callers)
      return callers.get(target) ?? []
    },
  }
  flowsOf.set(program, yield* collectFlows(analysis, modules.length))
  return program
}

/** How often functions are read again, at most, per function and on average. */
const ROUNDS = 3

function* drain(
  analysis: Analysis,
  skipped: Skipped[],
  limit: number,
  through: number,
): Generator<number, void> {
  let left = limit === 0 ? Infinity : limit
  const { queue } = analysis
  for (let at = 0; at < queue.length && left > 0; at++, left--) {
    const fn = queue[at] as FunctionInfo
    const summary = analysis.summaryOf(fn)
    if (!summary.queued || fn.module.test) continue
    if (performance.now() > analysis.deadline) {
      timeIsOver(skipped)
      break
    }
    readSafely(analysis, fn, skipped)
    yield through
  }
  queue.length = 0
}

function timeIsOver(skipped: Skipped[]): void {
  const reason = 'the time limit had passed before all flows were followed'
  if (!skipped.some((each) => each.reason === reason)) skipped.push({ path: '', reason })
}

function readSafely(analysis: Analysis, fn: FunctionInfo, skipped: Skipped[]): void {
  try {
    PART.read(analysis, fn, 0)
  } catch (error) {
    if (error instanceof TimeOver) return timeIsOver(skipped)
    const reason =
      error instanceof RangeError ? 'it nests too deeply' : `it could not be followed: ${String(error)}`
    if (!skipped.some((each) => each.path === fn.module.path)) skipped.push({ path: fn.module.path, reason })
  }
}

function collectCallers(analysis: Analysis, callers: Map<FunctionInfo, CallSite[]>): void {
  for (const [fn, summary] of analysis.summaries)
    for (const record of summary.calls.values())
      if ('kind' in record.call && record.call.kind === 'call') {
        const site = { caller: record.caller, call: record.call as CallSite['call'] }
        const known = callers.get(fn)
        if (known === undefined) callers.set(fn, [site])
        else known.push(site)
      }
}

/** One flow a sink and class: the shortest, from the outside rather than from a library's caller. */
function* collectFlows(analysis: Analysis, through: number): Generator<number, readonly Flow[]> {
  const tracer = new Tracer(analysis, exportedFunctions(analysis))
  const best = new Map<string, Flow>()
  for (const summary of analysis.summaries.values()) {
    yield through
    for (const hit of summary.hits) {
      if (performance.now() > analysis.deadline + 5000) break
      const found = tracer.trace(hit)
      if (found === null) continue
      const key = `${hit.module.path}:${hit.span.at}:${hit.span.end}:${hit.class}`
      const known = best.get(key)
      if (known === undefined || rank(found) < rank(known)) best.set(key, found)
    }
  }
  return [...best.values()]
}

function rank(flow: Flow): number {
  return flow.steps.length + (flow.source.kind === 'library' ? 1000 : 0)
}
