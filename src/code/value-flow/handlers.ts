import type { Call } from '../flow-graph/expressions.ts'
import type { FunctionInfo } from '../flow-graph/functions.ts'
import { type RegistrationModel, REGISTRATIONS } from '../models/registrations.ts'
import type { SourceKind } from '../models/source-kind.ts'
import { taintFrom } from './load.ts'
import { chainedInputs, keepInputs, middlewareInputs, routeInputs, toolSchema } from './route-schemas.ts'
import { PART, type Run } from './run.ts'
import type { Schema } from './schema-refs.ts'
import { applied } from './schemas.ts'
import { join, PLAIN, type Ref, refValue, type Value } from './value.ts'

interface Registration {
  readonly node: Call
  readonly receiver: Value
  readonly method: string | null
  readonly args: readonly Value[]
}

const VERBS = new Set([
  'get',
  'post',
  'put',
  'patch',
  'delete',
  'del',
  'all',
  'use',
  'head',
  'options',
  'param',
  'opts',
])
/** Frameworks whose handlers are given one context. */
const BY_CONTEXT =
  /^(?:koa|@koa\/router|koa-router|koa-route|koa-joi-router|hono|elysia|@oak\/oak|oak|@hono\/.*)$/
const BY_REQUEST =
  /^(?:express|express-promise-router|fastify|restify|polka|connect|router|find-my-way|@tinyhttp\/app|micro|sirv|0http|restana|express-.*|@fastify\/.*|http-proxy-middleware|json-server|@feathersjs\/express|sails|total\.js)$/
const NAMES: ReadonlySet<string> = new Set(
  'command message event action shortcut view options on once hears start help callbackQuery inlineQuery onText Worker process define run consume subscribe psubscribe pSubscribe createFunction addService onCall handle handleOnce addListener'.split(
    ' ',
  ),
)
const EVENTS = new Set(['on', 'once', 'addListener', 'addEventListener'])

/** A call that hands functions to a framework: from now on they get what it calls them with. */
export function registerHandlers(run: Run, given: Registration): void {
  const { node, receiver, method, args } = given
  const name = method ?? (node.callee.kind === 'name' ? node.callee.name : '')
  const apis = receiver.refs.filter((each) => each.kind === 'api').map((each) => each.package)
  if (method !== null && VERBS.has(method)) verb(run, given, apis)
  else if (method !== null && EVENTS.has(method)) event(run, given, apis)
  else if (/^(?:define(?:Cached|Lazy|Websocket)?EventHandler|eventHandler)$/.test(name))
    for (const fn of functionsIn(args).filter((each) => each.params.length === 1))
      give(run, fn, 0, '#h3event')
  else if (name === 'createServer' || name === 'createSecureServer') request(run, functionsIn(args))
  else if (name === 'onmessage') give(run, functionsIn(args)[0], 0, '#message')
  else if (/^(?:query|mutation|subscription|handler)$/.test(name)) procedure(run, functionsIn(args), node)
  else if (name === 'route' && method !== null) routeOptions(run, given, apis)
  else if (name === 'action' && method !== null) commandAction(run, functionsIn(args)[0], node)
  tools(run, given, name)
  registered(run, given, name)
}

/** What queues, chats, other processes and other pages call a function with. */
function registered(run: Run, { node, receiver, method, args }: Registration, name: string): void {
  if (!NAMES.has(name)) return
  const called = method === null ? PART.evaluate(run, node.callee) : receiver
  for (const ref of called.refs) {
    if (ref.kind !== 'api' || (ref.package === 'process' && !ref.chain.startsWith('.stdin'))) continue
    for (const row of REGISTRATIONS)
      if (row.from.test(ref.package) && row.name.test(name))
        for (const fn of functionsIn(row.within === undefined ? args : withinOf(args, row.within)))
          for (const [index, fields] of Object.entries(row.params))
            giveParts(run, fn, Number(index), fields, row, node)
  }
}

function withinOf(args: readonly Value[], fields: readonly string[]): readonly Value[] {
  return args.flatMap(({ refs }) =>
    refs.flatMap((ref) => {
      if (ref.kind !== 'object') return []
      return fields.includes('*')
        ? [...ref.fields.values()]
        : fields.flatMap((each) => ref.fields.get(each) ?? [])
    }),
  )
}

