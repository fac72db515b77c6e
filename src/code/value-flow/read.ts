import type { ClassInfo, FunctionInfo, Param } from '../flow-graph/functions.ts'
import type { Expression } from '../flow-graph/expressions.ts'
import { ALL, CLASS, PARAM, PARSED } from '../models/classes.ts'
import { FIELD_DECORATORS, NARROW_PIPES } from '../models/schemas.ts'
import { firstParamByType, PARAM_DECORATORS, paramByName, paramByType } from '../models/sources.ts'
import { own } from '../models/sinks.ts'
import type { Analysis } from './analysis.ts'
import { Environment } from './environment.ts'
import { checkedByPattern } from './checked-by-pattern.ts'
import { collectExports, namedType } from './imports.ts'
import { taintFrom } from './load.ts'
import { pythonParameter } from './python.ts'
import { PART, type Run } from './run.ts'
import { leaf, objectSchema, type Schema } from './schema-refs.ts'
import { applied } from './schemas.ts'
import { share } from './share.ts'
import { cleared, intersectCleared, join, type Label, PLAIN, refValue, type Value, WHOLE } from './value.ts'

/** Reads one function: what it returns, what it makes safe, what arrives where it does harm. */
export function read(analysis: Analysis, fn: FunctionInfo, depth: number): void {
  const summary = analysis.summaryOf(fn)
  if (summary.running) return
  summary.running = true
  summary.queued = false
  summary.epoch++
  summary.hits = []
  const env = new Environment()
  if (summary.ref.cleared !== null) env.safe = new Map(summary.ref.cleared)
  const run: Run = {
    analysis,
    fn,
    module: fn.module,
    summary,
    env,
    exits: [],
    depth,
    loops: 0,
    top: env,
    shared: false,
  }
  const before = summary.returns
  const safeBefore = [summary.safeWhenTrue, summary.safeWhenFalse, summary.safeOnReturn].map(sizeOf).join()
  summary.safeWhenTrue = summary.safeWhenFalse = summary.safeOnReturn = UNSET
  try {
    for (const [index, param] of fn.params.entries())
      PART.assign(run, param.pattern, parameterValue(run, param, index), true)
    // A named function expression knows itself.
    for (const each of fn.variables)
      if (each.kind === 'function' && each.name === fn.name) env.set(each, refValue(summary.ref))
    PART.execute(run, fn.body)
    share(run)
    if (!run.env.dead) {
      noteReturn(run, null)
      noteExit(run)
    }
    if (fn.form === 'module') collectExports(run)
  } finally {
    summary.running = false
  }
  for (const key of ['safeWhenTrue', 'safeWhenFalse', 'safeOnReturn'] as const)
    if (summary[key] === UNSET) summary[key] = null
  const safeAfter = [summary.safeWhenTrue, summary.safeWhenFalse, summary.safeOnReturn].map(sizeOf).join()
  if (summary.returns !== before || safeBefore !== safeAfter)
    for (const each of summary.dependents) if (each !== fn) analysis.enqueue(each)
}

const UNSET: ReadonlyMap<Label, number> = new Map()

function sizeOf(map: ReadonlyMap<Label, number> | null): number {
  return map === null ? 0 : map.size
}

/** Keeps what is safe at one of a function's ways out; `outcome` is whether it returns something true, if known. */
export function noteReturn(run: Run, outcome: boolean | null, safe = run.env.safe): void {
  const { summary } = run
  const meet = (known: ReadonlyMap<Label, number> | null): ReadonlyMap<Label, number> | null =>
    known === UNSET ? (safe === null ? null : new Map(safe)) : intersectCleared(known, safe)
  if (outcome !== false) summary.safeWhenTrue = meet(summary.safeWhenTrue)
  if (outcome !== true) summary.safeWhenFalse = meet(summary.safeWhenFalse)
}

export function noteExit(run: Run): void {
  const { summary } = run
  const { safe } = run.env
  summary.safeOnReturn =
    summary.safeOnReturn === UNSET
      ? safe === null
        ? null
        : new Map(safe)
      : intersectCleared(summary.safeOnReturn, safe)
}

const NUMERIC =
  /^(?:number|boolean|bigint|Date|null|undefined|void|never|\d+|'[^']*'|"[^"]*"|true|false|\s|\||\[\]|Array<number>)+$/

