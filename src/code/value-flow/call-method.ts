import type { Call } from '../flow-graph/expressions.ts'
import { CLASS } from '../models/classes.ts'
import { clearedByReplacing } from './cleared-by-replacing.ts'
import { concatenate } from './concatenate.ts'
import { KEYS } from './exclude.ts'
import { allTaints } from './labels.ts'
import { elementOf, keysOf, load } from './load.ts'
import { pythonMethod } from './python-calls.ts'
import { PART, type Run } from './run.ts'
import { dangerous } from './sink-hits.ts'
import { cleared, derived, join, mapTaints, PLAIN, refValue, sameText, type Value, valueOf } from './value.ts'

export interface MethodCall {
  readonly node: Call
  readonly receiver: Value
  readonly method: string
  readonly args: readonly Value[]
  /** What the member is: functions of the program go before built-in methods. */
  readonly target: Value
}

const SAME = new Set([
  'toString', 'trim', 'trimStart', 'trimEnd', 'trimLeft', 'trimRight', 'toLowerCase', 'toUpperCase', 'valueOf', 'normalize',
  'toLocaleLowerCase', 'toLocaleUpperCase', 'toJSON', 'clone', 'model_dump', 'model_copy', 'dict', 'unwrap', 'catch', 'finally', 'exec$', 'lean',
]) // prettier-ignore
const PART_OF = new Set([
  'slice', 'substring', 'substr', 'split', 'charAt', 'at', 'concat', 'padStart', 'padEnd', 'repeat', 'reverse', 'flat', 'sort',
  'toReversed', 'toSorted', 'values', 'entries', 'toArray', 'fill', 'splice', 'toSpliced', 'with',
]) // prettier-ignore
/** Lists have none of these: what they are called on is a text where they are. */
const OF_TEXTS = new Set(['split', 'substring', 'substr', 'charAt', 'padStart', 'padEnd', 'repeat'])
const HARMLESS = new Set([
  'indexOf', 'lastIndexOf', 'includes', 'startsWith', 'endsWith', 'search', 'charCodeAt', 'codePointAt', 'localeCompare', 'has',
  'hasOwnProperty', 'isPrototypeOf', 'propertyIsEnumerable', 'findIndex', 'findLastIndex', 'some', 'every', 'toFixed', 'getTime',
]) // prettier-ignore
const EACH = new Set([
  'forEach',
  'map',
  'filter',
  'find',
  'findLast',
  'flatMap',
  'some',
  'every',
  'findIndex',
  'findLastIndex',
  'partition',
  'each',
])
const GROWING = new Set(['push', 'unshift', 'add', 'append', 'enqueue', 'prepend'])

