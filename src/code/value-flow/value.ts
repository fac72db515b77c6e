import type { Span } from '../flow-graph/expressions.ts'
import type { ClassInfo, FunctionInfo } from '../flow-graph/functions.ts'
import type { Module } from '../flow-graph/module.ts'
import type { SourceKind } from '../models/source-kind.ts'

/** Where an untrusted value comes in. */
export interface Source {
  readonly kind: SourceKind
  /** In words for people: `the request's query`. */
  readonly what: string
  readonly module: Module
  readonly span: Span
  /** Classes that it is dangerous for. */
  readonly mask: number
}

/**
 * What a taint comes from: a source, or a parameter of the function that is being read (index -1 is `this`), and
 * then the fields that were read of it. A parameter's label stands for whatever callers pass.
 */
export interface Label {
  readonly id: number
  readonly source: Source | null
  readonly fn: FunctionInfo | null
  readonly index: number
  readonly path: readonly string[]
  readonly parent: Label | null
  readonly children: Map<string, Label>
}

/** One place on the way of a value; the way is read backwards. */
export interface Step {
  readonly module: Module
  readonly span: Span
  readonly what: string | null
  readonly before: Step | null
  readonly length: number
}

/** It is the value as it came, not a part of it or something made with it. */
export const WHOLE = 1
/** It stands in markup. */
export const MARKUP = 2

export interface Taint {
  readonly label: Label
  readonly mask: number
  readonly flags: number
  readonly step: Step | null
}

export interface FunctionRef {
  readonly kind: 'function'
  readonly id: number
  readonly fn: FunctionInfo
  /** Its own properties, `prototype` among them. */
  readonly own: ObjectRef
  /** Labels that are safe wherever this function is made, and for which classes. */
  cleared: ReadonlyMap<Label, number> | null
}

export interface ClassRef {
  readonly kind: 'class'
  readonly id: number
  readonly class: ClassInfo
  readonly statics: ObjectRef
  /** One object stands for all instances. */
  readonly instance: ObjectRef
}

/** An object or array by the place that makes it; fields only ever grow. */
export interface ObjectRef {
  readonly kind: 'object'
  readonly id: number
  readonly fields: Map<string, Value>
  /** Elements, and values under keys that are not known. */
  element: Value
  /** Whatever is in it, once somebody has asked; null when it has grown since. */
  all: Value | null
  /** Looked in for members that are not its own. */
  readonly parents: (ObjectRef | ApiRef)[]
  /** Functions that read it: they are looked at again when it grows. */
  readonly readers: Set<FunctionInfo>
  readonly array: boolean
  /** It has no prototype: `Object.create(null)`, a Map. */
  readonly bare: boolean
  readonly maker: FunctionInfo | null
}

/** Something outside the program: a package, then the members and calls that lead to it. */
export interface ApiRef {
  readonly kind: 'api'
  readonly id: number
  readonly package: string
  /** `.promises.readFile`, `().get`; '' for the package itself. */
  readonly chain: string
  /** Values of what leads on from it, by what is added to the chain. */
  readonly values: Map<string, Value>
  /** What reading a member gives, where it is no source: the same wherever it is read. */
  readonly members: Map<string, Value>
}

export interface RegexRef {
  readonly kind: 'regex'
  readonly id: number
  readonly pattern: string
  readonly flags: string
  /** Where it is written first. */
  readonly module: Module
  readonly span: Span
}

export type Ref = FunctionRef | ClassRef | ObjectRef | ApiRef | RegexRef

export type Constant = string | number | boolean | null

export interface Value {
  readonly taints: readonly Taint[]
  readonly refs: readonly Ref[]
  /** Its value, when it is known and one. */
  readonly constant: Constant | undefined
  /** What a text begins with, as far as it is known. */
  readonly prefix: string
}

const NO_TAINTS: readonly Taint[] = []
const NO_REFS: readonly Ref[] = []

/** Nothing is known of it, and nothing is wrong with it. */
export const PLAIN: Value = { taints: NO_TAINTS, refs: NO_REFS, constant: undefined, prefix: '' }

const TAINT_LIMIT = 8
const REF_LIMIT = 24

export function constantValue(constant: Constant): Value {
  return { taints: NO_TAINTS, refs: NO_REFS, constant, prefix: typeof constant === 'string' ? constant : '' }
}

export function refValue(ref: Ref): Value {
  return { taints: NO_TAINTS, refs: [ref], constant: undefined, prefix: '' }
}