function parameterValue(run: Run, param: Param, index: number): Value {
  const { fn, analysis } = run
  let given = run.summary.params[index] ?? PLAIN
  if (given.refs.length === 0) given = join(given, injected(run, param))
  if (param.type !== null && NUMERIC.test(param.type))
    return given.refs.length === 0 ? PLAIN : { ...PLAIN, refs: given.refs }
  const label = analysis.paramLabel(fn, index)
  const own: Value = {
    taints: [{ label, mask: PARAM, flags: WHOLE, step: null }],
    refs: given.refs,
    constant: undefined,
    prefix: '',
  }
  const value = given.taints.length === 0 ? own : join(given, own)
  const known = knownParameter(run, param, index)
  return known === null ? value : join(value, known)
}

const ROUTE_FILE = /(?:^|\/)(?:route|\+server|\+page\.server|\+layout\.server)\.[jt]sx?$/
const PAGE_FILE = /(?:^|\/)(?:page|layout|generateMetadata)\.[jt]sx?$/

/** Clients of server actions that check the arguments against a schema first give them under this name. */
function isParsed({ pattern }: Param): boolean {
  return pattern.kind === 'object-pattern' && pattern.properties.some((each) => each.key === 'parsedInput')
}

/** What a parameter is by its decorator, its type, its file, or its name. */
function knownParameter(run: Run, param: Param, index: number): Value | null {
  const { fn, analysis } = run
  if (fn.module.language === 'python') return pythonParameter(run, param, index)
  for (const each of param.decorators) {
    const callee = each.kind === 'call' ? each.callee : each
    const found = callee.kind === 'name' ? own(PARAM_DECORATORS, callee.name) : undefined
    if (found === undefined) continue
    if (found.startsWith('#')) return refValue(analysis.api(found, ''))
    if (each.kind === 'call' && each.args.some(isNarrowPipe)) return null
    const value = taintFrom(run, `${fn.at}.${index}`, { kind: 'request', what: found }, param)
    return checkedByClass(run, param, value)
  }
  const byType = param.type === null ? (index === 0 ? byFunctionType(fn) : null) : paramByType(param.type)
  if (byType !== null) return refValue(analysis.api(byType, ''))
  const top = fn.parent?.form === 'module'
  const { path } = fn.module
  const action = top && fn.module.main.directives.concat(fn.directives).includes('use server')
  if (action || fn.directives.includes('use server'))
    return taintFrom(
      run,
      `${fn.at}.${index}`,
      {
        kind: 'request',
        what: "the server action's arguments",
        ...(isParsed(param) ? { mask: PARSED } : {}),
      },
      param,
    )
  if (
    top &&
    index === 0 &&
    ROUTE_FILE.test(path) &&
    /^(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)$/.test(fn.name)
  )
    return refValue(analysis.api(param.pattern.kind === 'object-pattern' ? '#page' : '#request', ''))
  if (top && index === 1 && ROUTE_FILE.test(path)) return refValue(analysis.api('#page', ''))
  if (
    index === 0 &&
    top &&
    (/^(?:getServerSideProps|getInitialProps|loader|action|load)$/.test(fn.name) ||
      (PAGE_FILE.test(path) && (param.pattern.kind === 'object-pattern' || nameOf(fn, 0) === 'props')))
  )
    return refValue(analysis.api('#page', ''))
  // SvelteKit's actions: `export const actions = { default: async ({ request }) => … }`.
  if (
    index === 0 &&
    /(?:^|\/)\+page\.server\.[jt]s$/.test(path) &&
    param.pattern.kind === 'object-pattern' &&
    param.pattern.properties.some((each) => each.key === 'request')
  )
    return refValue(analysis.api('#page', ''))
  const name = nameOf(fn, index)
  if (name === 'event' && index === 0 && /handler$/i.test(fn.name))
    return refValue(analysis.api('#lambda', ''))
  if (
    name === 'args' &&
    index === 1 &&
    /^(?:_\w*|parent|root|obj|source|rootValue)$/.test(nameOf(fn, 0) ?? '')
  )
    return taintFrom(run, `${fn.at}.${index}`, { kind: 'request', what: "the query's arguments" }, param)
  if (name === null) {
    // `({ body }, res)`: the request, taken apart at once.
    const after = nameOf(fn, index + 1)
    return after !== null && /^(?:res|reply|response)$/.test(after)
      ? refValue(analysis.api('#request', ''))
      : null
  }
  const after = nameOf(fn, index + 1)
  // In a library, a request alone may as well be one that is sent.
  if (after === null && analysis.index.packageOf(path)?.library === true) return null
  const byName = paramByName(name, after)
  return byName === null ? null : refValue(analysis.api(byName, ''))
}

