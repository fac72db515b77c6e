import type {
  HourlySum,
  RollupStep,
  SessionPart,
  Span,
  Store,
  StoredRecord,
  Tag,
} from '../../../storage/store.ts'
import {
  addCounts,
  addStep,
  countInto,
  countStep,
  dimensionsOf,
  emptyPart,
  emptySum,
  hourOf,
  type OwnSum,
  sumKeyOf,
} from './count.ts'
import { causeOf, moveSpan, openSpan } from './follow-span.ts'
import { TagCounts } from './tag-counts.ts'
import { told, type Told } from './told.ts'

export type RolledUpStore = Pick<Store, 'rollups' | 'recordsOf'>

/** What is remembered of what was written last, so that it need not be read; forgotten whenever it may be stale. */
const MOST_SPANS = 20_000
const MOST_SUMS = 5_000
const MOST_SESSIONS = 5_000

interface Draft {
  readonly spans: Map<string, { value: Span; readonly replaces: number | null }>
  /** What the batch adds, by sum and by session; the sums as they were are read once for all of it. */
  readonly sums: Map<string, OwnSum>
  readonly steps: Map<string, { readonly agent: string; readonly session: string; readonly done: Step[] }>
}

type Step = readonly [before: Span | null, after: Span, step: Told]

/** Works spans, sessions and sums out of batches of records, each record exactly once. */
export class RollUp {
  readonly #store: RolledUpStore
  readonly #spans = new Map<string, Span>()
  readonly #sums = new Map<string, HourlySum>()
  readonly #parts = new Map<string, SessionPart>()
  readonly #tags: TagCounts
  /** A decision's span is new, unless another replica took the action on and its follower was here first. */
  #careful = false

  constructor(store: RolledUpStore) {
    this.#store = store
    this.#tags = new TagCounts(store.rollups)
  }