function giveParts(
  run: Run,
  fn: FunctionInfo,
  index: number,
  fields: readonly string[] | 'all',
  { kind, what }: RegistrationModel,
  site: Call,
): void {
  if (fields === 'all') return giveSource(run, fn, index, kind, what, site)
  const param = fn.params[index]
  if (param === undefined) return
  const object = run.analysis.objectAt(param, fn)
  const value = taintFrom(run, `${fn.at}.${index}`, { kind, what }, site)
  for (const each of fields) run.analysis.writeField(object, each, value)
  giveValue(run, fn, index, refValue(object))
}

/** `app.route({ method, url, handler })`, of Fastify and hapi: the hooks beside the handler get the request too. */
function routeOptions(run: Run, { args }: Registration, apis: readonly string[]): void {
  const hapi = apis.some((each) => /hapi/.test(each))
  for (const options of args.flatMap((each) => each.refs)) {
    if (options.kind !== 'object' || !(options.fields.has('url') || options.fields.has('path'))) continue
    const inputs = routeInputs(run, [refValue(options)])
    for (const field of ['handler', 'preHandler', 'preValidation', 'onRequest', 'preParsing'])
      for (const fn of functionsIn([options.fields.get(field) ?? PLAIN])) {
        if (field === 'handler' || field === 'preHandler') keepInputs(run, fn, inputs)
        give(run, fn, 0, '#request')
        if (!hapi) give(run, fn, 1, '#response')
      }
  }
}

/** Functions among the arguments, in lists as well: `app.use([a, b], c)`. */
function functionsIn(args: readonly Value[]): FunctionInfo[] {
  const found: FunctionInfo[] = []
  const take = (refs: readonly Ref[], depth: number): void => {
    for (const ref of refs)
      if (ref.kind === 'function') found.push(ref.fn)
      else if (ref.kind === 'object' && ref.array && depth < 2)
        for (const each of [...ref.fields.values(), ref.element]) take(each.refs, depth + 1)
  }
  for (const each of args) take(each.refs, 0)
  return found
}

function verb(run: Run, { receiver, args, node }: Registration, apis: readonly string[]): void {
  const first = args[0]?.constant
  const path = typeof first === 'string' && /^(?:\/|\*|$)/.test(first)
  const byContext = apis.some((each) => BY_CONTEXT.test(each))
  const known = byContext || apis.some((each) => BY_REQUEST.test(each))
  if (!known && !(path && (receiver.refs.every((each) => each.kind !== 'object') || apis.length === 0)))
    return
  const handlers = functionsIn(args)
  const inputs = routeInputs(run, args.slice(1, -1)) ?? middlewareInputs(run, node.args.slice(1, -1))
  for (const fn of handlers) {
    if (fn === handlers.at(-1)) keepInputs(run, fn, inputs)
    if (byContext && !fn.form.startsWith('arrow')) {
      // Koa 1 gives the context as `this`.
      const summary = run.analysis.summaryOf(fn)
      const grown = join(summary.self, refValue(run.analysis.api('#context', '')))
      if (grown !== summary.self) {
        summary.self = grown
        run.analysis.enqueue(fn)
      }
    }
    if (byContext || /^(?:ctx|context|c)$/.test(paramName(fn, 0))) {
      give(run, fn, 0, '#context')
      continue
    }
    const offset = fn.params.length === 4 ? 1 : 0
    if (fn.params.length >= 1 + offset) give(run, fn, offset, '#request')
    if (fn.params.length >= 2 + offset) give(run, fn, offset + 1, '#response')
  }
}

function request(run: Run, handlers: readonly FunctionInfo[]): void {
  for (const fn of handlers) {
    if (fn.params.length === 1 && /sock|conn|stream/i.test(paramName(fn, 0))) {
      give(run, fn, 0, '#connection')
      continue
    }
    give(run, fn, 0, '#request')
    give(run, fn, 1, '#response')
  }
}

function event(run: Run, { receiver, method, args, node }: Registration, apis: readonly string[]): void {
  const name = args[0]?.constant
  const [fn] = functionsIn(args.slice(1))
  if (fn === undefined || typeof name !== 'string') return
  if (apis.includes('#request') || (method !== 'addEventListener' && /^(?:req|request)$/.test(text(node)))) {
    if (name === 'data') giveSource(run, fn, 0, 'request', "the request's body", node)
  } else if (name === 'request') request(run, [fn])
  else if (name === 'connection' || name === 'connect') give(run, fn, 0, '#connection')
  else if (apis.includes('#connection') || /^(?:ws|socket|conn|client)$/i.test(text(node))) {
    if (name !== 'error' && name !== 'close' && name !== 'disconnect')
      for (const index of fn.params.keys()) giveSource(run, fn, index, 'message', "a message's data", node)
  } else if (name === 'message' && method === 'addEventListener') give(run, fn, 0, '#message')
  else if (name === 'entry' && !apis.includes('archiver')) give(run, fn, 0, '#entry')
  void receiver
}

