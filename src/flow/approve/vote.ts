import type { Action, Approval, ApprovalStep, InState, Vote } from '../../action/action.ts'
import { moved } from '../../action/lifecycle.ts'
import { BelayError } from '../../errors/catalogue.ts'

/**
 * One person's vote. A reject by any member of the waiting step refuses the action; the last approve of the
 * last step makes it ready. `owner`: whoever holds the admin token counts as one member of any group. Throws `approval:…` when the vote may not be cast.
 */
export function castVote(held: InState<'held'>, vote: Vote, owner = false): Action {
  const { approval } = held.state
  const step = approval.steps[approval.step] as ApprovalStep
  if (vote.at >= approval.expiresAt)
    throw new BelayError('approval:not_pending', { id: approval.id, state: 'expired' })
  if (vote.by === held.agent || vote.by === held.proposedBy)
    throw new BelayError('approval:four_eyes', { who: vote.by })
  if (!owner && !step.members.includes(vote.by)) {
    const members = step.members.join(', ')
    throw new BelayError('approval:not_a_member', { who: vote.by, group: step.group, members })
  }
  if (step.votes.some(({ by }) => by === vote.by)) throw new BelayError('approval:voted', { who: vote.by })

  const voted: Approval = {
    ...approval,
    steps: approval.steps.with(approval.step, { ...step, votes: [...step.votes, vote] }),
  }
  if (vote.outcome === 'reject') {
    const reason = { code: 'approval:rejected', message: `${vote.by} rejected it for ${step.group}.` }
    return moved(held, { name: 'denied' }, vote.at, { reasons: [reason, ...held.reasons] })
  }
  if (step.votes.length + 1 < step.quorum) return moved(held, { name: 'held', approval: voted }, vote.at)
  if (approval.step + 1 < approval.steps.length) {
    return moved(held, { name: 'held', approval: { ...voted, step: approval.step + 1 } }, vote.at)
  }
  const granted = { ...voted, step: approval.steps.length, grantedAt: vote.at }
  return moved(held, { name: 'ready', expiresAt: approval.expiresAt, approval: granted }, vote.at)
}
