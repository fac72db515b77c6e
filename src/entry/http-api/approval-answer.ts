import type { Action, Approval, ApprovalStep, InState, ProposalPayload } from '../../action/action.ts'
import { escalatesAt } from '../../action/lifecycle.ts'
import type { JsonObject } from '../../action/json.ts'
import { viewOf } from '../../channels/approval-view.ts'
import { whoMayVote } from '../../flow/approve/place.ts'
import type { StandIn } from '../../flow/approve/place.ts'
import { PICTURE } from '../../flow/keep-recording.ts'
import { inputIn } from '../../flow/recall-action.ts'
import type { StoredPayload } from '../../storage/store.ts'
import { actionAnswer, isoTime } from './action-answer.ts'
import type { ApiContext } from './api-context.ts'
import type { Principal } from './authentication.ts'

/** What approvals are answered with beside the actions themselves: read once for a whole page. */
export interface ApprovalParts {
  readonly payloads: readonly StoredPayload[]
  readonly standIns: readonly StandIn[]
}

export async function partsOf(
  { store }: Pick<ApiContext, 'store'>,
  actions: readonly Action[],
): Promise<ApprovalParts> {
  const now = store.now()
  const [payloads, absences] = await Promise.all([
    store.payloadsOf(actions.map(({ id }) => id)),
    store.approvals.absences(now),
  ])
  return { payloads, standIns: absences.filter(({ from }) => from <= now) }
}

/** An approval with all that a person needs to decide. Agents see their own, without who exactly may decide. */
export async function approvalDetails(
  { flow, policies }: Pick<ApiContext, 'flow' | 'policies'>,
  action: Action,
  approval: Approval,
  parts: ApprovalParts,
  principal: Principal,
): Promise<JsonObject> {
  const policy = policies.current()
  const rule = policy.action(action.name)
  const stored = parts.payloads.find((one) => one.action === action.id && one.kind === 'proposal')
  const proposal = stored?.text == null ? null : (JSON.parse(stored.text) as ProposalPayload)
  const input = inputIn(parts.payloads, action)
  const waiting = action.state.name === 'held' ? approval.steps[approval.step] : undefined
  const people =
    waiting === undefined ? [] : whoMayVote(waiting, action, parts.standIns, approval.editedBy ?? [])
  const held = { ...action, state: { name: 'held', approval } } as InState<'held'>
  const view = viewOf(held, {
    input,
    agentReason: proposal?.reason ?? null,
    undoWithin: rule?.undo?.within ?? null,
    undoWhen: rule?.undo?.when?.source ?? null,
    deciders: people,
  })
  const escalates = escalatesAt(approval)
  const shown = principal.kind !== 'agent'
  const changed = proposal !== null && (proposal.enforced !== undefined || approval.editedBy !== undefined)
  return {
    id: approval.id,
    state: action.state.name === 'held' ? 'pending' : 'closed',
    expires_at: isoTime(approval.expiresAt),
    step: approval.step,
    steps: approval.steps.map((step, index) => stepAnswer(step, shown, index === approval.step, approval)),
    risk: approval.risk,
    reason_needed: approval.risk === 'high',
    digest: approval.actionDigest,
    escalates_at: waiting === undefined || escalates === null ? null : isoTime(escalates),
    next: {
      group: waiting?.group ?? '',
      people: shown ? [...people] : [],
      then: approval.steps.slice(approval.step + 1).map(({ group }) => group),
    },
    may_decide: waiting !== undefined && mayDecide(waiting, people, action, principal),
    plain: view.sentence,
    undoable: rule?.undo != null && action.effect !== 'irreversible',
    undo: view.undo,
    pictures: picturesOf(action, parts),
    cost_usd: view.costUsd,
    reason: view.agentReason,
    confidence: action.confidence,
    held_since: isoTime(approval.since),
    edited_by: shown ? [...(approval.editedBy ?? [])] : [],
    ...(changed && { proposed_input: proposal.input }),
    break_glass: breakGlassAnswer(action, approval, principal),
    standing_allowed: rule !== undefined && (approval.risk !== 'high' || rule.standing),
    action: await actionAnswer(flow, action, input ?? undefined),
  }
}

/** How the page looked when it was asked for, of calls of a browser: paths of pictures. */
function picturesOf({ id }: Action, { payloads }: ApprovalParts): string[] {
  return payloads
    .filter(({ action, kind, text }) => action === id && kind.startsWith(PICTURE) && text !== null)
    .map(({ kind }) => `/v1/actions/${id}/pictures/${kind.slice(PICTURE.length)}`)
}

function stepAnswer(step: ApprovalStep, shown: boolean, waits: boolean, approval: Approval): JsonObject {
  const { group, quorum, votes, members, delegations, escalatedTo, escalations } = step
  return {
    group,
    quorum,
    approved: votes.filter((vote) => vote.outcome === 'approve').length,
    ...(shown && {
      members: [...members],
      votes: votes.map(({ by, outcome, at, for: place }) => ({
        by,
        outcome,
        at: isoTime(at),
        ...(place !== undefined && { for: place }),
      })),
      delegations: (delegations ?? []).map(({ from, to, at }) => ({ from, to, at: isoTime(at) })),
    }),
    escalated_to: [...(escalatedTo ?? [])],
    escalations: (escalations ?? []).map(({ after, to }) => ({
      after_seconds: after / 1_000,
      to: [...to],
      ...(waits && { at: isoTime(approval.since + after) }),
    })),
  }
}

function mayDecide(
  step: ApprovalStep,
  people: readonly string[],
  action: Action,
  principal: Principal,
): boolean {
  if (principal.kind === 'agent') return false
  if (principal.kind === 'person')
    return principal.permissions.includes('approve') && people.includes(principal.by)
  if (principal.actingAs !== null) return people.includes(principal.actingAs)
  return action.agent !== principal.by && !step.votes.some(({ by }) => by === principal.by)
}

function breakGlassAnswer(action: Action, { breakGlass, editedBy }: Approval, principal: Principal) {
  if (breakGlass === undefined || principal.kind === 'agent') return null
  const { groups, members, votes } = breakGlass
  const by = principal.by
  const owner = principal.kind === 'admin' && principal.actingAs === null
  const may =
    action.state.name === 'held' &&
    (owner || members.includes(by)) &&
    by !== action.proposedBy &&
    editedBy?.includes(by) !== true &&
    !votes.some((vote) => vote.by === by)
  return { groups: [...groups], asked_by: votes.map((vote) => vote.by), may }
}
