import type { Action, ProposalPayload } from '../../action/action.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { scoresFor, type ScoreRule } from '../../policy/compile-quality.ts'
import type { HistoryView, Policy } from '../../policy/policy.ts'
import type {
  PersonOutcome,
  PersonSaid,
  ScoreRow,
  Store,
  StoredPayload,
  StoredRecord,
} from '../../storage/store.ts'
import { followLedger, type FollowOptions, type LedgerFollower } from '../audit/follow-ledger.ts'
import { inputIn } from '../recall-action.ts'
import { isSampled } from './sample.ts'
import { byRubric, timingOf } from './score-before.ts'
import { scoreOf, scoresIn, type Score } from './score.ts'
import type { Given, Verdicts } from './verdicts.ts'

/** Its position in the ledger is kept under this name. */
const FOLLOWER = 'quality'
/** No chain has this name: a position in it says that the follower has begun. */
const BEGUN = ''
const BATCH = 100
/** Judges that are asked at the same time. */
const AT_ONCE = 4
/** What happened longer ago is not scored: the section was not there, or nothing ran, ms. */
const TOO_OLD = 86_400_000
/** A judge that cannot be reached is asked again after these times, ms. */
const AGAIN_AFTER = [1_000, 5_000]
/** What asking again may heal. */
const PASSING = /^(?:provider:|quality:late|server:busy)/

export interface ScoreAfterOptions extends Pick<FollowOptions, 'delay' | 'lookEvery'> {
  readonly store: Store
  readonly policies: { current(): Policy }
  readonly verdicts: Verdicts
  readonly onScored: (score: Score, action: Action) => void
  readonly onFault: (error: unknown) => void
  readonly againAfter?: readonly number[]
}

/**
 * Scores what has happened, as the policy's `quality` samples it, and keeps all scores and what people decided where they
 * can be listed. A follower of the ledger: what is scored is in the ledger itself, so that a restart goes on where it was
 * and scores nothing twice. What the harness did not run for is scored when it is up again.
 */
export async function openScoreAfter(options: ScoreAfterOptions): Promise<LedgerFollower> {
  const scoring = new ScoreAfter(options)
  await scoring.begin()
  const { store, delay, lookEvery, onFault } = options
  const follower = followLedger({
    store,
    batch: BATCH,
    from: async (chain) => (await store.followers.positions(FOLLOWER)).get(chain) ?? 0,
    apply: (chain, records) => scoring.apply(chain, records),
    onFault,
    ...(delay !== undefined && { delay }),
    ...(lookEvery !== undefined && { lookEvery }),
  })
  return {
    caughtUp: () => follower.caughtUp(),
    close: () => {
      scoring.stop()
      return follower.close()
    },
  }
}

class ScoreAfter {
  readonly #options: ScoreAfterOptions
  readonly #stop = new AbortController()

  constructor(options: ScoreAfterOptions) {
    this.#options = options
  }

  /** The first time, it begins with what comes. */
  async begin(): Promise<void> {
    const { store } = this.#options
    const { followers } = store
    const known = await followers.positions(FOLLOWER)
    if (known.has(BEGUN)) return
    for (const { chain, seq } of await store.chains())
      if (!known.has(chain)) await followers.move(FOLLOWER, chain, null, seq)
    await followers.move(FOLLOWER, BEGUN, null, 0)
  }

  stop(): void {
    this.#stop.abort()
  }

  async apply(chain: string, records: readonly StoredRecord[]): Promise<void> {
    const { store } = this.#options
    const after = (await store.followers.positions(FOLLOWER)).get(chain) ?? null
    const scores: ScoreRow[] = []
    const people: PersonSaid[] = []
    const candidates: string[] = []
    for (const record of records) {
      if (record.action === null || !isOfInterest(record)) continue
      const said = JSON.parse(record.text) as JsonObject
      scores.push(...rowsIn(record, said))
      const outcome = personIn(record, said)
      // What an edit was scored for comes with it, and is not what it ended.
      const before = outcome === 'edit' ? record.at : record.at + 1
      if (outcome !== null) people.push({ action: record.action, outcome, before })
      if (isCandidate(record, said) && this.#mayConcern(record, said)) candidates.push(record.action)
    }
    await store.scores.keep(scores, people)
    await this.#scoreAll(candidates)
    const last = records.at(-1) as StoredRecord
    if (!(await store.followers.move(FOLLOWER, chain, after, last.seq)))
      throw new Error(`the scores of the chain ${chain} were followed by another process`)
  }

  #mayConcern({ agent }: StoredRecord, said: JsonObject): boolean {
    const { quality } = this.#options.policies.current()
    const name = said['name']
    return quality !== null && typeof name === 'string' && scoresFor(quality, name, agent ?? '').length > 0
  }

