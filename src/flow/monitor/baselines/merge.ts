import {
  CELLS,
  FIELD,
  FIELD_HEAD,
  FIELDS,
  HEAD,
  METER,
  PEAK_DAYS,
  SHARE,
  STAT_COUNT,
  VALUES,
  type Behaviour,
  type Learned,
} from './behaviour.ts'
import { keptAfter } from './decayed.ts'
import { raise } from './evidence.ts'
import { fieldAt } from './fields.ts'
import { countOthers, openHour } from './rate.ts'

/**
 * Takes over what the store has, and puts on top what was learned here since the store was read or written last. All that
 * is learned is a sum, a maximum or a set, so that replicas come to the same whatever the order in which they write.
 */
export function absorb(b: Behaviour, stored: Learned, version: number, at: number): void {
  const own = b.learned
  const { known } = b
  const merged = stored.copy()
  b.learned = merged
  openHour(b, own.head[HEAD.newestHour] as number)

  mergeHead(merged, own)
  const added = own.head[HEAD.total]! - known.total
  const arrivedElsewhere = stored.head[HEAD.total]! - known.total
  merged.head[HEAD.total] = stored.head[HEAD.total]! + added
  mergeHours(b, own, stored)
  mergeSums(merged.meters, own.meters, known.meters, METER.size, METER.at)
  mergeSums(merged.shares, own.shares, known.shares, SHARE.size, SHARE.at)
  mergePeaks(merged, own)
  mergeFields(b, own)
  for (let stat = 0; stat < STAT_COUNT; stat++) {
    const elsewhere = stored.evidence[stat]! - known.evidence[stat]!
    merged.evidence[stat] = own.evidence[stat]! + elsewhere
    if (elsewhere !== 0) raise(b, stat, elsewhere, at, 0, 0)
  }
  countOthers(b, arrivedElsewhere, at)
  keepAsKnown(b, stored, version)
  b.weekUntil = 0
}

/** What lies in the store now: only what comes on top of it is ours to add. */
export function keepAsKnown(b: Behaviour, stored: Learned, version: number): void {
  const { known } = b
  b.version = version
  known.total = stored.head[HEAD.total]!
  known.evidence.set(stored.evidence)
  known.meters.set(stored.meters)
  known.shares.set(stored.shares)
  for (let field = 0; field < FIELDS; field++)
    known.seen[field] = stored.fieldNumbers[field * FIELD.size + FIELD.seen]!
  known.counts.fill(0)
  // Cells are named by their hour: only those of hours that are still kept here say the same.
  const newest = stored.head[HEAD.newestHour]!
  const kept = b.learned.head[HEAD.newestHour]! - CELLS
  for (let hour = Math.max(newest - CELLS + 1, kept + 1, 0); hour <= newest; hour++)
    known.counts[hour % CELLS] = stored.counts[hour % CELLS]!
}

function mergeHead(merged: Learned, own: Learned): void {
  const [to, from] = [merged.head, own.head]
  const earlier = Math.min(to[HEAD.firstAt] || Infinity, from[HEAD.firstAt] || Infinity)
  to[HEAD.firstAt] = earlier === Infinity ? 0 : earlier
  to[HEAD.lastAt] = Math.max(to[HEAD.lastAt]!, from[HEAD.lastAt]!)
  if (to[HEAD.anchor] === 0) to[HEAD.anchor] = from[HEAD.anchor]!
  if (Number.isNaN(to[HEAD.costAnchor])) to[HEAD.costAnchor] = from[HEAD.costAnchor]!
  if (from[HEAD.acceptedUntil]! > to[HEAD.acceptedUntil]!) {
    to[HEAD.accepted] = from[HEAD.accepted]!
    to[HEAD.acceptedUntil] = from[HEAD.acceptedUntil]!
  }
}

