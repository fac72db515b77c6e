import type { Binary, Call } from '../flow-graph/expressions.ts'
import { CLASS } from '../models/classes.ts'
import { PYTHON } from '../models/python.ts'
import type { ApiCall } from './call-api.ts'
import { concatenate } from './concatenate.ts'
import { allTaints } from './labels.ts'
import { elementOf, load } from './load.ts'
import { EXTERNAL, PARSER } from './python-sinks.ts'
import { PART, type Run } from './run.ts'
import { change, fieldsShape, forget, fromShape, listShape, shaped, track } from './shapes.ts'

import { cleared, constantValue, derived, join, PLAIN, refValue, sameText } from './value.ts'
import { type Value, valueOf } from './value.ts'

const MEMBERS_LIMIT = 12

/** Python's own functions, and those of its library that give back what they are given; null when it is none. */
export function pythonBuiltIn(run: Run, { ref, node, args, receiver }: ApiCall): Value | null {
  const name = ref.package.slice(PYTHON.length) + ref.chain
  const first = args[0] ?? PLAIN
  switch (name) {
    case 'str':
    case 'bytes':
    case 'bytearray':
    case 'repr':
    case 'ascii':
    case 'format':
      // Texts are no operators of a query.
      return cleared(pythonText(first), CLASS.nosql)
    case 'list':
    case 'tuple':
    case 'set':
    case 'frozenset':
    case 'collections.deque':
      return copyOf(run, node, first)
    case 'sorted':
    case 'reversed':
    case 'iter':
    case 'filter':
    case 'itertools.chain': {
      let element = PLAIN
      for (const each of args)
        if (each.refs.every((one) => one.kind !== 'function')) element = join(element, elementOf(run, each))
      return listOf(run, node, element)
    }
    case 'next':
    case 'min':
    case 'max':
    case 'random.choice':
    case 'secrets.choice':
      return args.reduce(
        (all, each) => join(all, join(elementOf(run, each), sameText({ ...each, refs: [] }))),
        PLAIN,
      )
    case 'enumerate':
    case 'zip':
      return tuples(run, node, name === 'enumerate' ? [PLAIN, first] : args)
    case 'map': {
      const elements = args.slice(1).map((each) => elementOf(run, each))
      const known = first.refs.some((each) => each.kind === 'function')
      const numeric = first.refs.some(
        (each) => each.kind === 'api' && /^py\.(?:int|float|len|ord|bool)$/.test(each.package),
      )
      const mapped = known
        ? PART.invoke(run, first, elements, PLAIN, node)
        : numeric
          ? PLAIN
          : (elements[0] ?? PLAIN)
      return listOf(run, node, mapped)
    }
    case 'dict':
    case 'collections.OrderedDict':
    case 'collections.defaultdict':
      return dictionary(run, node, first)
    case 'copy.copy':
    case 'copy.deepcopy':
    case 'typing.cast':
    case 'asyncio.wait_for':
      return name === 'typing.cast' ? (args[1] ?? PLAIN) : first
    case 'getattr':
      return member(run, node, args)
    case 'os.path.join':
    case 'posixpath.join':
      return concatenate(
        run,
        args.flatMap((each, index) => (index === 0 ? [each] : [SLASH, pythonText(each)])),
        node,
      )
    case 'os.path.normpath':
    case 'os.path.abspath':
    case 'os.path.realpath':
    case 'os.path.expanduser':
    case 'os.fspath':
    case 'os.fsdecode':
      return sameText(first)
    case 'configparser.ConfigParser':
    case 'configparser.RawConfigParser':
    case 'configparser.SafeConfigParser': {
      const made = run.analysis.objectAt(node, run.fn, false, true)
      track(run, made, fieldsShape(new Map()))
      return join(refValue(made), refValue(run.analysis.api(ref.package, `${ref.chain}()`)))
    }
    case 'io.StringIO':
    case 'io.BytesIO': {
      const made = run.analysis.objectAt(node, run.fn, true)
      run.analysis.writeField(made, null, pythonText(first))
      return join(refValue(made), refValue(run.analysis.api(ref.package, `${ref.chain}()`)))
    }
    case 'xml.sax.make_parser':
    case 'lxml.etree.XMLParser': {
      const made = run.analysis.objectAt(node, run.fn)
      run.analysis.writeField(made, PARSER, constantValue(name === 'xml.sax.make_parser' ? 'sax' : 'lxml'))
      for (const options of args)
        for (const each of options.refs)
          if (each.kind === 'object')
            for (const [key, value] of each.fields) run.analysis.writeField(made, key, value)
      return join(refValue(made), refValue(run.analysis.api(ref.package, `${ref.chain}()`)))
    }
    case 'xml.sax.make_parser().setFeature':
      if (
        /external.general.entities|feature_external_ges/.test(nameOf(first)) &&
        args[1]?.constant !== false &&
        args[1]?.constant !== 0
      )
        for (const each of receiver.refs)
          if (each.kind === 'object') run.analysis.writeField(each, EXTERNAL, constantValue(true))
      return PLAIN
    case 're.compile':
      return typeof first.constant === 'string'
        ? join(
            refValue(run.analysis.regex(first.constant, '', run.module, node)),
            refValue(run.analysis.api(ref.package, `${ref.chain}()`)),
          )
        : null
    default:
      return null
  }
}

