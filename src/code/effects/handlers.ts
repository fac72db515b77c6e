import type { Expression } from '../flow-graph/expressions.ts'
import type { ClassInfo, FunctionInfo } from '../flow-graph/functions.ts'
import type { Module } from '../flow-graph/module.ts'
import type { Bindings } from './bindings.ts'
import type { Origins } from './origins.ts'

/** How a function is reached from outside. */
export interface Handler {
  readonly by: 'route' | 'action' | 'page' | 'connection' | 'message'
  /** Parameters that hold what a client sent. */
  readonly request: readonly number[]
}

const ROUTE_METHOD = /^(?:get|post|put|patch|delete|del|all|use|options|head|route|on)$/
const NEST_ROUTES =
  /^(?:Get|Post|Put|Patch|Delete|All|Head|Options|Sse|Query|Mutation|Subscription|ResolveField)$/
const HTTP_NAMES = /^(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)$/

/** Functions that answer clients: routes, controllers, server actions, pages, connections. */
export function findHandlers(bindings: Bindings, origins: Origins): ReadonlyMap<FunctionInfo, Handler> {
  const found = new Map<FunctionInfo, Handler>()
  const add = (target: FunctionInfo | null, handler: Handler): void => {
    if (target !== null && !target.module.test && !found.has(target)) found.set(target, handler)
  }
  for (const module of bindings.program.modules) {
    for (const target of module.functions) {
      if (shapedAsHandler(target)) add(target, { by: 'route', request: [0] })
      if (target.directives.includes('use server'))
        add(target, { by: 'action', request: target.params.map((_, i) => i) })
    }
    exported(module, origins, add)
    for (const each of module.classes) controller(each, add)
  }
  for (const [within, calls] of bindings.calls)
    for (const { node } of calls) {
      if (node.kind !== 'call' || node.callee.kind !== 'member' || node.callee.property === null) continue
      const name = node.callee.property
      const functions = node.args.flatMap((each) => functionsIn(each, within, origins))
      if (functions.length === 0) continue
      const event = node.args[0]?.kind === 'literal' ? node.args[0].value : null
      if (name === 'on' && (event === 'connection' || event === 'connect'))
        for (const each of functions) add(each, { by: 'connection', request: [] })
      else if (name === 'on' && isSocketEvent(within, found))
        for (const each of functions) add(each, { by: 'message', request: [0] })
      else if (
        ROUTE_METHOD.test(name) &&
        name !== 'on' &&
        (typeof event === 'string'
          ? event.startsWith('/') || event === '*'
          : name === 'route' || name === 'use')
      )
        for (const each of functions)
          if (each.params.length <= 4) add(each, { by: 'route', request: [0] })
          else if (
            /^(?:query|mutation|subscription)$/.test(name) &&
            /[pP]rocedure/.test(textBefore(node.callee.object))
          )
            for (const each of functions) add(each, { by: 'action', request: [0] })
    }
  return found
}

function isSocketEvent(within: FunctionInfo, found: ReadonlyMap<FunctionInfo, Handler>): boolean {
  return found.get(within)?.by === 'connection'
}

function textBefore(expression: Expression): string {
  if (expression.kind === 'name') return expression.name
  if (expression.kind === 'member') return `${textBefore(expression.object)}.${expression.property ?? ''}`
  return expression.kind === 'call' ? textBefore(expression.callee) : ''
}

function functionsIn(expression: Expression, within: FunctionInfo, origins: Origins): FunctionInfo[] {
  if (expression.kind === 'function') return [expression.function]
  if (expression.kind === 'array')
    return expression.elements.flatMap((each) => (each === null ? [] : functionsIn(each, within, origins)))
  if (expression.kind === 'object') {
    const handler = expression.properties.find((each) => each.key === 'handler')
    return handler === undefined ? [] : functionsIn(handler.value, within, origins)
  }
  if (expression.kind === 'name' || expression.kind === 'member') {
    const target = origins.of(expression, within).function
    return target === null ? [] : [target]
  }
  return []
}

/** `(req, res)`, `(request, reply)`, `(ctx)` of Koa, by name or type. */
function shapedAsHandler(target: FunctionInfo): boolean {
  const [first, second] = target.params
  if (first?.pattern.kind !== 'name') return false
  const name = first.pattern.name
  if (second?.pattern.kind === 'name') {
    const answer = second.pattern.name
    if (/^_?(?:req|request)$/.test(name) && /^(?:res|response|reply|rep|h)$/.test(answer)) return true
    if (/\bRequest\b/.test(first.type ?? '') && /\b(?:Response|Reply|FastifyReply)\b/.test(second.type ?? ''))
      return true
  }
  return name === 'ctx' && /\bContext\b/.test(first.type ?? '')
}

function exported(
  module: Module,
  origins: Origins,
  add: (target: FunctionInfo | null, handler: Handler) => void,
): void {
  const actions = module.main.directives.includes('use server')
  const page = /(?:^|\/)app\/(?:.*\/)?(?:page|layout)\.[jt]sx?$/.test(module.path)
  const api = /(?:^|\/)pages\/api\//.test(module.path)
  const route = /(?:^|\/)(?:route|\+server)\.[jt]sx?$/.test(module.path)
  for (const [name, given] of origins.bindings.exports.get(module) ?? []) {
    const target =
      'variable' in given ? origins.variable(given.variable).function : origins.definition(given).function
    if (target === null || target.module !== module) continue
    if (actions) add(target, { by: 'action', request: target.params.map((_, index) => index) })
    else if (HTTP_NAMES.test(name) && (route || target.params.length <= 2))
      add(target, { by: 'route', request: [0] })
    else if (name === 'default' && page) add(target, { by: 'page', request: [0] })
    else if (name === 'default' && api) add(target, { by: 'route', request: [0] })
    else if (/^(?:loader|action)$/.test(name) && /(?:^|\/)routes\//.test(module.path))
      add(target, { by: 'route', request: [0] })
  }
}

function controller(owner: ClassInfo, add: (target: FunctionInfo | null, handler: Handler) => void): void {
  if (
    !owner.decorators.some((each) =>
      /^(?:Controller|Resolver|RestController|JsonController)$/.test(decoratorName(each)),
    )
  )
    return
  for (const method of owner.methods)
    if (method.decorators.some((each) => NEST_ROUTES.test(decoratorName(each))))
      add(method, { by: 'route', request: method.params.map((_, index) => index) })
}

export function decoratorName(decorator: Expression): string {
  const callee = decorator.kind === 'call' ? decorator.callee : decorator
  return callee.kind === 'name' ? callee.name : callee.kind === 'member' ? (callee.property ?? '') : ''
}
