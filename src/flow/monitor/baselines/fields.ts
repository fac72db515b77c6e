import { DAY, FIELD, FIELD_HEAD, FIELDS, HOUR, VALUES, type Behaviour } from './behaviour.ts'

/** A field is stable when each of its values was seen so often, on average … */
const SEEN_PER_VALUE = 20
const SEEN_AT_LEAST = 50
/** … and when it had no new one for two thirds of the time that it is known, at most for two weeks. */
const QUIET_SHARE = 2 / 3
const QUIET_AT_MOST = 14 * DAY

/** What a field makes of a value. `new`: it had others so far, but is known for having new ones. */
export type Novelty = 'known' | 'new' | 'novel'

/** A value that its field has not got yet; it is learned when its action has run. */
export interface Unlearned {
  readonly b: Behaviour
  readonly path: number
  readonly value: number
}

/** Place of the field with this path, or -1 when there is no room for it. */
export function fieldAt(b: Behaviour, path: number): number {
  const heads = b.learned.fieldHeads
  const wanted = path >>> 0 || 1
  for (let field = 0; field < FIELDS; field++) {
    const found = heads[field * FIELD_HEAD.size + FIELD_HEAD.path]
    if (found === wanted) return field
    if (found === 0) {
      heads[field * FIELD_HEAD.size + FIELD_HEAD.path] = wanted
      return field
    }
  }
  return -1
}

/** Counts a value that is known, and says of another what it is. Learning that one is a step of its own. */
export function observe(b: Behaviour, field: number, value: number, at: number, quiet = HOUR): Novelty {
  const { fieldHeads, fieldNumbers, values } = b.learned
  const head = field * FIELD_HEAD.size
  const numbers = field * FIELD.size
  const seen = fieldNumbers[numbers + FIELD.seen] as number
  if (fieldHeads[head + FIELD_HEAD.overflown] === 1) return 'known'
  const count = fieldHeads[head + FIELD_HEAD.values] as number
  const wanted = value >>> 0
  const from = field * VALUES
  for (let i = from; i < from + count; i++) {
    if (values[i] !== wanted) continue
    fieldNumbers[numbers + FIELD.seen] = seen + 1
    return 'known'
  }
  return isStable(b, field, at, quiet) ? 'novel' : 'new'
}

/**
 * Whether a new value would be a wonder, when the last new one was at least `atLeast` ms ago. Asking for a quiet time twice as long as what went before bounds the alarms
 * of a field that does have new values now and then: there can be few in its whole life, whatever their rate.
 */
export function isStable(b: Behaviour, field: number, at: number, atLeast: number): boolean {
  const { fieldHeads, fieldNumbers } = b.learned
  const numbers = field * FIELD.size
  const seen = fieldNumbers[numbers + FIELD.seen] as number
  const count = fieldHeads[field * FIELD_HEAD.size + FIELD_HEAD.values] as number
  if (count === 0 || seen < SEEN_AT_LEAST || seen < SEEN_PER_VALUE * count) return false
  const age = at - (fieldNumbers[numbers + FIELD.firstAt] as number)
  const quiet = at - (fieldNumbers[numbers + FIELD.newAt] as number)
  return quiet >= Math.max(atLeast, Math.min(QUIET_AT_MOST, age * QUIET_SHARE))
}

/** The value belongs to the field from now on. */
export function learnValue(b: Behaviour, field: number, value: number, at: number): void {
  const { fieldHeads, fieldNumbers, values } = b.learned
  const head = field * FIELD_HEAD.size
  const numbers = field * FIELD.size
  if (fieldHeads[head + FIELD_HEAD.overflown] === 1) return
  const count = fieldHeads[head + FIELD_HEAD.values] as number
  const wanted = value >>> 0
  const from = field * VALUES
  for (let i = from; i < from + count; i++) if (values[i] === wanted) return
  if (fieldNumbers[numbers + FIELD.firstAt] === 0) fieldNumbers[numbers + FIELD.firstAt] = at
  fieldNumbers[numbers + FIELD.seen] = (fieldNumbers[numbers + FIELD.seen] as number) + 1
  fieldNumbers[numbers + FIELD.newAt] = Math.max(at, fieldNumbers[numbers + FIELD.newAt] as number)
  b.dirty = true
  if (count === VALUES) {
    // It has too many values to be stable: free text, ids.
    fieldHeads[head + FIELD_HEAD.overflown] = 1
    return
  }
  values[from + count] = wanted
  fieldHeads[head + FIELD_HEAD.values] = count + 1
}