function nameOf(value: Value): string {
  const api = value.refs.find((each) => each.kind === 'api')
  return String(value.constant ?? (api?.kind === 'api' ? api.chain : ''))
}

const SLASH: Value = { taints: [], refs: [], constant: '/', prefix: '/' }

/** A value as text: what lies in its elements is in it. */
export function pythonText(value: Value): Value {
  return value.refs.some((each) => each.kind === 'object')
    ? valueOf(allTaints(value, 2), [], value.prefix)
    : value.constant === undefined || value.taints.length > 0
      ? sameText(value)
      : value
}

/** `folder / name`, `text % values`, `text * 2`, `{**a} | b`; comparisons and arithmetic give nothing on. */
export function pythonBinary(run: Run, node: Binary, left: Value, right: Value): Value {
  switch (node.operator) {
    case '/': {
      const path = left.refs.some((each) => each.kind === 'api' && each.package === 'py.pathlib')
      return path ? join(derived({ ...left, refs: [] }), { ...derived(right), refs: left.refs }) : PLAIN
    }
    case '%':
      return typeof left.constant === 'number' ? PLAIN : concatenate(run, [left, pythonText(right)], node)
    case '*':
      return join(derived({ ...left, refs: [] }), derived({ ...right, refs: [] }))
    case '|':
    case '&':
      return join({ ...left, constant: undefined }, { ...right, constant: undefined })
    default:
      return PLAIN
  }
}

function listOf(run: Run, site: Call, element: Value): Value {
  const list = run.analysis.objectAt(site, run.fn, true)
  forget(run, element)
  run.analysis.writeField(list, null, element)
  return refValue(list)
}

function copyOf(run: Run, node: Call, value: Value): Value {
  const list = run.analysis.objectAt(node, run.fn, true)
  const known = value === PLAIN ? listShape([]) : shaped(run, value)?.shape
  for (const ref of value.refs)
    if (ref.kind === 'object') for (const [key, each] of ref.fields) run.analysis.writeField(list, key, each)
  const element = elementOf(run, value)
  if (element !== PLAIN) run.analysis.writeField(list, null, element)
  if (known?.list != null) track(run, list, known)
  return refValue(list)
}

function tuples(run: Run, node: Call, lists: readonly Value[]): Value {
  const tuple = run.analysis.objectAt(node.callee, run.fn, true)
  for (const [index, each] of lists.entries())
    run.analysis.writeField(tuple, String(index), elementOf(run, each))
  return listOf(run, node, refValue(tuple))
}

