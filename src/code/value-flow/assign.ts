import type { Expression, Member, Pattern } from '../flow-graph/expressions.ts'
import { CLASS } from '../models/classes.ts'
import { own, WRITTEN } from '../models/sinks.ts'
import { adopt } from './adopt.ts'
import { elementOf, isBare, load } from './load.ts'
import { PART, type Run } from './run.ts'
import { change, fieldsShape, forget, listShape } from './shapes.ts'
import { isWrittenInside } from './share.ts'
import { dangerous, hit } from './sink-hits.ts'
import { cleared, join, type ObjectRef, PLAIN, type Value } from './value.ts'

/** Gives a pattern its value. */
export function assign(run: Run, target: Pattern, value: Value, declares: boolean): void {
  switch (target.kind) {
    case 'name': {
      const { variable } = target
      if (variable === null) {
        if (target.name === 'location')
          dangerous(run, [value], { class: 'redirect', span: target, sink: 'location' })
        else run.env.set(run.analysis.undeclared(run.fn, target.name), value)
        return
      }
      if (variable.owner === run.fn) run.env.set(variable, value)
      const outside = variable.owner !== run.fn
      if (outside || variable.captured) forget(run, value)
      if (outside || (variable.captured && (run.shared || isWrittenInside(variable))))
        run.analysis.writeCell(variable, value)
      return
    }
    case 'member':
      store(run, target, value)
      return
    case 'object-pattern':
      for (const property of target.properties) {
        const key = property.computed === null ? PLAIN : PART.evaluate(run, property.computed)
        const field = property.key ?? (typeof key.constant === 'string' ? key.constant : null)
        PART.assign(run, property.target, load(run, value, field, key, property), declares)
      }
      if (target.rest !== null) PART.assign(run, target.rest, value, declares)
      return
    case 'array-pattern':
      for (const [index, element] of target.elements.entries())
        if (element !== null) {
          const indexed = load(run, value, String(index), PLAIN, element)
          PART.assign(run, element, indexed === PLAIN ? elementOf(run, value) : indexed, declares)
        }
      if (target.rest !== null) PART.assign(run, target.rest, value, declares)
      return
    case 'default-pattern': {
      const fallback = PART.evaluate(run, target.value)
      PART.assign(run, target.target, value === PLAIN ? fallback : join(value, fallback), declares)
    }
  }
}

/**
 * `to[key] = from[key]`: what lies in `from` lies in `to` under the same names. Gives what is left to assign, which
 * has no name; null where it is no such copy.
 */
export function copied(run: Run, target: Pattern, from: Expression): Value | null {
  if (target.kind !== 'member' || from.kind !== 'member' || run.module.language === 'python') return null
  const { key } = from
  if (key?.kind !== 'name' || target.key?.kind !== 'name' || key.variable === null) return null
  if (target.key.variable !== key.variable) return null
  const source = PART.evaluate(run, from.object)
  const objects = source.refs.filter((each) => each.kind === 'object')
  if (objects.length === 0) return null
  for (const to of PART.evaluate(run, target.object).refs) {
    if (to.kind !== 'object') continue
    for (const each of objects) {
      if (each === to) continue
      each.readers.add(run.fn)
      for (const [field, value] of each.fields) {
        run.analysis.writeField(to, field, value)
        for (const one of value.refs)
          if (one.kind === 'function') adopt(run, one.fn, { ...PLAIN, refs: [to] })
      }
      if (each.element !== PLAIN) run.analysis.writeField(to, null, each.element)
    }
  }
  const others = { ...source, refs: source.refs.filter((each) => each.kind !== 'object') }
  return run.env.checked(load(run, others, null, PART.evaluate(run, key), from))
}