export function valueOf(taints: readonly Taint[], refs: readonly Ref[] = NO_REFS, prefix = ''): Value {
  return taints.length === 0 && refs.length === 0 && prefix === ''
    ? PLAIN
    : { taints, refs, constant: undefined, prefix }
}

/** Both; gives `a` itself when `b` adds nothing, so that growth can be told by identity. */
export function join(a: Value, b: Value): Value {
  if (a === b || b === PLAIN) return a.constant === undefined || a === b ? a : dropConstant(a, b)
  if (a === PLAIN) return b.constant === undefined ? b : dropConstant(b, a)
  const taints = joinTaints(a.taints, b.taints)
  const refs = joinRefs(a.refs, b.refs)
  const constant = a.constant === b.constant ? a.constant : undefined
  const prefix = a.prefix === b.prefix ? a.prefix : ''
  return taints === a.taints && refs === a.refs && constant === a.constant && prefix === a.prefix
    ? a
    : { taints, refs, constant, prefix }
}

function dropConstant(a: Value, b: Value): Value {
  if (b === PLAIN && a.taints.length === 0 && a.refs.length === 0 && a.prefix === '') return PLAIN
  return {
    taints: a.taints,
    refs: a.refs,
    constant: undefined,
    prefix: b.prefix === a.prefix ? a.prefix : '',
  }
}

export function joinTaints(a: readonly Taint[], b: readonly Taint[]): readonly Taint[] {
  if (b.length === 0 || a === b) return a
  if (a.length === 0) return b
  let out: Taint[] | null = null
  for (const taint of b) {
    const list = out ?? a
    let at = list.length - 1
    while (at >= 0 && (list[at] as Taint).label !== taint.label) at--
    if (at < 0) {
      if (list.length < TAINT_LIMIT) (out ??= a.slice()).push(taint)
      continue
    }
    const known = list[at] as Taint
    const mask = known.mask | taint.mask
    // A part and the whole of one value together count as a part: a check of the whole may have missed it.
    const flags = (known.flags & taint.flags & WHOLE) | ((known.flags | taint.flags) & MARKUP)
    if (mask !== known.mask || flags !== known.flags)
      (out ??= a.slice())[at] = { label: known.label, mask, flags, step: known.step }
  }
  return out ?? a
}

export function joinRefs(a: readonly Ref[], b: readonly Ref[]): readonly Ref[] {
  if (b.length === 0 || a === b) return a
  if (a.length === 0) return b
  let out: Ref[] | null = null
  for (const ref of b) {
    const list = out ?? a
    if (list.length >= REF_LIMIT) break
    if (!list.includes(ref)) (out ??= a.slice()).push(ref)
  }
  return out ?? a
}

export function mapTaints(value: Value, change: (taint: Taint) => Taint | null): readonly Taint[] {
  if (value.taints.length === 0) return NO_TAINTS
  const out: Taint[] = []
  for (const taint of value.taints) {
    const changed = change(taint)
    if (changed !== null && changed.mask !== 0) out.push(changed)
  }
  return out
}

/** The same value, no longer dangerous for these classes. */
export function cleared(value: Value, mask: number): Value {
  if (value.taints.every((each) => (each.mask & mask) === 0)) return value
  const taints = mapTaints(value, (each) => ({ ...each, mask: each.mask & ~mask }))
  return { taints, refs: value.refs, constant: value.constant, prefix: value.prefix }
}

/** A part of it or something made with it: taints stay, what it refers to does not. */
export function derived(value: Value, mask = -1): Value {
  if (value.taints.length === 0) return PLAIN
  return valueOf(
    mapTaints(value, (each) => ({ ...each, mask: each.mask & mask, flags: each.flags & ~WHOLE })),
  )
}

/** Only the taints, still as the whole value: for functions that give the same text back. */
export function sameText(value: Value): Value {
  return value.refs.length === 0 && value.constant === undefined
    ? value
    : valueOf(value.taints, NO_REFS, value.prefix)
}

/** Labels that are safe on both ways, each for what both make it safe for. */
export function intersectCleared(
  a: ReadonlyMap<Label, number> | null,
  b: ReadonlyMap<Label, number> | null,
): Map<Label, number> | null {
  if (a === null || b === null) return null
  let both: Map<Label, number> | null = null
  for (const [label, mask] of a) {
    const shared = mask & (b.get(label) ?? 0)
    if (shared !== 0) (both ??= new Map()).set(label, shared)
  }
  return both
}
