import type { Call } from '../flow-graph/expressions.ts'
import { CLASS } from '../models/classes.ts'
import { clearedBy, NO_FLOW } from '../models/effects.ts'
import { PYTHON, PYTHON_NO_FLOW, PYTHON_TEXT_METHOD, pythonCleared, pythonSource } from '../models/python.ts'
import { AUTO_IMPORTED, callSource } from '../models/sources.ts'
import { checkApiCall } from './check-call.ts'
import { concatenate } from './concatenate.ts'
import { exclude, KEYS } from './exclude.ts'
import { allTaints } from './labels.ts'
import { elementOf, keysOf, ofObject, taintFrom } from './load.ts'
import { pythonBuiltIn } from './python-calls.ts'
import { calledByVisitors } from './python-entries.ts'
import { PART, type Run } from './run.ts'
import { callSchema } from './schemas.ts'
import { forget } from './shapes.ts'
import { checkRendered } from './templates.ts'
import {
  type ApiRef,
  cleared,
  derived,
  join,
  mapTaints,
  PLAIN,
  refValue,
  sameText,
  type Taint,
  type Value,
  valueOf,
  WHOLE,
} from './value.ts'

export interface ApiCall {
  readonly node: Call
  readonly ref: ApiRef
  readonly args: readonly Value[]
  readonly receiver: Value
  /** What is called. */
  readonly target: Value
  readonly method: string
}

