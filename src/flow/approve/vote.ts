import type { Action, Approval, ApprovalStep, InState, Vote } from '../../action/action.ts'
import { moved } from '../../action/lifecycle.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { placeOf } from './place.ts'
import type { StandIn } from './place.ts'
import { isAsker, samePerson } from './same-person.ts'

/** Fewer characters say nothing. */
const MIN_REASON = 3

/** How a vote is cast. */
export interface Cast {
  readonly by: string
  readonly outcome: 'approve' | 'reject'
  readonly at: number
  readonly reason?: string | undefined
  /** Whoever holds the admin token counts as one member of any group. */
  readonly owner?: boolean
  /** Members who are away now. */
  readonly standIns?: readonly StandIn[]
  /** By which form it came; a program's own call by none, or by `api`. */
  readonly via?: string | undefined
}

/**
 * One person's vote. A reject by anybody who may vote refuses the action; the last approve of the last step makes it
 * ready. Throws `approval:…` when the vote may not be cast.
 */
export function castVote(held: InState<'held'>, cast: Cast): Action {
  const { approval } = held.state
  const { by, outcome, at } = cast
  const step = approval.steps[approval.step] as ApprovalStep
  if (at >= approval.expiresAt)
    throw new BelayError('approval:not_pending', { id: approval.id, state: 'expired' })
  refuseAuthor(held, by, step.editorsDecide)
  if (step.votes.some((vote) => samePerson(vote.by, by))) throw new BelayError('approval:voted', { who: by })
  const place = cast.owner === true ? by : placeOf(step, by, held, cast.standIns ?? [])
  if (place === undefined) throw noPlace(step, by)
  if (outcome === 'approve' && approval.risk === 'high' && isForm(cast.via))
    needReason(cast.reason, 'approve')

  const vote: Vote = { by, outcome, at, ...(place !== by && { for: place }) }
  const voted: Approval = {
    ...approval,
    steps: approval.steps.with(approval.step, { ...step, votes: [...step.votes, vote] }),
  }
  if (outcome === 'reject') {
    const reason = { code: 'approval:rejected', message: `${by} rejected it for ${step.group}.` }
    return moved(held, { name: 'denied' }, at, { reasons: [reason, ...held.reasons] })
  }
  if (step.votes.length + 1 < step.quorum) return moved(held, { name: 'held', approval: voted }, at)
  if (approval.step + 1 < approval.steps.length) {
    const next = { ...voted, step: approval.step + 1, since: at }
    return moved(held, { name: 'held', approval: next }, at)
  }
  const granted = { ...voted, step: approval.steps.length, grantedAt: at }
  return moved(held, { name: 'ready', expiresAt: approval.expiresAt, approval: granted }, at)
}

/** Whoever decides by clicking types a reason first. A command and its arguments are typed as they are. */
function isForm(via: string | undefined): boolean {
  return via !== undefined && via !== 'api'
}

/** Four eyes: neither who asked nor who wrote what is decided on. Throws `approval:four_eyes`. */
export function refuseAuthor(held: InState<'held'>, by: string, editorsDecide = false): void {
  const { editedBy = [] } = held.state.approval
  const edited = !editorsDecide && editedBy.some((editor) => samePerson(editor, by))
  if (isAsker(by, held) || edited)
    throw new BelayError('approval:four_eyes', { who: by, did: edited ? 'edited' : 'asked for' })
}

/** Throws `approval:reason_needed`. */
export function needReason(reason: string | undefined, what: string): void {
  if ((reason ?? '').trim().length < MIN_REASON)
    throw new BelayError('approval:reason_needed', { what, min: String(MIN_REASON) })
}

/** Why somebody may not vote in a step. */
export function noPlace(step: ApprovalStep, who: string): BelayError {
  const given = step.delegations?.find(({ from }) => from === who)
  if (given !== undefined) return new BelayError('approval:passed_on', { who, to: given.to })
  if (step.votes.some((vote) => vote.for === who)) return new BelayError('approval:voted', { who })
  const members = step.members.join(', ')
  return new BelayError('approval:not_a_member', { who, group: step.group, members })
}