function text(node: Call): string {
  const object = node.callee.kind === 'member' ? node.callee.object : null
  return object?.kind === 'name' ? object.name : object?.kind === 'member' ? (object.property ?? '') : ''
}

function procedure(run: Run, handlers: readonly FunctionInfo[], node: Call): void {
  for (const fn of handlers) {
    keepInputs(run, fn, chainedInputs(run, node))
    const pattern = fn.params[0]?.pattern
    const keys = pattern?.kind === 'object-pattern' ? pattern.properties.map((each) => each.key) : []
    if (keys.includes('input') || /^(?:opts|\{)/.test(paramName(fn, 0))) give(run, fn, 0, '#procedure')
  }
}

function commandAction(run: Run, fn: FunctionInfo | undefined, site: Call): void {
  if (fn !== undefined)
    for (const index of fn.params.keys())
      giveSource(run, fn, index, 'argument', "the program's arguments", site)
}

/** Tools of agents: a model decides what they are called with. */
function tools(run: Run, { args, node }: Registration, name: string): void {
  if (/^(?:tool|registerTool|addTool|registerPrompt|setRequestHandler|defineTool)$/.test(name)) {
    const handlers = args.slice(name === 'tool' || name === 'defineTool' ? 0 : 1)
    const fn = functionsIn(handlers).at(-1)
    if (fn !== undefined) giveTool(run, fn, node, shapeIn(run, handlers))
  }
  if (
    !/^(?:tool|createTool|dynamicTool|addTool|defineTool|FunctionTool|DynamicTool|DynamicStructuredTool|StructuredTool)$/.test(
      name,
    )
  )
    return
  for (const arg of args)
    for (const ref of arg.refs)
      if (ref.kind === 'object')
        for (const field of ['execute', 'func', 'handler', 'invoke', 'run'])
          for (const fn of functionsIn([ref.fields.get(field) ?? PLAIN]))
            giveTool(run, fn, node, shapeIn(run, [arg]))
}

/** The schema that a tool is declared with: beside the handler, or in a field of its declaration. */
function shapeIn(run: Run, args: readonly Value[]): Schema | null {
  for (const arg of args)
    for (const ref of arg.refs) {
      if (ref.kind !== 'object') continue
      for (const field of ['inputSchema', 'parameters', 'argsSchema', 'schema']) {
        const schema = toolSchema(run, ref.fields.get(field))
        if (schema !== null) return schema
      }
      const own = toolSchema(run, refValue(ref))
      if (own !== null) return own
    }
  return null
}

function giveTool(run: Run, fn: FunctionInfo, site: Call, schema: Schema | null): void {
  if (fn.params.length === 0) return
  const input = taintFrom(run, `${fn.at}.0`, { kind: 'tool', what: "the tool's input" }, site)
  const held = schema === null ? input : applied(run, schema, input, fn, '', 0)
  giveValue(run, fn, 0, held)
  if (schema === null) return
  // Mastra gives the input beside other things.
  const object = run.analysis.objectAt(site, fn)
  for (const each of ['context', 'inputData']) run.analysis.writeField(object, each, held)
  giveValue(run, fn, 0, refValue(object))
}

function paramName(fn: FunctionInfo, index: number): string {
  const pattern = fn.params[index]?.pattern
  return pattern?.kind === 'name' ? pattern.name : pattern?.kind === 'object-pattern' ? '{' : ''
}

function give(run: Run, fn: FunctionInfo | undefined, index: number, name: string): void {
  if (fn !== undefined) giveValue(run, fn, index, refValue(run.analysis.api(name, '')))
}

function giveSource(
  run: Run,
  fn: FunctionInfo,
  index: number,
  kind: SourceKind,
  what: string,
  site: Call,
): void {
  if (index < fn.params.length)
    giveValue(run, fn, index, taintFrom(run, `${fn.at}.${index}`, { kind, what }, site))
}

function giveValue(run: Run, fn: FunctionInfo, index: number, value: Value): void {
  const summary = run.analysis.summaryOf(fn)
  const before = summary.params[index]
  if (before === undefined) return
  const grown = join(before, value)
  if (grown === before) return
  summary.params[index] = grown
  run.analysis.enqueue(fn)
}
