import { globMatches } from '../action/glob.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../action/json.ts'
import type { NanoUsd } from '../action/money.ts'
import type { Action, Reservation } from '../action/action.ts'
import { canonicalJson, actionDigest } from '../action/digest.ts'
import type { Reason } from '../action/finding.ts'
import type { HistoryEntry, Store } from '../storage/store.ts'
import type { CheckedCase, JudgedCase } from './case.ts'
import { decide, type Verdict } from './decide.ts'
import { viewOf } from './monitor/history.ts'
import type { BreakerVerdict } from './monitor/monitor.ts'
import type { Stages } from './stages.ts'

/** What judging needs of the process. */
export type Judges = Pick<
  Stages,
  'verify' | 'monitor' | 'approve' | 'history' | 'historyReload' | 'reporting' | 'rideAlong'
> & { readonly store: Pick<Store, 'dialect' | 'history'> }

/** What the stages and the kernel made of a case. The reservation and the place in history are taken in memory. */
export interface Judgement {
  readonly judged: JudgedCase
  readonly verdict: Verdict
  readonly actionDigest: string
  /** Canonical JSON of the input that may be executed. */
  readonly canonicalInput: string
  readonly measures: Readonly<Record<string, number>>
  /** The breaker tripped on this very action. */
  readonly breaker: BreakerVerdict | undefined
  /** Set when the action takes a new place in the history of this process. */
  readonly counted: HistoryEntry | null
}

/**
 * Rules, room, approval and verdict in one synchronous pass: nothing of another action comes between the
 * question "how many so far?" and taking the place. Only when this replica's share of a budget does not
 * suffice is the pass left to lease more, and then begun anew.
 *
 * `standing` is what the action itself holds already when it is judged again at its start: it steps aside for
 * the pass, so that it is not counted twice, and has it back afterwards whatever the verdict.
 */
export async function judge(stages: Judges, checked: CheckedCase, standing?: Standing): Promise<Judgement> {
  const canonicalInput = canonicalJson(checked.input)
  const digest = actionDigest(identityOf(checked), canonicalInput)
  const measures = measuresOf(checked)
  const shared = await sharedHistory(stages, checked, standing)
  const exhausted = new Set<string>()
  let waited = false
  for (;;) {
    while (stages.historyReload !== null) await stages.historyReload
    const { proposal } = checked
    if (standing !== undefined) stepAside(stages, standing)
    const history = shared ?? stages.history.view(proposal.agent, checked.at)
    const verified = stages.verify.applyRules(
      checked,
      history,
      stages.monitor.agents.get(proposal.agent).state,
    )
    const about = { digest, ...(standing && { earlier: standing.reasons }) }
    const metered = stages.monitor.reserve(verified, exhausted, about)
    if (metered.status === 'short') {
      if (standing !== undefined) restore(stages, standing)
      const { key } = metered.draw.account
      if (await stages.monitor.acquire(metered.draw, checked.at)) exhausted.delete(key)
      else if (!waited && stages.reporting.size > 0) {
        // What these actions did not need is on its way back: whoever has an answer finds its room.
        waited = true
        stages.rideAlong.leave()
        await Promise.allSettled(stages.reporting)
      } else exhausted.add(key)
      continue
    }
    const judged = stages.approve.judge(metered.metered, digest)
    const verdict = decide(judged.findings, judged.policy.mode)
    // What it holds already is the store's until the commit that releases it is durable.
    if (standing !== undefined) restore(stages, standing)
    const counted = verdict.effective === 'deny' || standing !== undefined ? null : entry(checked, measures)
    if (verdict.effective === 'deny') stages.monitor.undo(judged)
    if (counted !== null) stages.history.add(counted)
    if (standing === undefined) stages.monitor.decided(judged, verdict.effective)
    return {
      judged,
      verdict,
      actionDigest: digest,
      canonicalInput,
      measures,
      breaker: metered.verdict,
      counted,
    }
  }
}

/** What an action holds that was admitted earlier. */
export interface Standing {
  readonly entry: HistoryEntry
  /** Why it was decided as it was. */
  readonly reasons: readonly Reason[]
  readonly reservations: readonly Reservation[]
}

export function standingOf(action: Action): Standing {
  const { id, agent, name, proposedAt, measures, reservations, reasons } = action
  return { entry: { id, agent, name, at: proposedAt, measures }, reasons, reservations }
}

function stepAside(stages: Judges, { entry, reservations }: Standing): void {
  stages.history.remove(entry)
  stages.monitor.release(reservations)
}

function restore(stages: Judges, { entry, reservations }: Standing): void {
  stages.history.restore(entry)
  stages.monitor.retake(reservations)
}

function entry({ id, proposal, at }: CheckedCase, measures: HistoryEntry['measures']): HistoryEntry {
  return { id, agent: proposal.agent, name: proposal.action, at, measures }
}

/** Gives back what a judgement took, when its commit did not come to be. */
export function takeBack(stages: Judges, { judged, verdict, counted }: Judgement): void {
  if (verdict.effective === 'deny') return
  if (counted !== null) stages.history.remove(counted)
  stages.monitor.undo(judged)
}

export function identityOf({ proposal }: Pick<CheckedCase, 'proposal'>): Parameters<typeof actionDigest>[0] {
  return {
    agent: proposal.agent,
    release: proposal.release ?? null,
    operation: proposal.action,
    target: proposal.target ?? null,
    tool_schema_version: proposal.toolSchemaVersion ?? null,
  }
}

/** The worst case: what the agent declares, or the policy's figure where that is higher. */
export function worstCost(declared: NanoUsd | undefined, policyCost: NanoUsd | undefined): NanoUsd {
  return Math.max(declared ?? 0, policyCost ?? 0)
}

async function sharedHistory(stages: Judges, checked: CheckedCase, standing: Standing | undefined) {
  const { policy, proposal, at, rule } = checked
  if (stages.store.dialect === 'sqlite' || rule?.usesHistory !== true) return undefined
  const entries = await stages.store.history({
    since: at - policy.historyWindow,
    ...(standing && { except: standing.entry.id }),
  })
  return viewOf(entries, proposal.agent, at)
}

function measuresOf({ policy, proposal, input }: CheckedCase): Record<string, number> {
  const measures: Record<string, number> = {}
  for (const { action, path } of policy.measures) {
    if (!globMatches(action, proposal.action)) continue
    const value = valueAt(input, path)
    if (typeof value === 'number') measures[path] = value
  }
  return measures
}

/** The value at a dotted path such as `input.amount`; `undefined` where it leads nowhere. */
function valueAt(input: JsonObject, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = { input }
  for (const key of path.split('.')) {
    if (!isJsonObject(value) || !Object.hasOwn(value, key)) return undefined
    value = value[key]
  }
  return value
}
