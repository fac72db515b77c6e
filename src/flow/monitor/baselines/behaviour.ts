/** What is followed, one statistic each. Those of one detector differ in the change that they look for. */
export const STATS = {
  rate: [0, 1, 2, 3, 4],
  asked: [5, 6],
  cost: [7, 8],
  latency: [9, 10],
  failed: [11, 12],
  unknown: [13],
  held: [14],
  denied: [15],
  repeat: [16],
  similar: [17],
  /** The busiest minute: raises no alarm by itself, and says what the others must endure. */
  burst: [18],
} as const

export const STAT_COUNT = 19

export const HOUR = 3_600_000
export const DAY = 24 * HOUR
export const WEEK_HOURS = 168
export const WEEKS = 4
/** The same hour of all those weeks lies behind every hour of today. */
export const CELLS = WEEKS * WEEK_HOURS + 24
export const PEAK_DAYS = 28
export const FIELDS = 16
export const VALUES = 64

/** Places in `head`. */
export const HEAD = {
  format: 0,
  /** The newest hour that has a cell, in hours since the epoch. */
  newestHour: 1,
  firstAt: 2,
  lastAt: 3,
  /** All arrivals ever. */
  total: 4,
  /** What was normal in the first week, an hour: the measure of growth. 0: not known yet. */
  anchor: 5,
  /** What a person accepted as normal, an hour, and until when it counts. */
  accepted: 6,
  acceptedUntil: 7,
  /** The geometric mean of the cost in the first week; as logarithm. NaN: not known yet. */
  costAnchor: 8,
} as const

const FORMAT = 2
const HEAD_SIZE = 12
/** Weight, sum, sum of squares, and the time to which they are decayed. */
export const METER = { weight: 0, sum: 1, squares: 2, at: 3, size: 4 } as const
export const METERS = { asked: 0, cost: 1, latency: 2 } as const
const METER_COUNT = 3
/** Trials, hits, and the time to which they are decayed. */
export const SHARE = { trials: 0, hits: 1, at: 2, size: 3 } as const
export const SHARES = { failed: 0, unknown: 1, held: 2, denied: 3 } as const
const SHARE_COUNT = 4
/** Observations, first seen, last new value. */
export const FIELD = { seen: 0, firstAt: 1, newAt: 2, size: 3 } as const
/** Hash of the path, how many values, whether there were too many to remember. */
export const FIELD_HEAD = { path: 0, values: 1, overflown: 2, size: 3 } as const

const SIZES = {
  head: HEAD_SIZE * 8,
  evidence: STAT_COUNT * 8,
  meters: METER_COUNT * METER.size * 8,
  shares: SHARE_COUNT * SHARE.size * 8,
  fieldNumbers: FIELDS * FIELD.size * 8,
  counts: CELLS * 4,
  peaks: STAT_COUNT * PEAK_DAYS * 4,
  peakDays: PEAK_DAYS * 4,
  fieldHeads: FIELDS * FIELD_HEAD.size * 4,
  values: FIELDS * VALUES * 4,
  covered: CELLS,
}

export const LEARNED_BYTES = Object.values(SIZES).reduce((sum, size) => sum + size, 0)

/** What has been learned, in one block of bytes that is stored as it lies. */
export class Learned {
  readonly bytes: ArrayBuffer
  readonly head: Float64Array
  /** The sum of all evidence ever for each statistic; replicas see by it what the others saw. */
  readonly evidence: Float64Array
  readonly meters: Float64Array
  readonly shares: Float64Array
  readonly fieldNumbers: Float64Array
  /** Arrivals in each of the last hours; an hour's cell is its number modulo the number of cells. */
  readonly counts: Float32Array
  /** The highest value of each statistic on each of the last days. */
  readonly peaks: Float32Array
  readonly peakDays: Uint32Array
  readonly fieldHeads: Uint32Array
  readonly values: Uint32Array
  /** Minutes of each hour during which the harness was there to count. */
  readonly covered: Uint8Array