/** A call that leaves the program: sinks, sources, and what it gives back. */
export function callApi(run: Run, given: ApiCall): Value {
  const { ref, args, node } = given
  // Only the package itself has the name '': what a call returned and is called in turn has none that we know.
  const method = ref.chain === '' ? '' : lastMember(ref.chain) || '()'
  const python = ref.package.startsWith(PYTHON)
  checkApiCall(run, given, method)
  if (
    /^(?:render|view|renderFile)$/.test(method) &&
    /^(?:#response|#context|ejs|pug|nunjucks)$/.test(ref.package)
  )
    checkRendered(run, args)
  // Who looks up the address of a host looks whether it is one to ask.
  if (/^dns(?:\/promises)?$/.test(ref.package) && /^(?:lookup|resolve[46]?)$/.test(method))
    for (const each of node.args.slice(0, 1)) exclude(run, each, CLASS.ssrf)
  const special = python
    ? pythonBuiltIn(run, given)
    : (callSchema(run, given, method) ?? builtIn(run, given, method))
  if (special !== null) return special
  if (python) {
    for (const each of args) forget(run, each)
    calledByVisitors(run, given)
  }
  const source = sourceOf(run, ref, method)
  if (source !== null) {
    const tainted = taintFrom(run, `${node.at}`, source, node)
    return source.kind === 'file' ? listOf(run, node, tainted) : tainted
  }
  const mask = python ? pythonCleared(ref.package, method, ref.chain) : clearedBy(ref.package, method)
  const result = run.analysis.memberValue(ref, '()')
  if (mask !== 0)
    return join(
      result,
      cleared(
        args.reduce((all, each) => join(all, asText(each)), PLAIN),
        mask,
      ),
    )
  if (ref.package.startsWith('#'))
    // A method of a request gives what the member of that name is, as `req.query('x')`.
    return ref.package === '#response' ? result : join(result, partOfInput(run, given, method))
  if (ITERATORS.test(`${ref.package}.${method}`)) {
    const at = args.findIndex((each) => each.refs.some((one) => one.kind === 'function'))
    if (at >= 0) {
      const given = args[0] ?? PLAIN
      const keys = keysOf(run, given)
      const called = PART.invoke(
        run,
        args[at] as Value,
        [elementOf(run, given), keys, given],
        args[at + 1] ?? PLAIN,
        node,
      )
      return listOf(run, node, join(called, elementOf(run, given)))
    }
  }
  if (python && given.receiver.taints.length > 0) return join(result, valueOf(outsideTaints(given.receiver)))
  if (
    NO_FLOW.has(ref.package) ||
    (python && PYTHON_NO_FLOW.has(ref.package.slice(PYTHON.length)) && !PYTHON_TEXT_METHOD.test(ref.chain))
  )
    return result
  if (ref.chain.includes('()') && !(python && PYTHON_TEXT_METHOD.test(ref.chain)))
    return join(result, derived(given.receiver))
  let out = result
  for (const each of args) out = join(out, derived({ ...each, taints: allTaints(each, 2) }))
  return out
}

/** `c.req.valid('query')`, `c.req.query('sort')`: all of a part, or a field of it, as a schema has let it by. */
function partOfInput(run: Run, { target, args, node }: ApiCall, method: string): Value {
  const checked = target.refs.filter((each) => each.kind === 'object')
  const taints = outsideTaints(target)
  if (checked.length === 0 || method === 'valid') return { ...PLAIN, taints, refs: checked }
  const field = args[0]?.constant
  const known = PART.load(
    run,
    { ...PLAIN, refs: checked },
    typeof field === 'string' ? field : null,
    PLAIN,
    node,
  )
  return join(known, valueOf(taints))
}

/** Taints that come from a source itself, not from the parameter that it was read of. */
function outsideTaints(value: Value): readonly Taint[] {
  return mapTaints(value, (each) =>
    each.label.source === null ? null : { ...each, flags: each.flags | WHOLE },
  )
}

function sourceOf(run: Run, ref: ApiRef, method: string): ReturnType<typeof callSource> {
  const found = ref.package.startsWith(PYTHON)
    ? pythonSource(ref.package, `${ref.chain}()`)
    : callSource(ref.package, method)
  if (found !== null) return found
  if (ref.chain === '' && AUTO_IMPORTED.has(ref.package) && /(?:^|\/)(?:server|api)\//.test(run.module.path))
    return callSource('#h3', ref.package)
  return null
}

export function lastMember(chain: string): string {
  const match = /\.([\w$]+)$/.exec(chain)
  return match === null ? '' : (match[1] as string)
}

/** A value as text: its fields' taints are in it. */
function asText(value: Value): Value {
  return value.refs.some((each) => each.kind === 'object')
    ? valueOf(allTaints(value, 2), [], value.prefix)
    : sameText(value)
}

/** What Angular gives for a class: its one object. */
function injected(run: Run, asked: Value): Value {
  let out = PLAIN
  for (const ref of asked.refs)
    if (ref.kind === 'class') out = join(out, refValue(ref.instance))
    else if (ref.kind === 'api')
      out = join(
        out,
        ref.chain === '.ActivatedRoute'
          ? refValue(run.analysis.api('#ngroute', ''))
          : run.analysis.memberValue(ref, '()'),
      )
  return out
}

function listOf(run: Run, site: Call, element: Value): Value {
  const list = run.analysis.objectAt(site, run.fn, true)
  run.analysis.writeField(list, null, element)
  return refValue(list)
}

/** Functions of packages that call back with each element and its key. */
const ITERATORS =
  /(?:^|[.-])(?:for-?(?:in|own|each)|each|map|filter|some|every|find|mapValues|mapKeys|forOwn|forIn|forEach|times|reduce)(?:Series|Limit)?\.?$/i

const SAME = new Set([
  'String', 'decodeURIComponent', 'decodeURI', 'unescape', 'structuredClone', 'querystring.unescape', 'Buffer.from', 'Buffer',
  'Object.freeze', 'Object.seal', 'Object', 'util.promisify', 'util.callbackify', 'Promise.resolve', 'Promise.reject', 'thenify',
  'pify', 'es6-promisify.promisify', 'bluebird.promisify', 'bluebird.resolve', 'slash', 'untildify', 'querystring.unescape',
  'React.useMemo', 'React.memo', 'React.forwardRef', 'react.memo', 'react.forwardRef', 'Promise.all', 'Promise.race',
  'Promise.allSettled', 'Promise.any', 'bluebird.all', 'q.all', 'lodash.cloneDeep', 'lodash.clone', 'promisify',
]) // prettier-ignore

function builtIn(run: Run, given: ApiCall, method: string): Value | null {
  const { ref, args, node } = given
  const name = ref.package + ref.chain
  const first = args[0] ?? PLAIN
  if (ref.package === '#resolve') {
    const promise = run.analysis.promises.get(ref.chain)
    if (promise !== undefined) run.analysis.writeField(promise, null, first)
    return PLAIN
  }
  if (SAME.has(name)) return name === 'String' ? cleared(asText(first), clearedBy('String', '')) : first
  switch (name) {
    case 'Object.keys':
    case 'Object.getOwnPropertyNames':
    case 'Reflect.ownKeys':
    case 'lodash.keys':
    case 'underscore.keys':
      return listOf(run, node, keysOf(run, first))
    case 'Object.values':
    case 'lodash.values':
      return listOf(run, node, elementOf(run, first))
    case 'Object.entries': {
      const pair = run.analysis.objectAt(node.callee, run.fn, true)
      run.analysis.writeField(pair, '0', keysOf(run, first))
      run.analysis.writeField(pair, '1', elementOf(run, first))
      return listOf(run, node, refValue(pair))
    }
    case 'Object.create':
      return create(run, given)
    case 'Object.assign':
    case 'lodash.assign':
    case 'lodash.extend':
    case 'underscore.extend':
    case 'object-assign':
    case 'xtend':
    case 'extend':
    case 'jquery.extend':
    case 'lodash.merge':
    case 'lodash.defaults':
    case 'underscore.defaults':
    case 'deepmerge':
    case 'util._extend':
      return assignAll(run, args)
    case 'Array.from':
    case 'Array.of':
    case 'Set':
    case 'Map':
    case 'WeakMap':
    case 'WeakSet':
      return collection(run, given, name)
    case 'JSON.parse':
    case 'json5.parse':
      return valueOf(mapTaints(first, (each) => ({ ...each, flags: each.flags & ~WHOLE })))
    case 'JSON.stringify':
      return cleared(derived(valueOf(allTaints(first, 3))), CLASS.log | CLASS.nosql | KEYS)
    case 'RegExp': {
      const flags = args[1]?.constant
      return typeof first.constant === 'string'
        ? refValue(
            run.analysis.regex(first.constant, typeof flags === 'string' ? flags : '', run.module, node),
          )
        : first.refs.some((each) => each.kind === 'regex')
          ? { ...PLAIN, refs: first.refs }
          : null
    }
    case '@angular/core.inject':
      return injected(run, first)
    case 'Promise':
    case 'bluebird': {
      const promise = run.analysis.objectAt(node, run.fn)
      const chain = `.${promise.id}`
      run.analysis.promises.set(chain, promise)
      PART.invoke(run, first, [refValue(run.analysis.api('#resolve', chain)), PLAIN], PLAIN, node)
      return ofObject(run, promise, null)
    }
    case 'setTimeout':
    case 'setInterval':
    case 'setImmediate':
    case 'process.nextTick':
    case 'queueMicrotask':
    case 'requestAnimationFrame':
      PART.invoke(run, first, args.slice(2), PLAIN, node)
      return PLAIN
    case 'util.format':
    case 'util.inspect':
      return concatenate(run, args.map(asText), node)
    case 'Reflect.get':
      return run.env.checked(PART.load(run, first, null, args[1] ?? PLAIN, node))
    case 'Reflect.apply':
      return PART.invoke(run, first, [], args[1] ?? PLAIN, node)
    default:
  }
  if (ref.package === 'path' || ref.package === 'upath') return pathCall(run, given, method)
  return null
}

function create(run: Run, given: ApiCall): Value {
  const parent = given.args[0] ?? PLAIN
  const object = run.analysis.objectAt(given.node, run.fn, false, parent.constant === null)
  for (const ref of parent.refs)
    if (ref.kind === 'object' && ref !== object && !object.parents.includes(ref)) object.parents.push(ref)
  return refValue(object)
}

/** Fields of the later arguments are in the first one then, and what is untrusted whole makes it so. */
function assignAll(run: Run, args: readonly Value[]): Value {
  let out = args[0] ?? PLAIN
  for (const source of args.slice(1)) {
    for (const from of source.refs) {
      if (from.kind !== 'object') continue
      from.readers.add(run.fn)
      for (const to of out.refs) {
        if (to.kind !== 'object' || to === from) continue
        for (const [key, each] of from.fields) run.analysis.writeField(to, key, each)
        if (from.element !== PLAIN) run.analysis.writeField(to, null, from.element)
      }
    }
    if (source.taints.length > 0) {
      for (const to of out.refs)
        if (to.kind === 'object') run.analysis.writeField(to, null, elementOf(run, { ...source, refs: [] }))
      out = join(out, cleared(valueOf(source.taints), KEYS))
    }
    if (out.refs.length === 0) out = join(out, { ...source, constant: undefined, prefix: '' })
  }
  return out
}

function collection(run: Run, given: ApiCall, name: string): Value {
  const { args, node } = given
  const first = args[0] ?? PLAIN
  const list = run.analysis.objectAt(node, run.fn, true, name !== 'Array.from' && name !== 'Array.of')
  let element = name === 'Array.of' ? args.reduce(join, PLAIN) : elementOf(run, first)
  if (name === 'Map') element = elementOf(run, element)
  if (name === 'Array.from' && args[1] !== undefined)
    element = PART.invoke(run, args[1], [element, PLAIN], PLAIN, node)
  // The elements of a constant list stay known, for checks of membership.
  if (name === 'Set' || name === 'Array.from')
    for (const ref of first.refs)
      if (ref.kind === 'object')
        for (const [key, each] of ref.fields) run.analysis.writeField(list, key, each)
  run.analysis.writeField(list, null, element)
  return refValue(list)
}

/** Paths put together: a part that was made absolute before cannot lead out any more. */
function pathCall(run: Run, given: ApiCall, method: string): Value | null {
  const { args, node } = given
  if (!/^(?:join|resolve|normalize|normalizeSafe|toUnix|format|relative|dirname|parse)$/.test(method))
    return null
  const rooted =
    method === 'join' &&
    args.length > 1 &&
    /^[/\\.]+$/.test(String(args[0]?.constant ?? '')) &&
    args[0]?.constant !== '.' &&
    args[0]?.constant !== '..'
  let out = PLAIN
  for (const [index, each] of args.entries()) {
    const normalRoot = method === 'normalize' && each.taints.length > 0 && each.prefix.startsWith('/')
    const mask = (rooted && index > 0) || normalRoot ? CLASS.path | CLASS.zip : 0
    const step = mapTaints(each, (taint) => ({
      ...taint,
      mask: taint.mask & ~mask,
      step: run.analysis.step(run.module, node, 'becomes part of a path', taint.step),
    }))
    out = join(out, valueOf(step))
  }
  if (method === 'relative' || method === 'dirname' || method === 'parse') return derived(out)
  return { ...out, prefix: args[0]?.prefix ?? '' }
}