function dictionary(run: Run, node: Call, from: Value): Value {
  const made = run.analysis.objectAt(node, run.fn, false, true)
  const known = shaped(run, from)?.shape
  for (const ref of from.refs) {
    if (ref.kind !== 'object') continue
    for (const [key, each] of ref.fields) run.analysis.writeField(made, key, each)
    if (ref.element !== PLAIN) run.analysis.writeField(made, null, ref.element)
  }
  if (from.refs.length === 0 && from.taints.length === 0) track(run, made, fieldsShape(new Map()))
  else if (known !== undefined && known.list === null) track(run, made, known)
  return from.taints.length === 0 ? refValue(made) : join(refValue(made), valueOf(from.taints))
}

/** `getattr(object, name)`; when nobody knows the name, any function or class of a module of the program. */
function member(run: Run, node: Call, args: readonly Value[]): Value {
  const [object = PLAIN, key = PLAIN, fallback = PLAIN] = args
  if (typeof key.constant === 'string') return join(load(run, object, key.constant, PLAIN, node), fallback)
  let out = join(load(run, object, null, key, node), fallback)
  const modules = new Set([...run.analysis.moduleObjects.values()].map((each) => each.exports))
  for (const ref of object.refs) {
    if (ref.kind !== 'object' || !modules.has(ref)) continue
    const members = [...ref.fields.values()].filter((each) =>
      each.refs.some((one) => one.kind === 'class' || one.kind === 'function'),
    )
    for (const each of members.slice(0, MEMBERS_LIMIT)) out = join(out, { ...PLAIN, refs: each.refs })
  }
  return out
}

/** Methods of lists, dictionaries, sets, configurations and texts; null when it is none of them. */
export function pythonMethod(
  run: Run,
  node: Call,
  receiver: Value,
  method: string,
  args: readonly Value[],
): Value | null {
  const objects = receiver.refs.some((each) => each.kind === 'object')
  if (receiver.refs.some((each) => each.kind === 'api' && /^\.\w*ConfigParser\(\)$/.test(each.chain)))
    return configuration(run, node, receiver, method, args)
  return objects ? collection(run, node, receiver, method, args) : text(run, node, receiver, method, args)
}

const HARMLESS =
  /^(?:startswith|endswith|find|rfind|index|rindex|count|isdigit|isalpha|isalnum|isnumeric|isdecimal|isidentifier|isspace|islower|isupper|istitle|isascii|isprintable|__len__|__contains__)$/
const SAME =
  /^(?:strip|lstrip|rstrip|lower|upper|title|capitalize|casefold|swapcase|expandtabs|removeprefix|removesuffix|encode|decode|ljust|rjust|center|zfill|format_map|as_posix|resolve|absolute|expanduser)$/

function text(run: Run, node: Call, receiver: Value, method: string, args: readonly Value[]): Value | null {
  if (HARMLESS.test(method)) return receiver.refs.length === 0 || receiver.taints.length > 0 ? PLAIN : null
  if (method === 'join' && receiver.taints.length === 0 && typeof receiver.constant === 'string') {
    const given = args[0] ?? PLAIN
    return derived(valueOf(allTaints(given, 2)))
  }
  if (receiver.refs.length > 0 && receiver.taints.length === 0) return null
  if (SAME.test(method)) return sameText({ ...receiver, refs: [] })
  if (method === 'format') return concatenate(run, [receiver, ...args.map(pythonText)], node)
  return null
}

/** Configurations by section and key: what is read is what was set there. */
function configuration(
  run: Run,
  node: Call,
  receiver: Value,
  method: string,
  args: readonly Value[],
): Value | null {
  const [section, option, value = PLAIN] = args
  const key =
    typeof section?.constant === 'string' && typeof option?.constant === 'string'
      ? `${section.constant}\n${option.constant.toLowerCase()}`
      : null
  const object = receiver.refs.find((each) => each.kind === 'object')
  if (object === undefined) return null
  if (method === 'set') {
    run.analysis.writeField(object, key, value)
    const known = run.env.shapes?.get(object)
    if (known !== undefined) {
      if (key === null) run.env.shapes?.delete(object)
      else change(run, object, fieldsShape(new Map(known.fields).set(key, value)))
    }
    return PLAIN
  }
  if (/^(?:getint|getfloat|getboolean|add_section|has_\w+|sections|options|read\w*)$/.test(method))
    return PLAIN
  if (method !== 'get') return null
  const found =
    (key === null ? null : fromShape(run, object, key)) ?? load(run, refValue(object), key, PLAIN, node)
  return { ...found, constant: undefined }
}