  async #scoreAll(ids: readonly string[]): Promise<void> {
    const waiting = [...new Set(ids)]
    const workers = Array.from({ length: Math.min(AT_ONCE, waiting.length) }, async () => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) await this.#score(id)
    })
    // All of them, so that none is at work when the batch is read again.
    const ended = await Promise.allSettled(workers)
    for (const one of ended) if (one.status === 'rejected') throw one.reason
  }

  async #score(id: string): Promise<void> {
    const { store, policies } = this.#options
    this.#stop.signal.throwIfAborted()
    const policy = policies.current()
    const { quality } = policy
    const action = quality === null ? undefined : await store.action(id)
    if (quality === null || action === undefined || store.now() - action.updatedAt > TOO_OLD) return
    const named = scoresFor(quality, action.name, action.agent).filter(
      (rule) =>
        timingOf(rule, policy.action(action.name), action.cost) === 'after' &&
        isSampled(id, rule.rubric.name, rule.sample),
    )
    if (named.length === 0) return
    const [records, payloads] = await Promise.all([store.recordsOf(id), store.payloads(id)])
    const said = records.map((record) => JSON.parse(record.text) as JsonObject)
    if (said.some(isOfJudge)) return
    const input = inputIn(payloads, action)
    // Erased: there is nothing left to score.
    if (input === null) return
    const result = resultIn(payloads)
    const due = named.filter((rule) => holds(rule, action, input, payloads, result))
    const done = new Set(
      records
        .flatMap((record, index) =>
          record.kind === 'quality' ? scoresIn(record, said[index] as JsonObject) : [],
        )
        .map(({ rubricDigest }) => rubricDigest),
    )
    for (const rules of byRubric(due)) {
      const { rubric } = rules[0] as ScoreRule
      if (done.has(rubric.digest)) continue
      const content: JsonObject = {
        action: action.name,
        effect: action.effect,
        input,
        ...(result !== null && { result }),
      }
      const given = await this.#ask({ quality, rubric, content, about: id, subjects: action.subjects })
      await this.#record(action, scoreOf(rules, given, quality.judge, 'after'), personOf(records, said))
    }
  }

  async #ask(what: Parameters<Verdicts['give']>[0]): Promise<Given> {
    const { verdicts, againAfter = AGAIN_AFTER } = this.#options
    const { signal } = this.#stop
    for (let tried = 0; ; tried++) {
      const given = await verdicts.give(what, signal)
      // What was not asked to its end is asked again after the start.
      signal.throwIfAborted()
      const wait = againAfter[tried]
      if (!('error' in given) || !PASSING.test(given.error) || wait === undefined) return given
      await pause(wait, signal)
    }
  }

  async #record(action: Action, score: Score, person: PersonOutcome | null): Promise<void> {
    const { store, onScored } = this.#options
    const { id, name, agent, subjects } = action
    const payload = {
      kind: `quality:${score.rubric}`,
      body: { explanation: score.explanation },
      subjects,
    }
    await store.commit({
      records: [
        {
          kind: 'quality',
          at: store.now(),
          action: id,
          agent,
          body: { name, facts: { quality: [score.fact] }, ...(person !== null && { person }) },
          ...(score.explanation !== null && { payload }),
        },
      ],
    })
    onScored(score, action)
  }
}

/** Told apart by their text where that is enough: most records are not parsed. */
function isOfInterest({ kind, text }: StoredRecord): boolean {
  if (kind === 'outcome' || kind === 'vote' || kind === 'edit') return true
  return (kind === 'decision' || kind === 'start' || kind === 'quality') && text.includes('"qs_')
}

/** What was scored after a person had decided has that person's word with it. */
function rowsIn(record: StoredRecord, said: JsonObject): readonly ScoreRow[] {
  const { person } = said
  const rows = scoresIn(record, said)
  return record.kind === 'quality' && (person === 'approve' || person === 'reject')
    ? rows.map((row) => ({ ...row, person }))
    : rows
}

/** It succeeded, or a person rejected it: of that it is known what a judge should have said. */
function isCandidate({ kind }: StoredRecord, said: JsonObject): boolean {
  if (kind === 'outcome') return said['state'] === 'succeeded'
  return kind === 'vote' && said['state'] === 'denied'
}

/** What a person's act says of the content that was scored until then. */
function personIn({ kind }: StoredRecord, said: JsonObject): PersonOutcome | null {
  if (kind === 'edit') return 'edit'
  if (kind !== 'vote') return null
  return said['state'] === 'ready' ? 'approve' : said['state'] === 'denied' ? 'reject' : null
}

/** What a person decided of the content as it is now. */
function personOf(records: readonly StoredRecord[], said: readonly JsonObject[]): PersonOutcome | null {
  let outcome: PersonOutcome | null = null
  for (const [index, record] of records.entries()) {
    const one = personIn(record, said[index] as JsonObject)
    if (one !== null) outcome = one === 'edit' ? null : one
  }
  return outcome
}

/** The action is a judge's own question. */
function isOfJudge(said: JsonObject): boolean {
  const facts = said['facts']
  return said['kind'] === 'decision' && isJsonObject(facts) && typeof facts['scores'] === 'string'
}

function resultIn(payloads: readonly StoredPayload[]): JsonValue {
  const of = (wanted: string) => payloads.find(({ kind }) => kind === wanted)
  const text = (of('outcome:late') ?? of('outcome'))?.text
  if (text == null) return null
  const outcome = JSON.parse(text) as JsonValue
  return isJsonObject(outcome) ? (outcome['result'] ?? null) : null
}

const NO_HISTORY: HistoryView = { count: () => 0, sum: () => 0 }

/** A condition that cannot be evaluated leaves nothing unscored. */
function holds(
  { when }: ScoreRule,
  action: Action,
  input: JsonObject,
  payloads: readonly StoredPayload[],
  result: JsonValue,
): boolean {
  if (when === null) return true
  const text = payloads.find(({ kind }) => kind === 'proposal')?.text
  const { reason = '' } = text == null ? {} : (JSON.parse(text) as ProposalPayload)
  try {
    return when.evaluate({
      action: {
        name: action.name,
        agent: action.agent,
        session: action.session ?? '',
        reason,
        confidence: action.confidence ?? 0,
        cost_usd: action.cost / 1e9,
        effect: action.effect,
      },
      input,
      result,
      agent: { name: action.agent, state: 'active' },
      history: NO_HISTORY,
      now: action.updatedAt,
    })
  } catch {
    return true
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const left = (): void => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', left)
      resolve()
    }, ms)
    if (signal.aborted) left()
    else signal.addEventListener('abort', left, { once: true })
  })
}
