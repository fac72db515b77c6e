import type { Member, Span } from '../flow-graph/expressions.ts'
import { PYTHON, pythonSource } from '../models/python.ts'
import { apiSource, hasOneLine, isAlwaysText, REQUEST_PARTS, RESULT_PARTS } from '../models/sources.ts'
import { CLASS, OUTSIDE } from '../models/classes.ts'
import { argumentsOf } from './arguments.ts'
import { fieldTaints } from './labels.ts'
import { pythonFixed, pythonSubmodule } from './python-names.ts'
import { isOwnKey } from './own-keys.ts'
import { PART, type Run } from './run.ts'
import { fromShape } from './shapes.ts'
import {
  type ApiRef,
  join,
  joinTaints,
  mapTaints,
  type ObjectRef,
  PLAIN,
  refValue,
  type Source,
  type Taint,
  type Value,
  valueOf,
  WHOLE,
} from './value.ts'

/** Fields that hold numbers or other harmless things, whatever they are fields of. */
const HARMLESS = new Set([
  'length',
  'size',
  'byteLength',
  'statusCode',
  'status',
  'ok',
  'index',
  'lastIndex',
  'readyState',
])
const PARENT_DEPTH = 6
const FIELDS_READ = 60

/** A field of a value; `field` null: one whose name is only known as the value `key`. */
export function load(run: Run, object: Value, field: string | null, key: Value, site: Span): Value {
  if (field !== null && HARMLESS.has(field) && object.refs.length === 0) return PLAIN
  let out = PLAIN
  if (object.taints.length > 0 && !(field !== null && HARMLESS.has(field)))
    out = valueOf(fieldTaints(run.analysis, object, field ?? '*'))
  if (field === null && key.taints.length > 0) out = join(out, reachedBy(run, object, key, site))
  for (const ref of object.refs) {
    switch (ref.kind) {
      case 'object':
        out = join(out, ofObject(run, ref, field))
        break
      case 'function':
        if (field === 'prototype') out = join(out, prototypeOf(run, ref.own))
        else out = join(out, ofObject(run, ref.own, field))
        break
      case 'class':
        out = join(out, field === 'prototype' ? refValue(ref.instance) : ofObject(run, ref.statics, field))
        break
      case 'api':
        out = join(out, ofApi(run, ref, object, field, site))
        break
      case 'regex':
    }
  }
  return out
}

export function prototypeOf(run: Run, own: ObjectRef): Value {
  let prototype = own.fields.get('prototype')
  if (prototype === undefined) {
    prototype = refValue(run.analysis.object(null))
    own.fields.set('prototype', prototype)
    own.all = null
  }
  return prototype
}

/** It has no prototype. A parameter may be another object than those that this program passes for it. */
export function isBare(object: Value): boolean {
  const objects = object.refs.filter((each) => each.kind === 'object')
  const passed = object.taints.some(
    ({ label, flags }) => label.source === null && label.path.length === 0 && (flags & WHOLE) !== 0,
  )
  return objects.length > 0 && (passed ? objects.every(bare) : objects.some(bare))
}

function bare(object: ObjectRef): boolean {
  return object.bare
}

/** What a key of the attacker's choosing reaches: perhaps a prototype, perhaps a method. */
function reachedBy(run: Run, object: Value, key: Value, site: Span): Value {
  if (isBare(object)) return PLAIN
  const taints = mapTaints(key, (each) => {
    const mask =
      ((each.mask & CLASS.protokey) === 0 ? 0 : CLASS.reached) |
      ((each.mask & CLASS.ctorkey) === 0 ? 0 : CLASS.ctorreached)
    if (mask === 0 || isOwnKey(run, object, each.label)) return null
    const step = run.analysis.step(run.module, site, 'names the property that is read', each.step)
    return { ...each, mask, step }
  })
  return valueOf(taints)
}

export function ofObject(run: Run, object: ObjectRef, field: string | null, depth = 0): Value {
  const known = fromShape(run, object, field)
  if (known !== null) return known
  object.readers.add(run.fn)
  if (field === null) {
    if (object.all !== null) return object.all
    let all = object.element
    let read = 0
    for (const each of object.fields.values()) {
      all = join(all, each.constant === undefined ? each : { ...each, constant: undefined, prefix: '' })
      if (++read > FIELDS_READ) break
    }
    object.all = all
    return all
  }
  const own = object.fields.get(field)
  if (own !== undefined) return object.element === PLAIN ? own : join(own, object.element)
  let out = object.element
  if (depth < PARENT_DEPTH)
    for (const parent of object.parents)
      out = join(
        out,
        parent.kind === 'api' ? ofParent(run, parent, field) : ofObject(run, parent, field, depth + 1),
      )
  return out
}

/** What an object has of a class that is not of the program. */
function ofParent(run: Run, parent: ApiRef, field: string): Value {
  return parent.package.startsWith(PYTHON)
    ? ofApi(run, parent, PLAIN, field, run.fn)
    : run.analysis.memberValue(parent, `.${field}`)
}