function collection(
  run: Run,
  node: Call,
  receiver: Value,
  method: string,
  args: readonly Value[],
): Value | null {
  const known = shaped(run, receiver)
  const [first = PLAIN, second = PLAIN] = args
  const list = known?.shape.list ?? null
  const grow = (value: Value): void => {
    if (known === null) forget(run, value)
    for (const ref of receiver.refs) if (ref.kind === 'object') run.analysis.writeField(ref, null, value)
  }
  const set = (next: readonly Value[] | null): void => {
    if (known === null) return
    if (next === null) run.env.shapes?.delete(known.object)
    else change(run, known.object, listShape(next))
  }
  switch (method) {
    case 'append':
    case 'add':
    case 'appendleft':
      grow(first)
      set(list === null ? null : method === 'appendleft' ? [first, ...list] : [...list, first])
      return PLAIN
    case 'insert': {
      grow(second)
      const at = first.constant
      set(list === null || typeof at !== 'number' ? null : list.toSpliced(at, 0, second))
      return PLAIN
    }
    case 'extend':
    case 'update': {
      const other = shaped(run, first)?.shape
      for (const ref of first.refs) {
        if (ref.kind !== 'object') continue
        for (const [key, each] of ref.fields)
          for (const into of receiver.refs)
            if (into.kind === 'object') run.analysis.writeField(into, method === 'update' ? key : null, each)
        if (ref.element !== PLAIN) grow(ref.element)
      }
      if (first.taints.length > 0) grow(elementOf(run, { ...first, refs: [] }))
      if (known !== null && list === null && other?.list === null)
        change(run, known.object, fieldsShape(new Map([...known.shape.fields, ...other.fields])))
      else set(list !== null && other?.list != null ? [...list, ...other.list] : null)
      return PLAIN
    }
    case 'pop':
    case 'popleft': {
      const at = method === 'popleft' ? 0 : args.length === 0 ? -1 : first.constant
      if (list !== null && typeof at === 'number') {
        set(list.toSpliced(at, 1))
        return list.at(at) ?? PLAIN
      }
      set(null)
      return join(load(run, receiver, typeof at === 'string' ? at : null, PLAIN, node), second)
    }
    case 'remove':
    case 'reverse':
    case 'sort':
    case 'discard':
      set(method === 'reverse' && list !== null ? list.toReversed() : null)
      return PLAIN
    case 'write':
    case 'writelines':
      grow(pythonText(first))
      return PLAIN
    case 'getvalue':
      return derived(elementOf(run, { ...receiver, taints: [] }))
    case 'clear':
      if (known !== null) change(run, known.object, list === null ? fieldsShape(new Map()) : listShape([]))
      return PLAIN
    case 'copy':
      return list === null ? dictionary(run, node, receiver) : copyOf(run, node, receiver)
    case 'get':
    case 'setdefault': {
      if (args.length === 0) return null
      const key =
        typeof first.constant === 'string' || typeof first.constant === 'number'
          ? String(first.constant)
          : null
      if (method === 'setdefault') {
        for (const ref of receiver.refs) if (ref.kind === 'object') run.analysis.writeField(ref, key, second)
        set(null)
      }
      return join(load(run, receiver, key, key === null ? first : PLAIN, node), second)
    }
    case 'items': {
      const pair = run.analysis.objectAt(node.callee, run.fn, true)
      run.analysis.writeField(pair, '0', keyTaints(receiver))
      run.analysis.writeField(pair, '1', elementOf(run, receiver))
      return listOf(run, node, refValue(pair))
    }
    case 'values':
      return listOf(run, node, elementOf(run, receiver))
    default:
      return null
  }
}

function keyTaints(value: Value): Value {
  return derived({ ...value, refs: [] })
}