/** Methods of strings, arrays, maps, promises, functions and regular expressions; null when it is none of them. */
export function callMethod(run: Run, given: MethodCall): Value | null {
  const { node, receiver, method, args, target } = given
  if (target.refs.some((each) => each.kind === 'function')) return null
  const first = args[0] ?? PLAIN
  checkRegularExpression(run, given)
  if (run.module.language === 'python') {
    const own = pythonMethod(run, node, receiver, method, args)
    if (own !== null) return own
  }
  if (EACH.has(method) && callable(first)) return each(run, given)
  if (HARMLESS.has(method)) return PLAIN
  if (SAME.has(method))
    return method === 'toString'
      ? textual(receiver)
      : receiver.refs.length > 0
        ? receiver
        : sameText(receiver)
  switch (method) {
    case 'then': {
      if (!callable(first)) return null
      const result = PART.invoke(run, first, [receiver], PLAIN, node)
      return args[1] === undefined ? result : join(result, PART.invoke(run, args[1], [PLAIN], PLAIN, node))
    }
    case 'subscribe': {
      // What an observable of untrusted values gives: to a function, or to an observer's `next`.
      if (receiver.taints.length === 0) return null
      const observer = callable(first) ? first : load(run, first, 'next', PLAIN, node)
      return callable(observer) ? PART.invoke(run, observer, [receiver], first, node) : null
    }
    case 'call':
    case 'apply':
    case 'bind':
      return functionMethod(run, given)
    case 'reduce':
    case 'reduceRight': {
      if (!callable(first)) return null
      const element = elementOf(run, receiver)
      const start = args[1] ?? element
      const once = PART.invoke(run, first, [start, element], PLAIN, node)
      return join(join(start, once), PART.invoke(run, first, [join(start, once), element], PLAIN, node))
    }
    case 'replace':
    case 'replaceAll':
      return replace(run, given)
    case 'join':
      return joinedText(run, given)
    case 'exec':
    case 'match':
    case 'matchAll': {
      const subject =
        receiver.refs.some((ref) => ref.kind === 'regex') || method === 'exec' ? first : receiver
      return derived(subject)
    }
    case 'test':
      return PLAIN
    case 'get':
    case 'pop':
    case 'shift':
    case 'next':
    case 'peek':
      if (receiver.refs.some((ref) => ref.kind === 'object')) return load(run, receiver, null, PLAIN, node)
      return receiver.refs.length === 0 ? derived(receiver) : null
    case 'keys':
      return listLike(run, node, keysOf(run, receiver))
    case 'set':
      if (!receiver.refs.some((ref) => ref.kind === 'object')) return null
      grow(run, receiver, args[1] ?? PLAIN)
      return receiver
    case 'concat': {
      if (!receiver.refs.some((ref) => ref.kind === 'object'))
        return concatenate(run, [receiver, ...args], node)
      const list = run.analysis.objectAt(node, run.fn, true)
      for (const each of [receiver, ...args]) {
        const element = each.refs.some((ref) => ref.kind === 'object') ? elementOf(run, each) : each
        run.analysis.writeField(list, null, element)
      }
      return refValue(list)
    }
    default:
  }
  if (GROWING.has(method) && receiver.refs.some((ref) => ref.kind === 'object')) {
    for (const value of args) grow(run, receiver, value)
    return PLAIN
  }
  if (PART_OF.has(method)) return part(run, given)
  return null
}

function callable(value: Value): boolean {
  return value.refs.some(
    (ref) => ref.kind === 'function' || (ref.kind === 'api' && ref.package !== '#request'),
  )
}

function textual(value: Value): Value {
  return cleared(valueOf(value.taints, [], value.prefix), CLASS.nosql | CLASS.mass)
}

function grow(run: Run, receiver: Value, value: Value): void {
  for (const ref of receiver.refs) if (ref.kind === 'object') run.analysis.writeField(ref, null, value)
}

function listLike(run: Run, site: Call, element: Value): Value {
  const list = run.analysis.objectAt(site, run.fn, true)
  run.analysis.writeField(list, null, element)
  return refValue(list)
}

function each(run: Run, { node, receiver, method, args }: MethodCall): Value {
  const element = elementOf(run, receiver)
  const result = PART.invoke(run, args[0] as Value, [element, PLAIN, receiver], args[1] ?? PLAIN, node)
  switch (method) {
    case 'map':
      return listLike(run, node, result === PLAIN ? apiMapped(element, args[0] as Value) : result)
    case 'flatMap':
      return listLike(run, node, join(elementOf(run, result), result))
    case 'filter':
      return receiver.refs.some((ref) => ref.kind === 'object') ? receiver : derived(receiver)
    case 'find':
    case 'findLast':
      return element
    default:
      return PLAIN
  }
}

/** `list.map(String)`, `list.map(encodeURIComponent)`: the callback is not the program's own. */
function apiMapped(element: Value, callback: Value): Value {
  return callback.refs.some(
    (ref) =>
      ref.kind === 'function' ||
      /^(?:Number|parseInt|encodeURIComponent|Boolean)$/.test(ref.kind === 'api' ? ref.package : ''),
  )
    ? PLAIN
    : element
}

