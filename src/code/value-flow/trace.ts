import type { FunctionInfo } from '../flow-graph/functions.ts'
import { CLASS, type ClassName } from '../models/classes.ts'
import type { Analysis, CallRecord, Hit } from './analysis.ts'
import { allTaints, argumentOf, project } from './labels.ts'
import { SOURCE_MASKS } from './load.ts'
import type { Label, Source, Step, Taint } from './value.ts'
import { WHOLE } from './value.ts'

/** A hit with the source that it was traced back to, and the way from there. */
export interface Flow {
  readonly hit: Hit
  readonly source: Source
  readonly steps: readonly Step[]
  /** Whether the value arrives as it came in. */
  readonly whole: boolean
  /** The label that the source itself has: the field of it that was read. */
  readonly label: Label
}

interface Place {
  readonly label: Label
  readonly need: number
  readonly whole: boolean
  readonly depth: number
  /** What the value did last before it arrived here, within the function that passed it. */
  readonly step: Step | null
  /** The call that passed it to the place before this one in the search, which lies after it on the way; null at the sink. */
  readonly call: Step | null
  readonly next: Place | null
}

const DEPTH_LIMIT = 14
const PLACE_LIMIT = 250
/** Beside the bits of classes: the value is no longer whole. */
const PART_OF = 1 << 31

/** A taint that a call passes for what a label stands for. */
interface Passed {
  readonly taint: Taint
  readonly caller: FunctionInfo
  readonly call: Step
}

/**
 * Follows hits' labels back through the callers of the functions whose parameters they are, to sources. What calls
 * pass for a label is found out once, for all hits: nothing changes any more when flows are traced.
 */
export class Tracer {
  readonly #analysis: Analysis
  /** Functions that people outside may call, where the program is a library: their parameters are sources as well. */
  readonly #exported: ReadonlyMap<FunctionInfo, string>
  /** Places that lead nowhere, by label: the needs. */
  readonly #dead = new Map<Label, Set<number>>()
  readonly #passed = new Map<Label, Passing>()

  constructor(analysis: Analysis, exported: ReadonlyMap<FunctionInfo, string>) {
    this.#analysis = analysis
    this.#exported = exported
  }

  trace(hit: Hit): Flow | null {
    const whole = (hit.flags & WHOLE) !== 0
    const queue: Place[] = [
      { label: hit.label, need: hit.need, whole, depth: 0, step: hit.step, call: null, next: null },
    ]
    const seen = new Map<Label, Set<number>>()
    let library: Flow | null = null
    for (let at = 0; at < queue.length && at < PLACE_LIMIT; at++) {
      const place = queue[at] as Place
      const { label, need } = place
      // For a library's callers it counts whether a value is a part of what they pass.
      const how = place.whole || this.#exported.size === 0 ? need : need | PART_OF
      if (this.#dead.get(label)?.has(how) === true || !add(seen, label, how)) continue
      if (label.source !== null) {
        if ((label.source.mask & need) === 0 || (hit.program && label.source.kind === 'argument')) continue
        return flow(hit, label.source, place)
      }
      const { fn } = label
      if (fn === null) continue
      const name = this.#exported.get(fn)
      if (name !== undefined && library === null && label.index !== -1 && !hit.program)
        library = libraryFlow(hit, fn, name, place)
      if (place.depth >= DEPTH_LIMIT) continue
      // Places behind the limit are never looked at.
      for (let index = 0; queue.length < PLACE_LIMIT; index++) {
        const passed = this.#passing(label, fn).at(index)
        if (passed === undefined) break
        const { taint } = passed
        // A function that comes round to itself goes on from what a first key has led to, by a second.
        const wanted = needed(taint, need, isOnWay(passed.caller, fn, place))
        if (wanted === 0) continue
        queue.push({
          label: taint.label,
          need: wanted,
          whole: place.whole && (taint.flags & WHOLE) !== 0,
          depth: place.depth + 1,
          step: taint.step,
          call: passed.call,
          next: place,
        })
      }
    }
    // Nothing leads to a source from any of these places: later searches need not look there again.
    if (library === null && queue.length < PLACE_LIMIT)
      for (const [label, needs] of seen) for (const need of needs) add(this.#dead, label, need)
    return library
  }

  #passing(label: Label, fn: FunctionInfo): Passing {
    let known = this.#passed.get(label)
    if (known === undefined) this.#passed.set(label, (known = new Passing(this.#analysis, label, fn)))
    return known
  }
}

/** What the calls of a function pass for a label, worked out as far as it is asked for. */
class Passing {
  readonly #analysis: Analysis
  readonly #label: Label
  readonly #fn: FunctionInfo
  readonly #calls: Iterator<CallRecord>
  readonly #found: Passed[] = []

