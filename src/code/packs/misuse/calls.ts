import type { Effects } from '../../effects/effects.ts'
import { nodesIn } from '../../effects/effects.ts'
import type { Call, Expression, Literal, ObjectLiteral } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { textOf, type Module } from '../../flow-graph/module.ts'
import { type Node, walkFunction } from '../../flow-graph/walk.ts'

/** A call by what it calls: `crypto.createHash`, `global:fetch`, `type:JwtService.decode`. */
export interface KnownCall {
  readonly node: Call
  readonly within: FunctionInfo
  readonly around: readonly Node[]
  readonly api: string
}

/** Modules that rules of JavaScript look at; `mark` is asked of their text first, since that costs least. */
export function* modulesWith(effects: Effects, mark: RegExp): Generator<Module> {
  for (const module of effects.program.modules)
    if (!module.test && module.language !== 'python' && mark.test(module.text)) yield module
}

/** Calls whose API matches, in modules whose text does. */
export function* callsTo(effects: Effects, mark: RegExp, api: RegExp): Generator<KnownCall> {
  for (const module of modulesWith(effects, mark))
    for (const within of module.functions)
      for (const { node, around } of effects.bindings.calls.get(within) ?? []) {
        if (node.kind !== 'call') continue
        const { text } = effects.origins.of(node.callee, within)
        if (text !== '' && api.test(text)) yield { node, within, around, api: text }
      }
}

/** The constant that an expression is, through names and imports; undefined when it is none. */
export function constantOf(
  effects: Effects,
  expression: Expression | null | undefined,
  within: FunctionInfo,
): Literal['value'] | undefined {
  if (expression === null || expression === undefined) return undefined
  if (expression.kind === 'literal') return expression.value
  const text = effects.program.constantOf(expression, within)
  if (text !== null) return text
  if (expression.kind === 'name' && (expression.variable?.assigned ?? 0) > 0) return undefined
  const made = effects.origins.of(expression, within).expression
  return made?.kind === 'literal' ? made.value : undefined
}

/** An object literal with the function that it is written in. */
export interface Written {
  readonly object: ObjectLiteral
  readonly within: FunctionInfo
}

/** The object literal that an expression is, through names and imports. */
export function objectOf(
  effects: Effects,
  expression: Expression | null | undefined,
  within: FunctionInfo,
): Written | null {
  if (expression === null || expression === undefined) return null
  if (expression.kind === 'object') return { object: expression, within }
  const made = effects.origins.of(expression, within)
  return made.expression?.kind === 'object' && made.within !== null
    ? { object: made.expression, within: made.within }
    : null
}

/**
 * A property of an object literal, in what is spread into it as well. `unknown`: something is spread into it that may
 * set the property, and nobody knows.
 */
export function optionOf(
  effects: Effects,
  written: Written,
  name: string,
): { readonly value: Expression; readonly within: FunctionInfo } | 'unknown' | null {
  let unknown = false
  for (const each of written.object.properties.toReversed()) {
    if (!each.spread) {
      if (each.key === name) return { value: each.value, within: written.within }
      if (each.key === null) unknown = true
      continue
    }
    const inner = objectOf(effects, each.value, written.within)
    const found =
      inner === null || inner.object === written.object ? 'unknown' : optionOf(effects, inner, name)
    if (found === 'unknown') unknown = true
    else if (found !== null) return found
  }
  return unknown ? 'unknown' : null
}

/** Object literals of a module that have a property of this name. */
export function* objectsWith(
  module: Module,
  name: string,
): Generator<Written & { readonly value: Expression; readonly around: readonly Node[] }> {
  for (const within of module.functions) {
    const found: (Written & { value: Expression; around: readonly Node[] })[] = []
    walkFunction(within, (node, around) => {
      if (node.kind !== 'object') return
      const own = node.properties.find((each) => each.key === name && !each.spread)
      if (own !== undefined) found.push({ object: node, within, value: own.value, around: [...around] })
    })
    yield* found
  }
}

/** The outermost function around one, below the module's top level; the module's own where there is none. */
export function outermost(within: FunctionInfo): FunctionInfo {
  let at = within
  while (at.parent !== null && at.parent.form !== 'module') at = at.parent
  return at
}

const CODE = new WeakMap<FunctionInfo, string>()

/** Text of a function without its comments, at most so much of it that looking through it stays cheap. */
export function codeOf(within: FunctionInfo): string {
  let known = CODE.get(within)
  if (known === undefined) {
    const { text, comments } = within.module
    const end = Math.min(within.end, within.at + 20_000)
    known = ''
    let at = within.at
    for (const each of comments) {
      if (each.at < at || each.at >= end) continue
      known += text.slice(at, each.at)
      at = each.end
    }
    known += text.slice(at, Math.max(at, end))
    CODE.set(within, known)
  }
  return known
}

/** `userResetToken`, `USER_RESET_TOKEN` → `user_reset_token`: words can be asked for as a whole. */
export function words(name: string): string {
  return name
    .slice(0, 80)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase()
}

/** Names that an expression is made of: variables, members and constants, without what calls are given. */
export function namesIn(expression: Expression): string[] {
  const found: string[] = []
  for (const node of nodesIn(expression)) {
    if (found.length > 40) break
    if (node.kind === 'name') found.push(node.name)
    else if (node.kind === 'member' && node.property !== null) found.push(node.property)
  }
  return found
}

/** Conditions around a node, in its own function and those around that. */
export function conditionsAround(effects: Effects, within: FunctionInfo, around: readonly Node[]): string[] {
  const found: string[] = []
  for (const each of around)
    if (each.kind === 'if' || each.kind === 'conditional') found.push(textOf(within.module, each.test))
    else if (each.kind === 'switch')
      for (const one of each.cases) found.push(one.test === null ? '' : textOf(within.module, one.test))
    else if (each.kind === 'logical') found.push(textOf(within.module, each.left))
  const place = effects.bindings.written.get(within)
  if (place !== undefined && found.length < 20)
    found.push(...conditionsAround(effects, place.within, place.around))
  return found.map((each) => each.slice(0, 300))
}

/** Pages and components run with their visitors: what a server must not do may be right there. */
export function inBrowser(module: Module): boolean {
  return (
    module.main.directives.includes('use client') ||
    /\.(?:vue|svelte)$/.test(module.path) ||
    /\b(?:localStorage|sessionStorage|document\.|window\.)/.test(module.text) ||
    module.imports.some((each) =>
      /^(?:react|react-dom|vue|@angular\/core|svelte|solid-js|react-native)$/.test(each.source),
    )
  )
}
