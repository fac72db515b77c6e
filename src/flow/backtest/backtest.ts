import type { Decision } from '../../action/decision.ts'
import type { Reason } from '../../action/finding.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Store, StoredRecord } from '../../storage/store.ts'
import { recordsSince } from '../audit/records-since.ts'
import { windowAt } from '../monitor/window.ts'
import { inputOfMeasures, pastStep, type PastDecision, type PastStep } from './past-step.ts'
import { Rehearsal } from './rehearsal.ts'

export interface BacktestOptions {
  readonly store: Store
  readonly policy: Policy
  /** Judge what was proposed from then on, epoch ms; what went before counts for budgets and history. */
  readonly since?: number
  /** Judge these alone; what others did counts all the same. */
  readonly of?: { readonly session?: string; readonly agent?: string }
  /** Judge so many decisions, the newest. */
  readonly limit: number
  /** Told now and then how many decisions have been judged. */
  readonly onProgress?: (judged: number) => void
  readonly signal?: AbortSignal
}

/** One decision that would be another. */
export interface BacktestChange {
  readonly id: string
  /** When it was proposed, epoch ms. */
  readonly at: number
  readonly agent: string
  readonly action: string
  readonly before: {
    readonly decision: Decision
    readonly effective: Decision
    readonly codes: readonly string[]
  }
  readonly after: {
    readonly decision: Decision
    readonly effective: Decision
    readonly reasons: readonly Reason[]
  }
  /** By what is done, or where that is the same, by what is decided. */
  readonly direction: 'stricter' | 'looser'
}

/** Changes of one kind of action for the same reason. */
export interface BacktestGroup {
  readonly action: string
  readonly before: Decision
  readonly after: Decision
  /** The reason that decides: of the tested policy, or where it has none, of the time. */
  readonly code: string
  readonly message: string
  readonly count: number
  /** Ids of the newest such actions. */
  readonly examples: readonly string[]
}

export interface Backtest {
  readonly policy: { readonly digest: string; readonly mode: Policy['mode'] }
  /** When the first and the last judged action were proposed, epoch ms. */
  readonly from: number | null
  readonly until: number | null
  readonly judged: number
  readonly changed: number
  readonly stricter: number
  readonly looser: number
  /** Decisions whose input was erased: taken as they were. */
  readonly notJudgeable: { readonly erased: number }
  /** `false`: there are older decisions beyond `limit`. */
  readonly complete: boolean
  /** The most frequent first. */
  readonly groups: readonly BacktestGroup[]
  /** The newest, newest first, at most `MOST_CHANGES`. */
  readonly changes: readonly BacktestChange[]
}

const MOST_CHANGES = 500
const MOST_GROUPS = 1_000
const EXAMPLES = 3
const PAGE = 500
/** Steps after which others in this process have their turn: some of them are agents that wait. */
const A_TURN = 25
/** Or after so long: what a step takes is the tested policy's to say, ms. */
const TURN_MS = 10
const DAY = 86_400_000
/** Sessions have no window of their own to look back on. */
const LONGEST_SESSION = 32 * DAY

/**
 * Judges recorded decisions again by another policy, with the same code that judges in earnest. Budgets, rates, breakers
 * and history are rebuilt from the records: what the tested policy refuses takes no room for what follows, what
 * it lets through has cost what it cost in fact. Answers of people and results of models are taken as they were.
 */