function mergeHours(b: Behaviour, own: Learned, stored: Learned): void {
  const newest = b.learned.head[HEAD.newestHour]!
  const ownNewest = own.head[HEAD.newestHour]!
  const storedNewest = stored.head[HEAD.newestHour]!
  for (let hour = Math.max(0, newest - CELLS + 1); hour <= newest; hour++) {
    const cell = hour % CELLS
    const inOwn = hour <= ownNewest && hour > ownNewest - CELLS
    const inStored = hour <= storedNewest && hour > storedNewest - CELLS
    const there = inStored ? stored.counts[cell]! : 0
    const here = inOwn ? Math.max(0, own.counts[cell]! - b.known.counts[cell]!) : 0
    b.learned.counts[cell] = there + here
    b.learned.covered[cell] = Math.max(inStored ? stored.covered[cell]! : 0, inOwn ? own.covered[cell]! : 0)
  }
}

/** Sums that decay: each is brought to the same time first. The last number of each group is that time. */
function mergeSums(
  merged: Float64Array,
  own: Float64Array,
  known: Float64Array,
  size: number,
  atPlace: number,
): void {
  for (let place = 0; place < merged.length; place += size) {
    const at = Math.max(merged[place + atPlace]!, own[place + atPlace]!)
    const keptThere = keptAfter(at - merged[place + atPlace]!)
    const keptHere = keptAfter(at - own[place + atPlace]!)
    const keptKnown = keptAfter(at - known[place + atPlace]!)
    for (let i = 0; i < atPlace; i++) {
      const here = own[place + i]! * keptHere - known[place + i]! * keptKnown
      merged[place + i] = merged[place + i]! * keptThere + here
    }
    // Weights are no less than nothing, whatever rounding says.
    merged[place] = Math.max(0, merged[place]!)
    merged[place + atPlace] = at
  }
}

function mergePeaks(merged: Learned, own: Learned): void {
  for (let place = 0; place < PEAK_DAYS; place++) {
    const newer = own.peakDays[place]! > merged.peakDays[place]!
    if (own.peakDays[place]! < merged.peakDays[place]!) continue
    merged.peakDays[place] = own.peakDays[place]!
    for (let stat = 0; stat < STAT_COUNT; stat++) {
      const cell = stat * PEAK_DAYS + place
      merged.peaks[cell] = newer ? own.peaks[cell]! : Math.max(own.peaks[cell]!, merged.peaks[cell]!)
    }
  }
}

function mergeFields(b: Behaviour, own: Learned): void {
  const merged = b.learned
  for (let field = 0; field < FIELDS; field++) {
    const head = field * FIELD_HEAD.size
    const path = own.fieldHeads[head + FIELD_HEAD.path]!
    if (path === 0) return
    const place = fieldAt(b, path)
    if (place < 0) continue
    const to = place * FIELD.size
    const from = field * FIELD.size
    const numbers = merged.fieldNumbers
    const firstAt = own.fieldNumbers[from + FIELD.firstAt]!
    numbers[to + FIELD.seen] =
      numbers[to + FIELD.seen]! + own.fieldNumbers[from + FIELD.seen]! - knownSeen(b, field)
    if (firstAt > 0)
      numbers[to + FIELD.firstAt] =
        numbers[to + FIELD.firstAt] === 0 ? firstAt : Math.min(firstAt, numbers[to + FIELD.firstAt]!)
    numbers[to + FIELD.newAt] = Math.max(numbers[to + FIELD.newAt]!, own.fieldNumbers[from + FIELD.newAt]!)
    const toHead = place * FIELD_HEAD.size
    if (own.fieldHeads[head + FIELD_HEAD.overflown] === 1)
      merged.fieldHeads[toHead + FIELD_HEAD.overflown] = 1
    let count = merged.fieldHeads[toHead + FIELD_HEAD.values]!
    const known = new Set(merged.values.subarray(place * VALUES, place * VALUES + count))
    for (let i = 0; i < own.fieldHeads[head + FIELD_HEAD.values]!; i++) {
      const value = own.values[field * VALUES + i]!
      if (known.has(value)) continue
      if (count === VALUES) {
        merged.fieldHeads[toHead + FIELD_HEAD.overflown] = 1
        break
      }
      merged.values[place * VALUES + count++] = value
    }
    merged.fieldHeads[toHead + FIELD_HEAD.values] = count
  }
}

/** A field of ours lies where it lay in the store when that was read. */
function knownSeen(b: Behaviour, field: number): number {
  return b.known.seen[field]!
}
