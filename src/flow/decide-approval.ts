import type { Action, ApprovalStep, InState } from '../action/action.ts'
import { isIn } from '../action/lifecycle.ts'
import { BelayError } from '../errors/catalogue.ts'
import type { NewPayload, RecordKind } from '../storage/store.ts'
import { breakGlass } from './approve/break-glass.ts'
import { passOn } from './approve/pass-on.ts'
import { placeOf } from './approve/place.ts'
import type { StandIn } from './approve/place.ts'
import { castVote } from './approve/vote.ts'
import { transitionRecord } from './audit/records.ts'
import type { Flow } from './flow.ts'
import { dropAction, move } from './settle-action.ts'
import type { Stages } from './stages.ts'

/** What people do with an approval that waits: each is one commit, taken again on what is there when another came first. */

export async function recordVote(
  stages: Stages,
  approvalId: string,
  { by, owner = false, outcome, reason, digest, via }: Parameters<Flow['vote']>[1],
): Promise<Action> {
  return onWaiting(stages, approvalId, digest, async (held) => {
    const at = stages.store.now()
    const standIns = await absentNow(stages, at)
    const next = castVote(held, { by, owner, outcome, at, reason, standIns, via })
    const place = owner ? by : placeOf(waitingStep(held), by, held, standIns)
    const inPlaceOf = place === undefined || place === by ? {} : { for: place }
    const more = { by, outcome, ...(via !== undefined && { via }), ...inPlaceOf }
    const payload = reasonPayload('vote', next, reason)
    if (next.state.name === 'denied') return dropAction(stages, held, next, 'vote', more, payload)
    return moveOn(stages, held, next, 'vote', more, payload)
  })
}

export async function recordDelegation(
  stages: Stages,
  approvalId: string,
  { by, to, reason }: Parameters<Flow['delegate']>[1],
): Promise<Action> {
  return onWaiting(stages, approvalId, undefined, (held) => {
    const next = passOn(held, { by, to, at: stages.store.now() })
    return moveOn(stages, held, next, 'delegation', { by, to }, reasonPayload('delegation', next, reason))
  })
}

export async function recordBreakGlass(
  stages: Stages,
  approvalId: string,
  { by, owner = false, reason, digest }: Parameters<Flow['breakGlass']>[1],
): Promise<Action> {
  return onWaiting(stages, approvalId, digest, (held) => {
    const next = breakGlass(held, { by, owner, reason, at: stages.store.now() })
    return moveOn(stages, held, next, 'break_glass', { by }, reasonPayload('break_glass', next, reason))
  })
}

/** Members who are away now, with who stands in for them. */
export async function absentNow(stages: Pick<Stages, 'store'>, at: number): Promise<readonly StandIn[]> {
  return (await stages.store.approvals.absences(at)).filter(({ from }) => from <= at)
}

/** Takes a step on the held action of an approval; when somebody else's came first, on what is held then. */
export async function onWaiting<T>(
  { store }: Pick<Stages, 'store'>,
  approvalId: string,
  digest: string | undefined,
  step: (held: InState<'held'>) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const action = await store.actionByApproval(approvalId)
    if (action === undefined) throw new BelayError('approval:not_found', { id: approvalId })
    if (!isIn(action, 'held') || action.state.approval.id !== approvalId)
      throw new BelayError('approval:not_pending', { id: approvalId, state: action.state.name })
    if (digest !== undefined && digest !== action.actionDigest)
      throw new BelayError('approval:stale', { id: approvalId, digest: action.actionDigest })
    try {
      return await step(action)
    } catch (error) {
      const again = error instanceof BelayError && error.code === 'action:conflict' && attempt < 10
      if (!again) throw error
    }
  }
}

async function moveOn(
  stages: Stages,
  held: Action,
  next: Action,
  kind: Exclude<RecordKind, 'decision'>,
  more: Parameters<typeof transitionRecord>[2],
  payload: NewPayload | undefined,
): Promise<Action> {
  await move(stages, held, next, transitionRecord(kind, next, more, payload))
  return next
}

function reasonPayload(kind: string, next: Action, reason: string | undefined): NewPayload | undefined {
  if (reason === undefined) return undefined
  return { kind: `${kind}:${next.version}`, body: { reason }, subjects: next.subjects }
}

function waitingStep({ state: { approval } }: InState<'held'>): ApprovalStep {
  return approval.steps[approval.step] as ApprovalStep
}