function functionMethod(run: Run, { node, receiver, method, args, target }: MethodCall): Value | null {
  // `Object.prototype.hasOwnProperty.call(…)`, `Array.prototype.slice.call(arguments)`
  const api = receiver.refs.find((ref) => ref.kind === 'api')
  if (api?.kind === 'api' && /\.prototype\.|^\.(?:slice|concat|push)$/.test(api.chain)) {
    const name = api.chain.slice(api.chain.lastIndexOf('.') + 1)
    return callMethod(run, {
      node,
      receiver: args[0] ?? PLAIN,
      method: name,
      args: args.slice(1),
      target: PLAIN,
    })
  }
  const own = receiver.refs.some((ref) => ref.kind === 'function')
  if (!own) return target.refs.length === 0 ? null : PLAIN
  if (method === 'bind') return receiver
  const self = args[0] ?? PLAIN
  if (method === 'call') return PART.invoke(run, receiver, args.slice(1), self, node)
  const list = args[1] ?? PLAIN
  const spread = [0, 1, 2, 3].map((index) => {
    const field = load(run, list, String(index), PLAIN, node)
    return field === PLAIN ? elementOf(run, list) : field
  })
  return PART.invoke(run, receiver, spread, self, node)
}

function replace(run: Run, { node, receiver, method, args }: MethodCall): Value {
  const pattern = args[0] ?? PLAIN
  const replacement = args[1] ?? PLAIN
  const mask = clearedByReplacing(
    pattern,
    replacement,
    // Python's takes out all of them, unless it is given a count.
    method === 'replaceAll' || (run.module.language === 'python' && args.length === 2),
  )
  run.summary.replaces = true
  let out = cleared(derived(receiver), mask)
  if (callable(replacement)) {
    // What it is called with is what was found: that says nothing of keys.
    const found = cleared(derived(receiver), mask & ~KEYS)
    out = join(out, derived(PART.invoke(run, replacement, [found, found, found], PLAIN, node)))
  } else if (replacement.taints.length > 0) out = join(out, derived(replacement))
  return valueOf(out.taints, [], receiver.prefix)
}

/** An array's elements as one text; what stands before an element fixes what it may choose, as in a template. */
function joinedText(run: Run, { node, receiver }: MethodCall): Value {
  const parts: Value[] = []
  for (const ref of receiver.refs)
    if (ref.kind === 'object') {
      for (const each of ref.fields.values()) parts.push(each)
      if (ref.element !== PLAIN) parts.push(ref.element)
      ref.readers.add(run.fn)
    }
  if (parts.length === 0) return derived(receiver)
  return join(concatenate(run, parts.slice(0, 40), node), derived({ ...receiver, refs: [] }))
}

function part(run: Run, { node, receiver, method, args }: MethodCall): Value {
  if (receiver.refs.some((ref) => ref.kind === 'object') && !OF_TEXTS.has(method)) {
    if (method === 'splice') for (const value of args.slice(2)) grow(run, receiver, value)
    if (method === 'entries') return listLike(run, node, receiver)
    return receiver
  }
  const first = args[0]
  // `'…' + x` that is cut at the front may begin with anything again.
  const out = derived({ ...receiver, taints: allTaints(receiver, 0) })
  return method === 'split' && first?.constant === '/' ? cleared(out, 0) : out
}

/** A text that takes a regular expression long: which one, is kept with the hit. */
function checkRegularExpression(run: Run, { node, receiver, method, args }: MethodCall): void {
  const first = args[0] ?? PLAIN
  const python = run.module.language === 'python'
  if (python && !receiver.refs.some((ref) => ref.kind === 'regex')) return
  const asReceiver = method === 'test' || method === 'exec' || python
  if (!asReceiver && !/^(?:match|matchAll|replace|replaceAll|search|split)$/.test(method)) return
  const expressions = (asReceiver ? receiver : first).refs
  const subject = asReceiver ? first : receiver
  const matched = mapTaints(subject, (taint) => ({
    ...taint,
    step: run.analysis.step(run.module, node, 'is matched', taint.step),
  }))
  for (const ref of expressions) {
    if (ref.kind !== 'regex') continue
    dangerous(run, [valueOf(matched)], {
      class: 'redos',
      span: ref.span,
      module: ref.module,
      sink: `/${ref.pattern}/${ref.flags}`,
    })
  }
  if (
    !asReceiver &&
    method !== 'replace' &&
    method !== 'replaceAll' &&
    method !== 'split' &&
    first.taints.length > 0
  )
    dangerous(run, [first], { class: 'pattern', span: node, sink: method })
}