  constructor(analysis: Analysis, label: Label, fn: FunctionInfo) {
    this.#analysis = analysis
    this.#label = label
    this.#fn = fn
    this.#calls = analysis.summaryOf(fn).calls.values()
  }

  at(index: number): Passed | undefined {
    while (index >= this.#found.length) {
      const next = this.#calls.next()
      if (next.done === true) return undefined
      this.#take(next.value)
    }
    return this.#found[index]
  }

  #take(record: CallRecord): void {
    const label = this.#label
    const passed = argumentOf(this.#analysis, this.#fn, label.index, record.args, record.receiver)
    const taints =
      label.path.length === 0 && passed.taints.length === 0
        ? allTaints(passed, 1)
        : project(this.#analysis, passed, label.path)
    if (taints.length === 0) return
    const call = {
      module: record.caller.module,
      span: record.call,
      what: `is passed to ${this.#fn.name === '' ? 'a function' : this.#fn.name}`,
      before: null,
      length: 1,
    }
    for (const taint of taints) this.#found.push({ taint, caller: record.caller, call })
  }
}

/** Whether it was not there yet. */
function add(known: Map<Label, Set<number>>, label: Label, need: number): boolean {
  const needs = known.get(label)
  if (needs === undefined) known.set(label, new Set([need]))
  else if (needs.has(need)) return false
  else needs.add(need)
  return true
}

function isOnWay(caller: FunctionInfo, fn: FunctionInfo, from: Place): boolean {
  if (caller === fn) return true
  for (let place: Place | null = from; place !== null; place = place.next)
    if (place.label.fn === caller) return true
  return false
}

/** What a caller's value must be for the need of what it is passed as. */
function needed(taint: Taint, need: number, recursive: boolean): number {
  if ((need & CLASS.protobase) !== 0) {
    let keys = (taint.mask & CLASS.reached) !== 0 ? CLASS.protokey : 0
    if (recursive && (taint.mask & CLASS.ctorreached) !== 0) keys |= CLASS.ctorkey
    return keys === 0 ? taint.mask & CLASS.protobase : keys
  }
  return taint.mask & need
}

function libraryFlow(hit: Hit, fn: FunctionInfo, name: string, place: Place): Flow | null {
  if ((SOURCE_MASKS.library & place.need) === 0) return null
  if (!dangerousFromLibrary(hit.class, place)) return null
  const param = fn.params[place.label.index]
  const source: Source = {
    kind: 'library',
    what: `what callers of ${name} pass`,
    module: fn.module,
    span: param ?? fn,
    mask: SOURCE_MASKS.library,
  }
  return flow(hit, source, place)
}

/**
 * A library may do with its caller's own commands, code and texts what it is for: only what it puts together itself
 * is a trap, and keys that it enumerates or takes apart.
 */
function dangerousFromLibrary(name: ClassName, { label, whole }: Place): boolean {
  switch (name) {
    case 'protobase':
      return label.path.includes('<key>') || !whole
    case 'command':
    case 'code':
    case 'sql':
    case 'template':
    case 'xpath':
    case 'ldap':
      return !whole
    case 'xss':
      return false
    case 'redos':
      return true
    default:
      return false
  }
}

function flow(hit: Hit, source: Source, found: Place): Flow {
  const steps: Step[] = []
  for (let place: Place | null = found; place !== null; place = place.next) {
    const part: Step[] = []
    for (let step = place.step; step !== null; step = step.before) part.push(step)
    steps.push(...part.toReversed())
    if (place.call !== null) steps.push(place.call)
  }
  return { hit, source, steps, whole: found.whole, label: found.label }
}