export async function backtest(options: BacktestOptions): Promise<Backtest> {
  const { store, policy, limit, signal, of = {} } = options
  const start = await firstOf(store, options.since ?? 0, limit, of)
  const rehearsal = new Rehearsal(policy)
  const tally = new Tally(policy, start.complete)
  let page: StoredRecord[] = []
  const judgePage = async (): Promise<void> => {
    let turn = performance.now()
    for (const [index, step] of (await stepsOf(store, page)).entries()) {
      if (index % A_TURN === A_TURN - 1 || performance.now() - turn > TURN_MS) {
        await nextTurn()
        signal?.throwIfAborted()
        turn = performance.now()
      }
      const judging = step.at >= start.at
      if (step.kind !== 'decision') await rehearsal.follow(step, !judging)
      else if (!judging || !isOf(step, of)) await rehearsal.assume(step)
      else if (step.payload === null) {
        await rehearsal.assume(await measured(store, step))
        tally.erased++
      } else tally.add(step, await rehearsal.judge(step))
    }
    page = []
    options.onProgress?.(tally.judged)
    signal?.throwIfAborted()
    await nextTurn()
  }
  for await (const record of recordsSince(store, lookBack(policy, start.at))) {
    page.push(record)
    if (page.length === PAGE) await judgePage()
  }
  await judgePage()
  return tally.result()
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** From when on decisions are judged, and whether that is all there is since `since`. */
async function firstOf(
  store: Store,
  since: number,
  limit: number,
  of: NonNullable<BacktestOptions['of']>,
): Promise<{ readonly at: number; readonly complete: boolean }> {
  let before: string | undefined
  let at = Infinity
  for (let counted = 0; ;) {
    const wanted = Math.min(PAGE, limit - counted)
    const found = await store.actions({
      ...of,
      since,
      limit: wanted + 1,
      ...(before !== undefined && { before }),
    })
    const taken = found.slice(0, wanted)
    at = taken.at(-1)?.proposedAt ?? at
    counted += taken.length
    if (found.length <= wanted) return { at: Math.max(since, Math.min(at, store.now())), complete: true }
    if (counted >= limit) return { at, complete: false }
    before = taken.at(-1)?.id
  }
}

function isOf(past: PastDecision, { session, agent }: NonNullable<BacktestOptions['of']>): boolean {
  return (session === undefined || past.session === session) && (agent === undefined || past.agent === agent)
}

/** How far back a decision of that time could look: the windows of budgets and rates, and of history. */
function lookBack(policy: Policy, at: number): number {
  const limits = [policy.overall, ...policy.agentRules].flatMap(({ budgets, rates }) => [
    ...budgets,
    ...rates,
  ])
  const starts = limits.map(({ per }) => {
    if (per === 'action') return at
    return per === 'session' ? at - LONGEST_SESSION : windowAt(per, at, '').startsAt
  })
  const breakers = policy.agentRules.flatMap(({ breaker }) =>
    breaker === null ? [] : [at - Math.max(DAY, breaker.spend?.within ?? 0)],
  )
  return Math.max(0, Math.min(at - policy.historyWindow, ...starts, ...breakers))
}

async function stepsOf(store: Store, page: readonly StoredRecord[]): Promise<readonly PastStep[]> {
  const ids = page.flatMap(({ kind, action }) => (kind === 'decision' && action !== null ? [action] : []))
  const texts = new Map<string, string>()
  if (ids.length > 0)
    for (const { action, kind, text } of await store.payloadsOf(ids))
      if (kind === 'proposal' && text !== null) texts.set(action, text)
  return page
    .map((record) => pastStep(record, (record.action === null ? null : texts.get(record.action)) ?? null))
    .filter((step) => step !== null)
}

/** An erased action still counts for sums: the numbers that policies add up are kept beside it. */
async function measured(store: Store, past: PastDecision): Promise<PastDecision> {
  const measures = (await store.action(past.id))?.measures ?? {}
  return { ...past, payload: { input: inputOfMeasures(measures) } }
}

const RANK: Readonly<Record<Decision, number>> = { allow: 0, transform: 1, require_approval: 2, deny: 3 }

class Tally {
  judged = 0
  erased = 0
  #changed = 0
  #stricter = 0
  #from: number | null = null
  #until: number | null = null
  readonly #policy: Policy
  readonly #complete: boolean
  readonly #groups = new Map<string, BacktestGroup & { count: number; examples: string[] }>()
  #changes: BacktestChange[] = []

  constructor(policy: Policy, complete: boolean) {
    this.#policy = policy
    this.#complete = complete
  }

  add(past: PastDecision, after: BacktestChange['after']): void {
    this.judged++
    this.#from ??= past.at
    this.#until = past.at
    if (past.decision === after.decision && past.effective === after.effective) return
    const { id, at, agent, name: action, decision, effective, codes } = past
    const step = RANK[after.effective] - RANK[effective] || RANK[after.decision] - RANK[decision]
    const direction = step > 0 ? 'stricter' : 'looser'
    this.#changed++
    if (direction === 'stricter') this.#stricter++
    const { reasons } = after
    this.#changes.push({
      id,
      at,
      agent,
      action,
      before: { decision, effective, codes },
      after: { decision: after.decision, effective: after.effective, reasons },
      direction,
    })
    if (this.#changes.length >= 2 * MOST_CHANGES) this.#changes = this.#changes.slice(-MOST_CHANGES)
    const [from, to] =
      effective === after.effective ? [decision, after.decision] : [effective, after.effective]
    this.#group(action, from, to, reasons[0], codes[0] ?? '', id)
  }

  #group(
    action: string,
    before: Decision,
    after: Decision,
    reason: Reason | undefined,
    was: string,
    id: string,
  ): void {
    const code = reason?.code ?? was
    const key = JSON.stringify([action, before, after, code])
    const group = this.#groups.get(key)
    if (group !== undefined) {
      group.count++
      group.examples.push(id)
      if (group.examples.length > EXAMPLES) group.examples.shift()
    } else if (this.#groups.size < MOST_GROUPS)
      this.#groups.set(key, {
        action,
        before,
        after,
        code,
        message: reason?.message ?? 'Nothing speaks against it any more.',
        count: 1,
        examples: [id],
      })
  }

  result(): Backtest {
    const { digest, mode } = this.#policy
    return {
      policy: { digest, mode },
      from: this.#from,
      until: this.#until,
      judged: this.judged,
      changed: this.#changed,
      stricter: this.#stricter,
      looser: this.#changed - this.#stricter,
      notJudgeable: { erased: this.erased },
      complete: this.#complete,
      groups: [...this.#groups.values()].toSorted((a, b) => b.count - a.count),
      changes: this.#changes.slice(-MOST_CHANGES).toReversed(),
    }
  }
}
