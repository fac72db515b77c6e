import type { Call, Expression, Template } from '../flow-graph/expressions.ts'
import type { FunctionInfo, Variable } from '../flow-graph/functions.ts'
import type { Program } from '../flow-graph/program.ts'
import { type Node, addParts } from '../flow-graph/walk.ts'
import { type Bindings, bindingsOf, type Place } from './bindings.ts'
import { findHandlers, type Handler } from './handlers.ts'
import { type Operation, writes } from './operation.ts'
import { Origins } from './origins.ts'
import { recognise } from './recognise/recognise.ts'

/** An operation that a function comes to, and the call in it that leads there (the operation's own when direct). */
export interface Reached {
  readonly operation: Operation
  readonly through: readonly FunctionInfo[]
}

const MOST_REACHED = 24
const DEPTH = 6

/** What the functions of a program do outside the process, and which of them answer clients. */
export class Effects {
  readonly program: Program
  readonly bindings: Bindings
  readonly origins: Origins
  readonly handlers: ReadonlyMap<FunctionInfo, Handler>
  private readonly packages = new Map<string, boolean>()
  private readonly sources: readonly string[]
  private readonly own = new Map<FunctionInfo, readonly Operation[]>()
  private readonly reachable = new Map<FunctionInfo, readonly Reached[]>()
  private calledBy: ReadonlyMap<FunctionInfo, readonly Place<Call | Template>[]> | null = null
  private requests: ReadonlySet<FunctionInfo> | null = null

  constructor(program: Program) {
    this.program = program
    this.bindings = bindingsOf(program)
    this.origins = new Origins(this.bindings)
    const sources = new Set<string>()
    for (const module of program.modules) for (const each of module.imports) sources.add(each.source)
    for (const each of program.packages) for (const name of each.dependencies) sources.add(name)
    for (const calls of this.bindings.calls.values())
      for (const { node } of calls)
        if (node.kind === 'call' && node.callee.kind === 'name' && node.callee.name === 'require') {
          const [source] = node.args
          if (source?.kind === 'literal' && typeof source.value === 'string') sources.add(source.value)
        }
    this.sources = [...sources]
    this.handlers = findHandlers(this.bindings, this.origins)
  }

  /** Whether any file of the program, or a package.json, names the package or a path in it. */
  readonly uses = (name: string): boolean => {
    let known = this.packages.get(name)
    if (known === undefined) {
      known = this.sources.some((each) => each === name || each.startsWith(`${name}/`))
      this.packages.set(name, known)
    }
    return known
  }

  /** Operations that stand in the function's own code. */
  operations(target: FunctionInfo): readonly Operation[] {
    let found = this.own.get(target)
    if (found === undefined) {
      const list: Operation[] = []
      for (const place of this.bindings.calls.get(target) ?? []) {
        const operation = recognise(place, this.origins, this.uses)
        if (operation !== null) list.push(operation)
      }
      found = list
      this.own.set(target, found)
    }
    return found
  }

  /** The operation that a call or template is the whole of. */
  operationAt(node: Expression, within: FunctionInfo): Operation | null {
    return this.operations(within).find((each) => each.place.node === node) ?? null
  }

  /** The calls that may enter a function. */
  callers(target: FunctionInfo): readonly Place<Call | Template>[] {
    if (this.calledBy === null) {
      const found = new Map<FunctionInfo, Place<Call | Template>[]>()
      for (const places of this.bindings.calls.values())
        for (const place of places)
          for (const each of this.targets(place.node, place.within)) {
            const list = found.get(each)
            if (list === undefined) found.set(each, [place])
            else list.push(place)
          }
      this.calledBy = found
    }
    return this.calledBy.get(target) ?? []
  }

  /** The functions of the program that a call may enter. */
  targets(call: Call | Template, within: FunctionInfo): readonly FunctionInfo[] {
    if (call.kind === 'template') return []
    if (call.targets.length > 0) return call.targets
    const { function: target } = this.origins.of(call.callee, within)
    return target === null ? [] : [target]
  }

  /** Function expressions that a function hands to calls in it: they run as part of it. */
  inlined(target: FunctionInfo): readonly FunctionInfo[] {
    return (this.bindings.calls.get(target) ?? []).flatMap(({ node }) =>
      node.kind === 'call'
        ? node.args.flatMap((each) => (each.kind === 'function' ? [each.function] : []))
        : [],
    )
  }

