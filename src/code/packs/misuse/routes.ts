import { chainOf, continues, type Link } from '../../effects/chain.ts'
import type { Effects } from '../../effects/effects.ts'
import type { Call, Expression, Span } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { type Module, textOf } from '../../flow-graph/module.ts'
import type { Program } from '../../flow-graph/program.ts'
import { decoratorName } from '../../effects/handlers.ts'

/** One way in: a registration on a router, or a method of a controller. */
export interface Route {
  readonly module: Module
  /** What lies beside it: the router or the controller that it belongs to. */
  readonly family: string
  readonly verb: string
  readonly path: string
  /** The code that stands between a client and the handler: middleware, options, decorators. */
  readonly guards: readonly string[]
  readonly handler: FunctionInfo | null
  /** As it is called where it is registered. */
  readonly name: string
  readonly span: Span
  /** Whether something asks for all routes of the family who is calling. */
  readonly guarded: boolean
}

const VERBS = /^(?:get|post|put|patch|delete|del)$/
const DECORATED = /^(?:Get|Post|Put|Patch|Delete)$/

/** Words by which people call what asks who is calling. */
export const ASKS =
  /auth|log(?:ged)?_?in|guard|protect|permi(?:t|ssion)|\brequire(?!\(|d)|ensure|\broles?\b|Role|admin|jwt|session|verif(?!yCaptcha)|\bacl\b|access|passport|polic(?:y|ies)|\bcan[A-Z]|owner|secur(?:ed|ity)|token|apiKey|api_key|signature|restrict|member|isUser|checkUser|currentUser|onlyUser|userOnly/i

const KEPT = new WeakMap<Program, readonly Route[]>()

/** The routes of a program; made once for it. */
export function routesOf(effects: Effects): readonly Route[] {
  let found = KEPT.get(effects.program)
  if (found === undefined)
    KEPT.set(effects.program, (found = [...registered(effects), ...decorated(effects)]))
  return found
}

function* registered(effects: Effects): Generator<Route> {
  const mounted = mountedGuarded(effects)
  for (const module of effects.program.modules) {
    if (module.test || module.language === 'python' || !/\.(?:post|put|patch|delete|del)\b/.test(module.text))
      continue
    const wide = familyGuards(effects, module)
    for (const within of module.functions)
      for (const place of effects.bindings.calls.get(within) ?? []) {
        if (place.node.kind !== 'call' || continues(place)) continue
        const { base, links } = chainOf(place.node)
        if (base.kind !== 'name' && base.kind !== 'this') continue
        let path: string | null = null
        const family = `${module.path}:${base.kind === 'name' ? base.name : 'this'}:${within.id}`
        for (const link of links) {
          if (link.call === null) continue
          if (link.name === 'route') {
            path = literalText(link.call.args[0])
            continue
          }
          if (!VERBS.test(link.name)) continue
          const route = routeOf(effects, link, link.call, path, within)
          if (route === null) continue
          yield {
            ...route,
            module,
            family,
            guarded:
              mounted.has(module) || wide.some((each) => each.within === within && each.at < link.call!.at),
          }
        }
      }
  }
}

function literalText(expression: Expression | undefined): string | null {
  if (expression?.kind === 'literal' && typeof expression.value === 'string') return expression.value
  return expression?.kind === 'template' ? expression.parts.join('*') : null
}

function routeOf(
  effects: Effects,
  link: Link,
  call: Call,
  chained: string | null,
  within: FunctionInfo,
): Omit<Route, 'module' | 'family' | 'guarded'> | null {
  const own = literalText(call.args[0])
  const path = chained ?? own
  if (path === null || (chained === null && !/^[/*:]|^$/.test(path))) return null
  const given = (chained === null ? call.args.slice(1) : call.args).flatMap((each) =>
    each.kind === 'array' ? each.elements.flatMap((one) => one ?? []) : [each],
  )
  const last = given.at(-1)
  // `client.delete('/x')`, `agent.post('/x', body)`: those ask, they do not answer.
  if (last === undefined || !isHandler(effects, last, within)) return null
  const guards = given.slice(0, -1).map((each) => textOf(within.module, each).slice(0, 400))
  // `requireAuth(handler)`: what is wrapped around it stands between as well.
  if (last.kind === 'call') guards.push(textOf(within.module, last.callee))
  return {
    verb: link.name === 'del' ? 'delete' : link.name,
    path,
    guards,
    handler: handlerOf(effects, last, within),
    name: last.kind === 'function' || last.kind === 'object' ? '' : textOf(within.module, last).slice(0, 100),
    span: { at: call.callee.kind === 'member' ? call.callee.end - link.name.length : call.at, end: call.end },
  }
}

function isHandler(effects: Effects, last: Expression, within: FunctionInfo): boolean {
  if (last.kind === 'function') return last.function.params.length <= 4
  if (last.kind === 'object') return last.properties.some((each) => each.key === 'handler')
  if (last.kind === 'name' || last.kind === 'member') {
    const origin = effects.origins.of(last, within)
    return (
      origin.function !== null ||
      (origin.expression === null && origin.text === '') ||
      origin.text.endsWith('()')
    )
  }
  return last.kind === 'call'
}

function handlerOf(effects: Effects, last: Expression, within: FunctionInfo): FunctionInfo | null {
  if (last.kind === 'function') return last.function
  if (last.kind === 'call') {
    const inner = last.args.find((each) => each.kind === 'function')
    if (inner?.kind === 'function') return inner.function
    const [first] = last.args
    return first === undefined ? null : effects.origins.of(first, within).function
  }
  if (last.kind === 'object') {
    const own = last.properties.find((each) => each.key === 'handler')
    return own === undefined ? null : handlerOf(effects, own.value, within)
  }
  return effects.origins.of(last, within).function
}

/** `router.use(requireAuth)`, `app.addHook('preHandler', auth)`: places from which on all routes are guarded. */
function familyGuards(effects: Effects, module: Module): { within: FunctionInfo; at: number }[] {
  const found: { within: FunctionInfo; at: number }[] = []
  for (const within of module.functions)
    for (const { node } of effects.bindings.calls.get(within) ?? [])
      if (
        node.kind === 'call' &&
        node.callee.kind === 'member' &&
        /^(?:use|all|addHook|register|beforeEach)$/.test(node.callee.property ?? '') &&
        node.args.some((each) => asks(effects, each, within))
      )
        found.push({ within, at: node.at })
  return found
}

function asks(effects: Effects, argument: Expression, within: FunctionInfo): boolean {
  if (argument.kind === 'literal') return false
  if (argument.kind === 'array')
    return argument.elements.some((each) => each !== null && asks(effects, each, within))
  const text = textOf(within.module, argument).slice(0, 3_000)
  // A router that is called after log-in asks for nothing itself.
  if (/router|routes/i.test(text) && argument.kind !== 'function') return false
  if (ASKS.test(text)) return true
  const target = effects.origins.of(argument, within).function
  return target !== null && ASKS.test(textOf(target.module, target).slice(0, 3_000))
}

/** Modules whose router is mounted behind something that asks. */
function mountedGuarded(effects: Effects): ReadonlySet<Module> {
  const found = new Set<Module>()
  for (const [within, places] of effects.bindings.calls)
    for (const { node } of places) {
      if (node.kind !== 'call' || node.callee.kind !== 'member') continue
      if (node.callee.property !== 'use' && node.callee.property !== 'register') continue
      if (!node.args.some((each) => asks(effects, each, within))) continue
      for (const each of node.args) {
        const module = moduleOf(effects, each, within)
        if (module !== null && module !== within.module) found.add(module)
      }
    }
  return found
}

function moduleOf(effects: Effects, argument: Expression, within: FunctionInfo): Module | null {
  const origin = effects.origins.of(argument, within)
  return origin.module ?? origin.within?.module ?? origin.function?.module ?? null
}

function* decorated(effects: Effects): Generator<Route> {
  for (const module of effects.program.modules) {
    if (module.test || !/@(?:Post|Put|Patch|Delete)\b/.test(module.text)) continue
    for (const owner of module.classes) {
      const above = owner.decorators.map((each) => textOf(module, each))
      if (!owner.decorators.some((each) => decoratorName(each).endsWith('Controller'))) continue
      for (const method of owner.methods) {
        const verb = method.decorators.find((each) => DECORATED.test(decoratorName(each)))
        if (verb === undefined) continue
        const path = verb.kind === 'call' ? literalText(verb.args[0]) : null
        yield {
          module,
          family: `${module.path}:${owner.name}`,
          verb: decoratorName(verb).toLowerCase(),
          path: path ?? '',
          guards: method.decorators
            .filter(
              (each) =>
                !/^(?:Post|Put|Patch|Delete|Get|Http\w*|Header|ApiOperation|ApiResponse|ApiTags|ApiBody|ApiParam|ApiQuery)$/.test(
                  decoratorName(each),
                ),
            )
            .map((each) => textOf(module, each).slice(0, 300)),
          handler: method,
          name: method.name,
          span: { at: method.at, end: Math.min(method.end, method.at + 80) },
          guarded: above.some((each) => ASKS.test(each) && !/Throttl/.test(each)),
        }
      }
    }
  }
}