function ofApi(run: Run, ref: ApiRef, object: Value, field: string | null, site: Span): Value {
  if (ref.package.startsWith('#')) {
    const parts = ref.package === '#request' ? REQUEST_PARTS : RESULT_PARTS[ref.package]
    const source = field !== null && ref.chain === '' ? parts?.[field] : undefined
    if (source !== undefined) {
      if (typeof source === 'string' && source.startsWith('#')) return refValue(run.analysis.api(source, ''))
      const made = typeof source === 'string' ? { kind: 'request' as const, what: source } : source
      const key = `${object.taints[0]?.label.id ?? run.fn.at}.${field}`
      return PART.validated(run, field as string, sourceValue(run, key, { ...made, site }, ref, field), site)
    }
  }
  if (field === null) return PLAIN
  if (ref.package.startsWith(PYTHON)) {
    if (pythonFixed(run, ref, field)) return PLAIN
    const module = pythonSubmodule(run, ref, field)
    if (module !== null) return module
  }
  const known = ref.members.get(field)
  if (known !== undefined) return known
  const chain = `${ref.chain}.${field}`
  const found = ref.package.startsWith(PYTHON)
    ? pythonSource(ref.package, chain)
    : apiSource(ref.package, chain)
  if (found !== null) return sourceValue(run, `${ref.package}${chain}`, { ...found, site }, ref, field)
  // What lies on the global object is a global.
  const member = GLOBAL.has(ref.package + ref.chain)
    ? refValue(run.analysis.api(field, ''))
    : refValue(run.analysis.api(ref.package, chain))
  ref.members.set(field, member)
  return member
}

const GLOBAL = new Set(['globalThis', 'global', 'window', 'self', 'root', 'Function()()'])

interface Found {
  readonly kind: Source['kind']
  readonly what: string
  readonly mask?: number
  readonly site: Span
}

function maskOf({ kind, what, mask }: Omit<Found, 'site'>): number {
  let all = (mask ?? SOURCE_MASKS[kind]) | CLASS.quote
  if (kind !== 'request') return all
  if (isAlwaysText(what)) all &= ~(CLASS.nosql | CLASS.mass)
  if (hasOneLine(what)) all &= ~(CLASS.log | CLASS.header)
  return all
}

/** The value of a source; it also still is what it was read from, so that methods of it are known. */
function sourceValue(run: Run, key: string, found: Found, ref: ApiRef, field: string | null): Value {
  const label = run.analysis.sourceLabel(`${run.module.path}:${key}`, () => ({
    kind: found.kind,
    what: found.what,
    module: run.module,
    span: found.site,
    mask: maskOf(found),
  }))
  const mask = (label.source as Source).mask
  const taint: Taint = {
    label,
    mask,
    flags: WHOLE,
    step: run.analysis.step(run.module, found.site, found.what, null),
  }
  return valueOf([taint], [run.analysis.api(ref.package, `${ref.chain}.${field ?? '*'}`)])
}

/** A fresh taint from a source that lies at a place. */
export function taintFrom(run: Run, key: string, source: Omit<Found, 'site'>, site: Span): Value {
  const label = run.analysis.sourceLabel(`${run.module.path}:${key}`, () => ({
    kind: source.kind,
    what: source.what,
    module: run.module,
    span: site,
    mask: maskOf(source),
  }))
  const step = run.analysis.step(run.module, site, source.what, null)
  return valueOf([{ label, mask: (label.source as Source).mask, flags: WHOLE, step }])
}

const C = CLASS
/** What each kind of source is dangerous for. */
export const SOURCE_MASKS: Readonly<Record<Source['kind'], number>> = {
  request: OUTSIDE,
  page: C.xss | C.redirect | C.code | C.protokey | C.ctorkey | C.redos | C.pattern,
  argument: C.command | C.code | C.sql,
  archive: C.zip | C.path,
  library:
    C.xpath |
    C.ldap |
    C.command |
    C.code |
    C.protokey |
    C.ctorkey |
    C.redos |
    C.template |
    C.xss |
    C.sql |
    C.deserialise,
  model: C.sql | C.nosql | C.command | C.code | C.xss | C.path | C.ssrf | C.template,
  tool: C.sql | C.nosql | C.command | C.code | C.path | C.ssrf | C.template | C.protokey | C.ctorkey,
  file: C.xss,
  message: OUTSIDE,
}

export function member(run: Run, node: Member): Value {
  const { object: of } = node
  const indexed = of.kind === 'name' && of.name === 'arguments' && of.variable === null
  const value = PART.evaluate(run, of)
  const object = indexed ? { ...value, refs: [argumentsOf(run)] } : value
  const key = node.key === null ? PLAIN : PART.evaluate(run, node.key)
  const field =
    node.property ??
    (typeof key.constant === 'string' || typeof key.constant === 'number' ? String(key.constant) : null)
  return run.env.checked(load(run, object, field, key, node))
}

/** What an iteration over a value gives: elements of arrays and sets, parts of what is untrusted. */
export function elementOf(run: Run, value: Value): Value {
  let out = value.taints.length === 0 ? PLAIN : valueOf(fieldTaints(run.analysis, value, '*'))
  for (const ref of value.refs)
    if (ref.kind === 'object') out = join(out, ofObject(run, ref, null))
    else if (ref.kind === 'api') out = join(out, run.analysis.memberValue(ref, '.*'))
  return out
}

/** The keys of a value as text: of what is untrusted they are untrusted too. */
export function keysOf(run: Run, value: Value): Value {
  const taints = mapTaints(value, (each) => ({
    ...each,
    label: run.analysis.child(each.label, '<key>'),
    flags: each.flags | WHOLE,
  }))
  let out = valueOf(taints)
  for (const ref of value.refs) {
    if (ref.kind !== 'object') continue
    ref.readers.add(run.fn)
    const hidden = ref.element.taints
    if (hidden.length > 0)
      out = join(
        out,
        valueOf(
          joinTaints(
            [],
            mapTaints(ref.element, (each) => ({
              ...each,
              mask: each.mask & ~(CLASS.protokey | CLASS.ctorkey),
            })),
          ),
        ),
      )
  }
  return out
}