function byFunctionType({ name, parent }: FunctionInfo): string | null {
  if (name === '' || parent === null) return null
  const type = parent.variables.find((each) => each.name === name)?.type
  return type === null || type === undefined ? null : firstParamByType(type)
}

/** `@Param('id', ParseIntPipe)`, `@Query('id', new ParseUUIDPipe({ … }))` */
function isNarrowPipe(pipe: Expression): boolean {
  const callee = pipe.kind === 'call' ? pipe.callee : pipe
  return callee.kind === 'name' && NARROW_PIPES.has(callee.name)
}

/** A parameter whose class says by decorators what its fields are: a validation pipe holds it to that. */
function checkedByClass(run: Run, param: Param, value: Value): Value {
  if (param.type === null) return value
  for (const ref of namedType(run, param.type).refs) {
    if (ref.kind !== 'class') continue
    const fields = new Map<string, Schema>()
    let checked = false
    for (const { name, decorators } of ref.class.fields) {
      if (name === null) continue
      let mask = ALL
      for (const each of decorators) {
        const callee = each.kind === 'call' ? each.callee : each
        const kept = callee.kind === 'name' ? FIELD_DECORATORS.get(callee.name) : undefined
        if (kept !== undefined) {
          checked = true
          mask &= kept
        } else if (
          callee.kind === 'name' &&
          callee.name === 'Matches' &&
          each.kind === 'call' &&
          each.args[0] !== undefined
        ) {
          checked = true
          for (const pattern of PART.evaluate(run, each.args[0]).refs)
            if (pattern.kind === 'regex') mask &= ~checkedByPattern(pattern.pattern, pattern.flags, true)
        }
      }
      fields.set(name, leaf(mask))
    }
    if (!checked) continue
    const made = applied(run, objectSchema(fields), value, param, '', 0)
    return join(cleared(value, ALL & ~CLASS.mass), made)
  }
  return value
}

/** What a container gives a constructor by the types of its parameters: one of that class. */
function injected(run: Run, param: Param): Value {
  const { fn } = run
  if (
    fn.form !== 'constructor' ||
    fn.class === null ||
    param.type === null ||
    fn.module.language === 'python'
  )
    return PLAIN
  let out = PLAIN
  for (const ref of namedType(run, param.type).refs)
    if (ref.kind === 'api') out = join(out, refValue(run.analysis.api(ref.package, `${ref.chain}()`)))
    else if (ref.kind === 'class' && fn.class.decorators.length > 0) out = join(out, refValue(ref.instance))
  return out
}

function nameOf(fn: FunctionInfo, index: number): string | null {
  const pattern = fn.params[index]?.pattern
  return pattern?.kind === 'name'
    ? pattern.name
    : pattern?.kind === 'default-pattern' && pattern.target.kind === 'name'
      ? pattern.target.name
      : null
}

/** The value of a class: its methods are on its instances, its static members on itself. */
export function defineClass(run: Run, info: ClassInfo): Value {
  share(run)
  const { analysis } = run
  const ref = analysis.classRef(info)
  if (info.superClass !== null)
    for (const parent of PART.evaluate(run, info.superClass).refs) {
      if (parent.kind === 'class' && parent !== ref) {
        if (!ref.instance.parents.includes(parent.instance)) ref.instance.parents.push(parent.instance)
        if (!ref.statics.parents.includes(parent.statics)) ref.statics.parents.push(parent.statics)
      } else if (parent.kind === 'api') {
        const made = analysis.api(parent.package, `${parent.chain}()`)
        if (!ref.instance.parents.includes(made)) ref.instance.parents.push(made)
      }
    }
  for (const method of info.methods) {
    if (method.form === 'getter' || method.form === 'constructor') {
      analysis.enqueue(method)
      continue
    }
    const summary = analysis.summaryOf(method)
    analysis.writeField(method.static ? ref.statics : ref.instance, method.name, refValue(summary.ref))
    analysis.enqueue(method)
  }
  for (const field of info.fields)
    if (field.value !== null && field.name !== null)
      analysis.writeField(
        field.static ? ref.statics : ref.instance,
        field.name,
        PART.evaluate(run, field.value),
      )
  return refValue(ref)
}
