import type { Action, ActionState, DoorReport, ResultJudgement } from '../action/action.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import { isIn, moved, wrongState } from '../action/lifecycle.ts'
import { refuseBadAmount, usdFromNano } from '../action/money.ts'
import type { Charge, NewPayload, NewRecord, RecordKind } from '../storage/store.ts'
import { BelayError } from '../errors/catalogue.ts'
import { escalate } from './approve/escalate.ts'
import { transitionRecord } from './audit/records.ts'
import { standingOf } from './judge.ts'
import type { HowToReport } from './flow.ts'
import { announce, remember, storedInput } from './recall-action.ts'
import { setAgentState } from './set-agent-state.ts'
import type { Stages } from './stages.ts'

/** What an agent, an executor or the clock says became of an effect. Every exit of an admitted action ends in this file. */
export async function settleAction(
  stages: Stages,
  action: Action,
  report: DoorReport,
  how: HowToReport & { readonly cause?: string } = {},
): Promise<Action> {
  if (!isIn(action, 'executing') && !isIn(action, 'unknown'))
    throw wrongState(action, 'reporting an outcome', 'executing', 'unknown')
  refuseBadAmount(report.cost)
  if (isIn(action, 'unknown') && report.outcome === 'unknown') return action
  const at = stages.store.now()
  // Without a reported cost the worst case was spent: better too much than an agent that looks cheap by silence.
  const cost = report.cost ?? action.cost
  const charges = isIn(action, 'unknown')
    ? adjust(action, cost)
    : stages.monitor.charges(action.reservations, cost)
  const judged = judgedOf(report)
  const state: ActionState =
    report.outcome === 'unknown'
      ? { name: 'unknown', at, cause: how.cause ?? 'the outcome was reported as unknown', ...judged }
      : { name: report.outcome, at, ...judged }
  const next = moved(action, state, at, { cost })
  const body = {
    outcome: report.outcome,
    cost_usd: usdFromNano(cost),
    completed_at: at,
    ...(cost > action.cost && { over_reservation_usd: usdFromNano(cost - action.cost) }),
    ...(isIn(action, 'unknown') && { late: true }),
    ...(report.judged && {
      result_decision: report.judged.decision,
      result_effective: report.judged.effective,
      result_reasons: report.judged.reasons as unknown as JsonValue,
    }),
    ...(report.facts && { facts: report.facts }),
  }
  const payload: NewPayload = {
    kind: isIn(action, 'unknown') ? 'outcome:late' : 'outcome',
    body: { result: report.result ?? null, error: report.error ?? null },
    subjects: action.subjects,
  }
  const approved = (await approvedUnlike(stages, action)) ?? null
  if (how.unhurried === true) await stages.rideAlong.turn()
  await move(stages, action, next, transitionRecord('outcome', next, body, payload), charges)
  const policy = stages.policies.current()
  const unlike = stages.monitor.ended(next, policy, action, approved)
  const verdict = stages.monitor.finished(next, policy) ?? unlike
  // The outcome is on disk: a pause that cannot be recorded is in force here, and no reason to call the report failed.
  if (verdict !== undefined)
    await setAgentState(stages, next.agent, verdict, verdict.by).catch(stages.onFault)
  return next
}

/** The input of an action that was unlike its agent and that a person let run all the same. */
function approvedUnlike(stages: Stages, action: Action): Promise<JsonObject | null> | undefined {
  if (!isIn(action, 'executing') || action.state.approvedBy === undefined) return undefined
  const unlike = action.reasons.some(({ code }) => code.startsWith('anomaly:') || code.startsWith('novelty:'))
  return unlike ? storedInput(stages, action) : undefined
}

/** A result that nothing was said against needs no word in the state. */
function judgedOf({ judged }: DoorReport): { readonly judged?: ResultJudgement } {
  if (judged === undefined || judged.decision === 'allow') return {}
  const { decision, effective, reasons } = judged
  return { judged: { decision, effective, reasons } }
}

/** An action that will not run: refused by a person, withdrawn, or too late. Its room and its place in history come back. */
export async function dropAction(
  stages: Stages,
  action: Action,
  next: Action,
  kind: Exclude<RecordKind, 'decision'>,
  more: JsonObject = {},
  payload?: NewPayload,
): Promise<Action> {
  const charges = stages.monitor.charges(action.reservations, null)
  await move(stages, action, next, transitionRecord(kind, next, more, payload), charges)
  stages.history.remove(standingOf(action).entry)
  return next
}

export async function cancelAction(stages: Stages, action: Action, by: string): Promise<Action> {
  if (!isIn(action, 'held') && !isIn(action, 'ready')) throw wrongState(action, 'cancelling', 'held', 'ready')
  const at = stages.store.now()
  return dropAction(stages, action, moved(action, { name: 'cancelled', at, by }, at), 'cancellation')
}

/** What the clock does to an action that is due. */
export async function expireAction(stages: Stages, action: Action): Promise<Action> {
  const at = stages.store.now()
  if (isIn(action, 'executing')) {
    return settleAction(
      stages,
      action,
      { outcome: 'unknown' },
      { cause: 'no outcome was reported by the deadline' },
    )
  }
  if (isIn(action, 'held') && at < action.state.approval.expiresAt) {
    const next = escalate(action, at)
    if (next === undefined) return action
    await move(stages, action, next, transitionRecord('escalation', next))
    return next
  }
  if (isIn(action, 'held') || isIn(action, 'ready')) {
    return dropAction(
      stages,
      action,
      moved(action, { name: 'expired', at, was: action.state.name }, at),
      'expiry',
    )
  }
  if (isIn(action, 'succeeded') && action.state.undo !== undefined) {
    const { deadline: _, ...undo } = action.state.undo
    const next = moved(action, { ...action.state, undo: { ...undo, status: 'unknown', at } }, at)
    await move(stages, action, next, transitionRecord('undo', next))
    return next
  }
  return action
}

/** Commits the step of one action; on a conflict nothing has changed and the caller learns what is there now. */
export async function move(
  stages: Stages,
  before: Action,
  next: Action,
  record: NewRecord,
  charges: readonly Charge[] = [],
): Promise<void> {
  const result = await stages.store.commit({
    action: { value: next, replaces: before.version },
    records: [record],
    charges,
  })
  if (result.status !== 'committed') {
    stages.recent.delete(before.id)
    const now = await stages.store.action(before.id)
    if (now === undefined || now.state.name === before.state.name)
      throw new BelayError('action:conflict', { id: before.id })
    throw wrongState(now, `becoming ${next.state.name}`, before.state.name)
  }
  stages.monitor.settled(charges)
  const input = stages.recent.get(before.id)?.input
  if (input !== undefined) {
    remember(stages, { action: next, input }, before)
    return
  }
  announce(stages, next, before)
}

/** A late report corrects what was charged when the outcome became unknown. */
function adjust(action: Action, cost: number): readonly Charge[] {
  return action.reservations
    .filter(({ unit }) => unit === 'nano_usd')
    .map(({ account }) => ({ account, reserved: 0, spent: cost - action.cost }))
}