  constructor(bytes: ArrayBuffer = new ArrayBuffer(LEARNED_BYTES)) {
    this.bytes = bytes
    let offset = 0
    const place = (size: number): number => {
      offset += size
      return offset - size
    }
    this.head = new Float64Array(bytes, place(SIZES.head), HEAD_SIZE)
    this.evidence = new Float64Array(bytes, place(SIZES.evidence), STAT_COUNT)
    this.meters = new Float64Array(bytes, place(SIZES.meters), METER_COUNT * METER.size)
    this.shares = new Float64Array(bytes, place(SIZES.shares), SHARE_COUNT * SHARE.size)
    this.fieldNumbers = new Float64Array(bytes, place(SIZES.fieldNumbers), FIELDS * FIELD.size)
    this.counts = new Float32Array(bytes, place(SIZES.counts), CELLS)
    this.peaks = new Float32Array(bytes, place(SIZES.peaks), STAT_COUNT * PEAK_DAYS)
    this.peakDays = new Uint32Array(bytes, place(SIZES.peakDays), PEAK_DAYS)
    this.fieldHeads = new Uint32Array(bytes, place(SIZES.fieldHeads), FIELDS * FIELD_HEAD.size)
    this.values = new Uint32Array(bytes, place(SIZES.values), FIELDS * VALUES)
    this.covered = new Uint8Array(bytes, place(SIZES.covered), CELLS)
    if (this.head[HEAD.format] === 0) {
      this.head[HEAD.format] = FORMAT
      this.head[HEAD.costAnchor] = Number.NaN
    }
  }

  copy(): Learned {
    return new Learned(this.bytes.slice(0))
  }
}

/** `undefined` for bytes that are none of ours: learning begins anew. */
export function learnedFrom(data: Uint8Array): Learned | undefined {
  if (data.byteLength !== LEARNED_BYTES) return undefined
  const bytes = new ArrayBuffer(LEARNED_BYTES)
  new Uint8Array(bytes).set(data)
  const learned = new Learned(bytes)
  const sound =
    learned.head[HEAD.format] === FORMAT &&
    learned.head.every((value, place) => place === HEAD.costAnchor || Number.isFinite(value)) &&
    [learned.evidence, learned.meters, learned.shares, learned.fieldNumbers].every((part) =>
      part.every(Number.isFinite),
    ) &&
    learned.counts.every((count) => Number.isFinite(count) && count >= 0) &&
    learned.peaks.every(Number.isFinite)
  return sound ? learned : undefined
}

/** The behaviour of one agent in one action, or in all of them: what was learned, and what is going on. */
export class Behaviour {
  learned = new Learned()
  /** As the store has it, or as it was before: what is more is not there yet. */
  readonly known = {
    total: 0,
    evidence: new Float64Array(STAT_COUNT),
    meters: new Float64Array(METER_COUNT * METER.size),
    shares: new Float64Array(SHARE_COUNT * SHARE.size),
    seen: new Float64Array(FIELDS),
    counts: new Float32Array(CELLS),
  }
  version: number | null = null
  dirty = false

  /** Each statistic now, when it left zero, how many and what it has seen since, and since when it is above its threshold (0: it is not). */
  readonly now = new Float64Array(STAT_COUNT)
  readonly since = new Float64Array(STAT_COUNT)
  readonly seen = new Float64Array(STAT_COUNT)
  readonly sum = new Float64Array(STAT_COUNT)
  readonly alarmedAt = new Float64Array(STAT_COUNT)
  readonly thresholds = new Float64Array(STAT_COUNT).fill(Number.POSITIVE_INFINITY)
  /** The highest since it left zero; and the highest of those stretches that have ended. What goes on teaches nothing yet. */
  readonly highest = new Float64Array(STAT_COUNT)
  readonly ended = new Float64Array(STAT_COUNT)
  /** No threshold but those of runs is lower. */
  least = Number.POSITIVE_INFINITY
  keptHour = 0

  /** Expected arrivals in each hour of the week. */
  readonly week = new Float32Array(WEEK_HOURS)
  /** What is expected this minute, an hour; and the upper bound that it is judged by. 0: not to be judged yet. */
  expected = 0
  reference = 0
  /** Arrivals that may come in one go while bursts are not known yet. */
  allowance = 0
  freshUntil = 0
  weekUntil = 0
  lastArrival = 0
  /** The minute of the last arrival, how many came in it, and what they gained each statistic that looks for what lasts. */
  minute = 0
  inMinute = 0
  /** What comes in a minute of the busiest hour without being a burst. */
  usualMinute = 0
  /** The minute before was busier than any pace that is looked for. */
  wasBurst = false
  readonly gained = new Float64Array(2)
  level = 1
  /** A week, as logarithm. */
  growth = 0
  spread = 0
  /** That speak for what is expected, one at least. */
  weeks = 1
  busiest = 0
  events = 0
}

/** Bytes that a pair takes. */
export const BEHAVIOUR_BYTES =
  LEARNED_BYTES +
  CELLS * 4 +
  (STAT_COUNT + METER_COUNT * METER.size + SHARE_COUNT * SHARE.size + FIELDS) * 8 +
  STAT_COUNT * 8 * 8 +
  WEEK_HOURS * 4