  /** What a function comes to, through the calls in it; bounded in number and depth. */
  reached(target: FunctionInfo, depth = 0): readonly Reached[] {
    const before = this.reachable.get(target)
    if (before !== undefined) return before
    if (depth > DEPTH) return []
    this.reachable.set(target, [])
    const found: Reached[] = this.operations(target).map((operation) => ({ operation, through: [] }))
    const add = (next: FunctionInfo, named: boolean): void => {
      for (const each of this.reached(next, depth + 1)) {
        if (found.length >= MOST_REACHED) return
        found.push(named ? { operation: each.operation, through: [next, ...each.through] } : each)
      }
    }
    for (const inner of this.inlined(target)) add(inner, false)
    for (const { node, within } of this.bindings.calls.get(target) ?? [])
      for (const next of this.targets(node, within)) if (next !== target) add(next, true)
    this.reachable.set(target, found)
    return found
  }

  /** What a call comes to: its own operation, or those of the functions that it enters. */
  effectsOf(place: Place<Call | Template>): readonly Reached[] {
    const direct = this.operations(place.within).find((each) => each.place.node === place.node)
    if (direct !== undefined) return [{ operation: direct, through: [] }]
    return this.targets(place.node, place.within).flatMap((target) =>
      this.reached(target).map((each) => ({ operation: each.operation, through: [target, ...each.through] })),
    )
  }

  /** Functions that run while a client waits. */
  get onRequestPath(): ReadonlySet<FunctionInfo> {
    if (this.requests !== null) return this.requests
    const found = new Set<FunctionInfo>()
    const queue = [...this.handlers.keys()]
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (found.has(next) || next.module.test) continue
      found.add(next)
      queue.push(...this.inlined(next))
      for (const { node, within } of this.bindings.calls.get(next) ?? [])
        queue.push(...this.targets(node, within))
    }
    this.requests = found
    return found
  }

  /** Whether a function, or one that it is written in, answers clients. */
  answers(target: FunctionInfo): Handler | null {
    for (let at: FunctionInfo | null = target; at !== null; at = at.parent) {
      const handler = this.handlers.get(at)
      if (handler !== undefined) return handler
    }
    return null
  }

  /** Writes to a database, payments, uploads, queued work, other writing requests: what must not fail in silence. */
  consequences(target: FunctionInfo): readonly Reached[] {
    return this.reached(target).filter((each) => consequential(each.operation))
  }
}

/** Whether losing the operation without a word does harm. */
export function consequential(operation: Operation): boolean {
  switch (operation.kind) {
    case 'database':
    case 'http':
    case 'storage':
    case 'payment':
    case 'queue':
      return writes(operation)
    case 'mail':
      return true
    default:
      return false
  }
}

const KEPT = new WeakMap<Program, Effects>()

/** The effects of a program; made once for it, and shared by the packs. */
export function effectsOf(program: Program): Effects {
  let found = KEPT.get(program)
  if (found === undefined) {
    found = new Effects(program)
    KEPT.set(program, found)
  }
  return found
}

/** Every node below one, nested functions left out; outer before inner. */
export function* nodesIn(...roots: readonly (Node | null)[]): Generator<Node> {
  const stack: (Node | null)[] = roots.toReversed()
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next === null) continue
    yield next
    const from = stack.length
    addParts(next, stack)
    for (let low = from, high = stack.length - 1; low < high; low += 1, high -= 1) {
      const other = stack[low] as Node | null
      stack[low] = stack[high] as Node | null
      stack[high] = other
    }
  }
}

/** Every node below one, with what stands in function expressions. */
export function* deepNodesIn(...roots: readonly (Node | null)[]): Generator<Node> {
  for (const node of nodesIn(...roots)) {
    yield node
    if (node.kind !== 'function' && node.kind !== 'function-declaration') continue
    for (const param of node.function.params) yield* deepNodesIn(param.pattern)
    yield* deepNodesIn(...node.function.body)
  }
}

/** Whether an expression mentions a variable, at any depth. */
export function mentions(expression: Expression | null, test: (variable: Variable) => boolean): boolean {
  for (const node of deepNodesIn(expression))
    if (node.kind === 'name' && node.variable !== null && test(node.variable)) return true
  return false
}
