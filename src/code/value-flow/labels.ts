import type { FunctionInfo } from '../flow-graph/functions.ts'
import { passed as passedMask } from '../models/classes.ts'
import type { Analysis } from './analysis.ts'
import { joinTaints, mapTaints, PLAIN, type Label, type Taint, type Value, valueOf, WHOLE } from './value.ts'

/** The taints of a field of a value, from the value's own taints: a field of what is untrusted is untrusted. */
export function fieldTaints(analysis: Analysis, value: Value, field: string): readonly Taint[] {
  return mapTaints(value, (each) => ({
    ...each,
    label: analysis.child(each.label, field),
    flags: each.flags | (field === '*' ? 0 : WHOLE),
  }))
}

/** How many objects one projection looks into: values may lead round in circles through each other. */
const VISIT_LIMIT = 60
const FIELDS_READ = 24

/** What lies at a path in a value: fields of objects, and fields of what its taints stand for. */
export function project(analysis: Analysis, value: Value, path: readonly string[]): readonly Taint[] {
  if (path.length === 0) return value.taints
  let visits = 0
  const at = (inner: Value, from: number): readonly Taint[] => {
    if (from === path.length) return inner.taints
    let out = mapTaints(inner, (each) => {
      let label = each.label
      for (let index = from; index < path.length; index++)
        label = analysis.child(label, path[index] as string)
      return { ...each, label }
    })
    const field = path[from] as string
    for (const ref of inner.refs) {
      if (ref.kind !== 'object' || ++visits > VISIT_LIMIT) continue
      const own = ref.fields.get(field)
      if (own !== undefined) out = joinTaints(out, at(own, from + 1))
      else if (field === '*') {
        let read = 0
        for (const each of ref.fields.values()) {
          if (++read > FIELDS_READ) break
          if (each.taints.length > 0 || each.refs.length > 0) out = joinTaints(out, at(each, from + 1))
        }
      }
      if (ref.element !== PLAIN) out = joinTaints(out, at(ref.element, from + 1))
    }
    return out
  }
  return at(value, 0)
}

/** What was found of values already, by levels: objects lead to each other, and each would be gone through again for every way to it. */
type Seen = Map<Value, readonly Taint[]>[]

/** The taints of a value and of what lies in the objects it refers to, so many levels down. */
export function allTaints(value: Value, levels: number, seen: Seen = []): readonly Taint[] {
  let out = value.taints
  if (levels === 0) return out
  for (const ref of value.refs) {
    if (ref.kind !== 'object') continue
    let read = 0
    for (const each of ref.fields.values()) {
      if (each !== value && (each.taints.length > 0 || each.refs.length > 0))
        out = joinTaints(out, parts(each, levels, seen))
      if (++read > 40) break
    }
    if (ref.element !== PLAIN) out = joinTaints(out, parts(ref.element, levels, seen))
  }
  return out
}

function parts(value: Value, levels: number, seen: Seen): readonly Taint[] {
  const known = (seen[levels] ??= new Map())
  let found = known.get(value)
  if (found === undefined) {
    found = allTaints(value, levels - 1, seen)
    if (found.some((each) => (each.flags & WHOLE) !== 0))
      found = found.map((each) => ({ ...each, flags: each.flags & ~WHOLE }))
    known.set(value, found)
  }
  return found
}

export function ownerOf(label: Label): FunctionInfo | null {
  return label.source === null ? label.fn : null
}

/** A function's result with its parameters' labels replaced by what this call passes. */
export function substitute(
  analysis: Analysis,
  result: Value,
  fn: FunctionInfo,
  args: readonly Value[],
  receiver: Value,
  via: (taint: Taint, inner: Taint) => Taint,
): Value {
  if (result.taints.length === 0) return result
  let out: readonly Taint[] = []
  for (const taint of result.taints) {
    if (ownerOf(taint.label) !== fn) {
      out = joinTaints(out, [taint])
      continue
    }
    const passed = argumentOf(analysis, fn, taint.label.index, args, receiver)
    const taints = project(analysis, passed, taint.label.path)
    for (const each of taints) {
      const mask = passedMask(each.mask, taint.mask)
      if (mask !== 0)
        out = joinTaints(out, [
          via(
            {
              ...each,
              mask,
              flags: (each.flags & taint.flags & WHOLE) | ((each.flags | taint.flags) & ~WHOLE),
            },
            taint,
          ),
        ])
    }
  }
  return result.refs.length === 0 && result.constant === undefined
    ? valueOf(out, [], result.prefix)
    : { ...result, taints: out }
}

/** What a call passes for a parameter: rest parameters take all that is left, -1 is the receiver. */
export function argumentOf(
  analysis: Analysis,
  fn: FunctionInfo,
  index: number,
  args: readonly Value[],
  receiver: Value,
): Value {
  if (index === -1) return receiver
  if (index === -2) return joinedArguments(analysis, args, 0)
  if (fn.params[index]?.rest === true) return joinedArguments(analysis, args, index)
  return args[index] ?? PLAIN
}

function joinedArguments(analysis: Analysis, args: readonly Value[], from: number): Value {
  const list = analysis.object(null, true)
  for (let at = from; at < args.length; at++) {
    const each = args[at] as Value
    analysis.writeField(list, String(at - from), each)
    analysis.writeField(list, null, each)
  }
  return { ...PLAIN, refs: [list] }
}
