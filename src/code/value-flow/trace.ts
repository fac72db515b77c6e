import type { FunctionInfo } from '../flow-graph/functions.ts'
import { CLASS, type ClassName } from '../models/classes.ts'
import type { Analysis, Hit } from './analysis.ts'
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
  readonly trail: readonly (Step | null)[]
  readonly depth: number
}

const DEPTH_LIMIT = 14
const PLACE_LIMIT = 250

/**
 * Follows a hit's label back through the callers of the function whose parameter it is, to sources. `exported` says
 * which functions people outside may call, where the program is a library: their parameters are sources as well.
 * `dead` remembers places that lead nowhere, from one hit to the next.
 */
export function trace(
  analysis: Analysis,
  hit: Hit,
  exported: ReadonlyMap<FunctionInfo, string>,
  dead: Set<string>,
): Flow | null {
  const queue: Place[] = [
    { label: hit.label, need: hit.need, whole: (hit.flags & WHOLE) !== 0, trail: [hit.step], depth: 0 },
  ]
  const seen = new Set<string>()
  let library: Flow | null = null
  for (let at = 0; at < queue.length && at < PLACE_LIMIT; at++) {
    const place = queue[at] as Place
    const key = `${place.label.id}:${place.need}`
    if (seen.has(key) || dead.has(key)) continue
    seen.add(key)
    const { label } = place
    if (label.source !== null) {
      if ((label.source.mask & place.need) === 0) continue
      return flow(hit, label.source, place)
    }
    const { fn } = label
    if (fn === null) continue
    const name = exported.get(fn)
    if (name !== undefined && library === null && label.index !== -1)
      library = libraryFlow(hit, fn, name, place)
    if (place.depth >= DEPTH_LIMIT) continue
    for (const record of analysis.summaryOf(fn).calls.values()) {
      const passed = argumentOf(analysis, fn, label.index, record.args, record.receiver)
      const taints =
        label.path.length === 0 && passed.taints.length === 0
          ? allTaints(passed, 1)
          : project(analysis, passed, label.path)
      for (const taint of taints) {
        const need = needed(taint, place.need)
        if (need === 0) continue
        queue.push({
          label: taint.label,
          need,
          whole: place.whole && (taint.flags & WHOLE) !== 0,
          trail: [
            taint.step,
            {
              module: record.caller.module,
              span: record.call,
              what: `is passed to ${fn.name === '' ? 'a function' : fn.name}`,
              before: null,
              length: 1,
            },
            ...place.trail,
          ],
          depth: place.depth + 1,
        })
      }
    }
  }
  // Nothing leads to a source from any of these places: later searches need not look there again.
  if (library === null && queue.length < PLACE_LIMIT) for (const key of seen) dead.add(key)
  return library
}

/** What a caller's value must be for the need of what it is passed as. */
function needed(taint: Taint, need: number): number {
  if ((need & CLASS.protobase) !== 0) {
    if ((taint.mask & CLASS.reached) !== 0) return CLASS.protokey
    return taint.mask & CLASS.protobase
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
      return label.path.includes('<key>') || !whole || label.path.at(-1) === '*'
    case 'command':
    case 'code':
    case 'sql':
    case 'template':
      return !whole
    case 'xss':
      return false
    case 'redos':
      return true
    default:
      return false
  }
}

function flow(hit: Hit, source: Source, place: Place): Flow {
  const steps: Step[] = []
  for (const last of place.trail) {
    const part: Step[] = []
    for (let step = last; step !== null; step = step.before) part.unshift(step)
    steps.push(...part)
  }
  return { hit, source, steps, whole: place.whole, label: place.label }
}
