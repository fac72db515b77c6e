import {
  COUNTS,
  DIMENSIONS,
  LATENCY_BUCKETS,
  type Counts,
  type Dimensions,
  type HourlySum,
  type SessionPart,
  type Span,
  type Tag,
} from '../../../storage/store.ts'
import { latencyBucket } from './latency.ts'
import { nameIn, objectsIn, type Told } from './told.ts'

const HOUR_MS = 3_600_000
/** More names than these a session does not list. */
const MOST_NAMES = 50

type Numbers = Record<(typeof COUNTS)[number], number>

/** What a step adds to the sums of its hour; late corrections take away. */
export function countStep(before: Span | null, after: Span): Counts {
  const became = (state: Span['state']): number => Number(after.state === state && before?.state !== state)
  const ended = (how: string): number =>
    Number(after.approval?.state === how && before?.approval?.state !== how)
  const outcome = (name: Span['outcome']): number =>
    Number(after.outcome === name) - Number(before?.outcome === name)
  const isTimed = after.outcome !== null && after.outcome !== 'unknown' && before?.outcome == null
  const took =
    isTimed && after.startedAt !== null && after.endedAt !== null
      ? Math.max(0, after.endedAt - after.startedAt)
      : null
  return {
    actions: Number(before === null),
    held: Number(after.approval !== null && before?.approval == null),
    approved: ended('approved'),
    rejected: ended('rejected'),
    succeeded: outcome('succeeded'),
    failed: outcome('failed'),
    unknown: outcome('unknown'),
    undone: became('undone'),
    cost: after.cost - (before?.cost ?? 0),
    inputTokens: after.inputTokens - (before?.inputTokens ?? 0),
    outputTokens: after.outputTokens - (before?.outputTokens ?? 0),
    timed: Number(took !== null),
    milliseconds: took ?? 0,
    latency: took === null ? [] : oneIn(latencyBucket(took)),
  }
}

const ONES = Array.from({ length: LATENCY_BUCKETS }, (_, bucket) =>
  Array.from({ length: LATENCY_BUCKETS }, (_, n) => Number(n === bucket)),
)
const oneIn = (bucket: number): readonly number[] => ONES[bucket] ?? []

export function hourOf(at: number): number {
  return Math.floor(at / HOUR_MS) * HOUR_MS
}

/** The name of a sum in which a span counts: of all actions, or of those with one of its tags. */
export function sumKeyOf(span: Span, tag: Tag | null): string {
  const dimensions = DIMENSIONS.map((name) => span[name])
  return JSON.stringify(tag === null ? dimensions : [...dimensions, tag.name, tag.value])
}

export function dimensionsOf(span: Span): Dimensions {
  return Object.fromEntries(DIMENSIONS.map((name) => [name, span[name]])) as unknown as Dimensions
}

/** A sum that may be counted into. */
export type OwnSum = { -readonly [K in keyof Omit<HourlySum, 'latency'>]: HourlySum[K] } & {
  latency: number[]
}

export function emptySum(hour: number, key: string, dimensions: Dimensions, tag: Tag | null): OwnSum {
  const numbers = Object.fromEntries(COUNTS.map((name) => [name, 0])) as Numbers
  return { hour, key, dimensions, tag, ...numbers, latency: [] }
}

export function addCounts<T extends Counts>(sum: T, more: Counts): T {
  const numbers: Partial<Numbers> = {}
  for (const name of COUNTS) numbers[name] = sum[name] + more[name]
  return {
    ...sum,
    ...numbers,
    latency: more.latency.length === 0 ? sum.latency : addBuckets(sum.latency, more.latency),
  }
}

/** As `addCounts`, into a sum that nobody else holds: most steps of a batch count in the same one. */
export function countInto(sum: OwnSum, more: Counts): void {
  const { latency } = more
  for (const name of COUNTS) sum[name] += more[name]
  for (let n = 0; n < latency.length; n++) sum.latency[n] = (sum.latency[n] ?? 0) + (latency[n] ?? 0)
}

function addBuckets(sum: readonly number[], more: readonly number[]): readonly number[] {
  const added: number[] = []
  for (let n = 0; n < LATENCY_BUCKETS; n++) added.push((sum[n] ?? 0) + (more[n] ?? 0))
  return added
}

export function emptyPart(agent: string, session: string, at: number): SessionPart {
  return {
    agent,
    session,
    startedAt: at,
    seenAt: at,
    actions: 0,
    modelCalls: 0,
    denied: 0,
    held: 0,
    failed: 0,
    cost: 0,
    inputTokens: 0,
    outputTokens: 0,
    models: [],
    prompts: [],
    releases: [],
    decisions: [],
    reasons: [],
  }
}

/** A session with one step more. */
export function addStep(part: SessionPart, before: Span | null, after: Span, step: Told): SessionPart {
  const isModel = before === null && isModelCall(after)
  const bad = (span: Span | null): number => Number(span?.outcome === 'failed' || span?.outcome === 'unknown')
  return {
    ...part,
    startedAt: Math.min(part.startedAt, after.proposedAt),
    seenAt: Math.max(part.seenAt, step.at),
    actions: part.actions + Number(before === null),
    modelCalls: part.modelCalls + Number(isModel),
    denied: part.denied + Number(after.state === 'denied' && before?.state !== 'denied'),
    held: part.held + Number(after.approval !== null && before?.approval == null),
    failed: part.failed + bad(after) - bad(before),
    cost: part.cost + after.cost - (before?.cost ?? 0),
    inputTokens: part.inputTokens + after.inputTokens - (before?.inputTokens ?? 0),
    outputTokens: part.outputTokens + after.outputTokens - (before?.outputTokens ?? 0),
    models: named(named(part.models, after.model), after.responded),
    prompts: named(part.prompts, promptLabel(after)),
    releases: named(part.releases, after.release),
    decisions: named(part.decisions, after.decision),
    reasons:
      before === null
        ? objectsIn(step.said, 'reasons').reduce(
            (names, reason) => named(names, nameIn(reason, 'code')),
            part.reasons,
          )
        : part.reasons,
  }
}

export function isModelCall({ action }: Pick<Span, 'action'>): boolean {
  return action.startsWith('model.')
}

/** `name@version`, or the digest of a prompt that nobody registered. */
function promptLabel(dimensions: Pick<Dimensions, 'promptName' | 'promptVersion' | 'promptDigest'>) {
  const { promptName, promptVersion, promptDigest } = dimensions
  if (promptName === null) return promptDigest
  return promptVersion === null ? promptName : `${promptName}@${promptVersion}`
}

function named(names: readonly string[], name: string | null): readonly string[] {
  return name === null || names.includes(name) || names.length >= MOST_NAMES ? names : [...names, name]
}