function store(run: Run, target: Member, value: Value): void {
  const object = PART.evaluate(run, target.object)
  const key = target.key === null ? PLAIN : run.env.checked(PART.evaluate(run, target.key))
  const field =
    target.property ??
    (typeof key.constant === 'string' || typeof key.constant === 'number' ? String(key.constant) : null)
  if (field === null && run.module.language !== 'python') checkPollution(run, target, object, key)
  const written = field === null ? undefined : own(WRITTEN, field)
  if (written !== undefined) dangerous(run, [value], { class: written, span: target, sink: field as string })
  // What a key has led to is followed where it goes on from hand to hand, not through what is kept.
  const kept = cleared(value, CLASS.reached | CLASS.ctorreached)
  for (const ref of object.refs) {
    switch (ref.kind) {
      case 'object':
        run.analysis.writeField(ref, field, kept)
        replace(run, ref, field, kept)
        for (const each of value.refs)
          if (each.kind === 'function') adopt(run, each.fn, { ...PLAIN, refs: [ref] })
        break
      case 'function':
        run.analysis.writeField(ref.own, field, kept)
        if (field === 'prototype') adoptAll(run, value)
        break
      case 'class':
        run.analysis.writeField(ref.statics, field, kept)
        break
      case 'api':
        checkApiStore(run, ref.package, ref.chain, field, target, value)
        if (field === 'Location' && /^(?:py\.|#pyre)/.test(ref.package))
          dangerous(run, [value], { class: 'redirect', span: target, sink: 'the Location header' })
        if (/^(?:py\.(?:flask|quart|bottle)|#pyrequest)\.session$/.test(ref.package + ref.chain))
          dangerous(run, [value, key], { class: 'trust', span: target, sink: 'the session', levels: 2 })
        break
      case 'regex':
    }
  }
  // A field of what we know only by its taints: the variable that holds it has the taints from now on.
  if (target.object.kind === 'name' && target.object.variable?.owner === run.fn && object.refs.length === 0) {
    const made = run.analysis.objectAt(target.object.variable, run.fn)
    run.analysis.writeField(made, field, kept)
    run.env.set(target.object.variable, join(object, { ...PLAIN, refs: [made] }))
  }
}

/** The element of an object whose shape is known; what is put into another one may change there. */
function replace(run: Run, object: ObjectRef, field: string | null, value: Value): void {
  const shape = run.env.shapes?.get(object)
  if (shape === undefined) return forget(run, value)
  const { list, fields } = shape
  if (field === null) forget(run, { ...PLAIN, refs: [object] })
  else if (list === null) change(run, object, fieldsShape(new Map(fields).set(field, value)))
  else if (list.at(Number(field)) === undefined) forget(run, { ...PLAIN, refs: [object] })
  else change(run, object, listShape(list.with(Number(field), value)))
}

/** `F.prototype = { … }`: the methods are called on instances. */
function adoptAll(run: Run, prototype: Value): void {
  for (const ref of prototype.refs) {
    if (ref.kind !== 'object') continue
    for (const value of ref.fields.values())
      for (const each of value.refs) if (each.kind === 'function') adopt(run, each.fn, prototype)
  }
}

/** Writing under an untrusted key into an object that another untrusted key has led to. */
function checkPollution(run: Run, target: Member, object: Value, key: Value): void {
  if (isBare(object)) return
  // The last key may be any name: the property of the prototype that is set.
  if (!key.taints.some((each) => (each.mask & (CLASS.protokey | CLASS.dispatch)) !== 0)) return
  const walked = target.object.kind === 'name' && (target.object.variable?.assigned ?? 0) > 0
  for (const taint of object.taints) {
    let need = (taint.mask & CLASS.reached) !== 0 ? CLASS.protokey : 0
    if (walked && (taint.mask & CLASS.ctorreached) !== 0) need |= CLASS.ctorkey
    if (need === 0) need = taint.mask & CLASS.protobase
    if (need !== 0)
      hit(run, taint, { class: 'protobase', need, span: target, sink: 'a property of the object' })
  }
}

function checkApiStore(
  run: Run,
  name: string,
  chain: string,
  field: string | null,
  target: Member,
  value: Value,
): void {
  if (name === '#context' && field === 'body')
    dangerous(run, [cleared(value, 0)], { class: 'xss', span: target, sink: 'the response', markup: true })
  const place = `${name}${chain}.${field ?? ''}`
  if (
    /^(?:(?:window|self|top|parent|document|globalThis)\.)?location(?:\.href)?$/.test(
      place.replace(/\.$/, ''),
    )
  )
    dangerous(run, [value], { class: 'redirect', span: target, sink: 'location' })
}