  /** Rejects when nothing was written because somebody else wrote first: what is here must be read again. */
  async apply(chain: string, records: readonly StoredRecord[]): Promise<void> {
    const [first, last] = [records[0], records.at(-1)]
    if (first === undefined || last === undefined) return
    try {
      const steps = records.flatMap((record) => told(record) ?? [])
      await this.#readSpans(steps)
      const draft: Draft = { spans: new Map(), sums: new Map(), steps: new Map() }
      for (const step of steps) await this.#take(chain, draft, step)
      const sums = await this.#added(chain, draft)
      const sessions = await this.#joined(chain, draft)
      const spans = [...draft.spans.values()]
      await this.#write({
        chain,
        from: await this.#fromBefore(chain, first),
        to: last.seq,
        spans,
        sums,
        sessions,
      })
      this.#careful = false
    } catch (error) {
      this.#careful = true
      this.#spans.clear()
      this.#sums.clear()
      this.#parts.clear()
      this.#tags.forget()
      throw error
    }
  }

  /** Records may be gone from before the first: what was purged is counted already. */
  async #fromBefore(chain: string, first: StoredRecord): Promise<number> {
    const position = await this.#store.rollups.position(chain)
    if (position >= first.seq)
      throw new Error(`the records of ${chain} up to ${position} are counted already`)
    return position
  }

  async #write(step: RollupStep): Promise<void> {
    if (!(await this.#store.rollups.apply(step)))
      throw new Error(`somebody else counted the records of ${step.chain} first`)
    for (const { value } of step.spans) remember(this.#spans, value.id, value, MOST_SPANS)
    for (const sum of step.sums)
      remember(this.#sums, placeOf(step.chain, String(sum.hour), sum.key), sum, MOST_SUMS)
    for (const part of step.sessions)
      remember(this.#parts, placeOf(step.chain, part.agent, part.session), part, MOST_SESSIONS)
  }

  /** The spans that the steps move, and those that they name as their cause. */
  async #readSpans(steps: readonly Told[]): Promise<void> {
    const wanted = new Set<string>()
    for (const step of steps) {
      if ((step.version > 1 || this.#careful) && !this.#spans.has(step.id)) wanted.add(step.id)
      const cause = causeOf(step)
      if (step.version === 1 && cause !== null && !this.#spans.has(cause)) wanted.add(cause)
    }
    for (const span of await this.#store.rollups.spans([...wanted]))
      remember(this.#spans, span.id, span, MOST_SPANS + wanted.size)
  }

  async #take(chain: string, draft: Draft, step: Told): Promise<void> {
    const known = draft.spans.get(step.id)?.value ?? this.#spans.get(step.id)
    if (known !== undefined) {
      if (step.version > known.version) this.#move(draft, known, step)
      return
    }
    if (step.version === 1) {
      if (step.kind === 'decision') await this.#open(chain, draft, step)
      return
    }
    // Its decision lies in another replica's chain, which is not followed as far as that yet.
    const earlier = (await this.#store.recordsOf(step.id))
      .flatMap((record) => told(record) ?? [])
      .filter(({ version }) => version <= step.version)
      .toSorted((a, b) => a.version - b.version)
    if (earlier[0]?.kind !== 'decision') return
    for (const one of earlier) {
      const span = draft.spans.get(one.id)?.value
      if (span === undefined) await this.#open(chain, draft, one)
      else this.#move(draft, span, one)
    }
  }

  async #open(chain: string, draft: Draft, decision: Told): Promise<void> {
    const cause = causeOf(decision)
    const parent = cause === null ? undefined : (draft.spans.get(cause)?.value ?? this.#spans.get(cause))
    // Another agent's action is no cause, whatever the record says.
    const asked = openSpan(decision, parent?.agent === decision.agent ? parent : undefined)
    const tags = asked.tags && (await this.#tags.bounded(chain, hourOf(asked.proposedAt), asked.tags))
    const opened = { ...asked, tags }
    draft.spans.set(opened.id, { value: opened, replaces: null })
    this.#count(draft, null, opened, decision)
  }

  #move(draft: Draft, span: Span, step: Told): void {
    const moved = moveSpan(span, step)
    const drafted = draft.spans.get(span.id)
    if (drafted === undefined) draft.spans.set(span.id, { value: moved, replaces: span.version })
    else drafted.value = moved
    this.#count(draft, span, moved, step)
  }

  #count(draft: Draft, before: Span | null, after: Span, step: Told): void {
    const hour = hourOf(after.proposedAt)
    const counts = countStep(before, after)
    for (const tag of [null, ...tagsOf(after)]) {
      const key = sumKeyOf(after, tag)
      const place = placeOf(String(hour), key)
      let sum = draft.sums.get(place)
      if (sum === undefined) draft.sums.set(place, (sum = emptySum(hour, key, dimensionsOf(after), tag)))
      countInto(sum, counts)
    }
    const { agent, session } = after
    if (session === null) return
    const name = placeOf(agent, session)
    const steps = draft.steps.get(name) ?? { agent, session, done: [] }
    steps.done.push([before, after, step])
    draft.steps.set(name, steps)
  }

  async #added(chain: string, draft: Draft): Promise<HourlySum[]> {
    const place = ({ hour, key }: HourlySum): string => placeOf(chain, String(hour), key)
    const added = [...draft.sums.values()]
    const unknown = added.filter((sum) => !this.#sums.has(place(sum)))
    for (const sum of await this.#store.rollups.sums(chain, unknown)) this.#sums.set(place(sum), sum)
    return added.map((more) => {
      const sum = this.#sums.get(place(more))
      return sum === undefined ? more : addCounts(sum, more)
    })
  }

  async #joined(chain: string, draft: Draft): Promise<SessionPart[]> {
    const place = ({ agent, session }: { agent: string; session: string }): string =>
      placeOf(chain, agent, session)
    const touched = [...draft.steps.values()]
    const unknown = touched.filter((one) => !this.#parts.has(place(one)))
    for (const part of await this.#store.rollups.sessionParts(chain, unknown))
      this.#parts.set(place(part), part)
    return touched.map((one) =>
      one.done.reduce(
        (part, [before, after, step]) => addStep(part, before, after, step),
        this.#parts.get(place(one)) ?? emptyPart(one.agent, one.session, one.done[0]?.[1].proposedAt ?? 0),
      ),
    )
  }
}

const tagsOf = ({ tags }: Span): Tag[] => Object.entries(tags ?? {}).map(([name, value]) => ({ name, value }))

const placeOf = (...parts: readonly string[]): string => parts.join('\n')

/** The newest stay. */
function remember<T>(known: Map<string, T>, name: string, value: T, most: number): void {
  known.delete(name)
  known.set(name, value)
  for (const oldest of known.keys()) {
    if (known.size <= most) return
    known.delete(oldest)
  }
}
