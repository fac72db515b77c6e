import type { Action, Approval, ApprovalStep, InState } from '../../action/action.ts'
import { moved } from '../../action/lifecycle.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { canPass, mayHold } from './place.ts'
import { isAsker } from './same-person.ts'
import { noPlace, refuseAuthor } from './vote.ts'

/**
 * A member passes the vote in the waiting step on; passing it to oneself takes it back. What somebody else passed on
 * is not passed on again. Throws `approval:…` when it may not be, and when too few different people would be left.
 */
export function passOn(
  held: InState<'held'>,
  { by, to, at }: { readonly by: string; readonly to: string; readonly at: number },
): Action {
  const { approval } = held.state
  const step = approval.steps[approval.step] as ApprovalStep
  if (at >= approval.expiresAt)
    throw new BelayError('approval:not_pending', { id: approval.id, state: 'expired' })
  refuseAuthor(held, by)
  if (step.votes.some((vote) => vote.by === by || vote.for === by))
    throw new BelayError('approval:voted', { who: by })
  if (!step.members.includes(by)) throw noPlace(step, by)
  if (!mayHold(step, to) || isAsker(to, held))
    throw new BelayError('approval:not_permitted', { who: to, group: step.group })
  const others = (step.delegations ?? []).filter(({ from }) => from !== by)
  const passed: Approval = {
    ...approval,
    steps: approval.steps.with(approval.step, {
      ...step,
      delegations: to === by ? others : [...others, { from: by, to, at }],
    }),
  }
  if (!canPass(passed, held)) throw new BelayError('approval:too_few', { group: step.group })
  return moved(held, { name: 'held', approval: passed }, at)
}
