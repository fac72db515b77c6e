import type { Action, Approval, InState } from '../../action/action.ts'
import { moved } from '../../action/lifecycle.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { samePerson } from './same-person.ts'
import { needReason, refuseAuthor } from './vote.ts'

const TOGETHER = 2

/**
 * One of the two people who together release an action out of turn. It still is checked again when it starts, so that
 * what is denied by then does not run. Throws `approval:…` when they may not.
 */
export function breakGlass(
  held: InState<'held'>,
  ask: { readonly by: string; readonly owner: boolean; readonly reason: string; readonly at: number },
): Action {
  const { approval } = held.state
  const { by, at } = ask
  const glass = approval.breakGlass
  if (at >= approval.expiresAt)
    throw new BelayError('approval:not_pending', { id: approval.id, state: 'expired' })
  if (glass === undefined) throw new BelayError('approval:no_break_glass', { action: held.name })
  refuseAuthor(held, by)
  if (!ask.owner && !glass.members.includes(by)) {
    const [group, members] = [glass.groups.join(' or '), glass.members.join(', ')]
    throw new BelayError('approval:not_a_member', { who: by, group, members })
  }
  needReason(ask.reason, 'release it')
  if (glass.votes.some((vote) => samePerson(vote.by, by))) throw new BelayError('approval:voted', { who: by })
  const asked: Approval = {
    ...approval,
    breakGlass: { ...glass, votes: [...glass.votes, { by, at }] },
  }
  if (glass.votes.length + 1 < TOGETHER) return moved(held, { name: 'held', approval: asked }, at)
  const released: Approval = {
    ...asked,
    step: approval.steps.length,
    grantedAt: at,
    grantedBy: 'break_glass',
  }
  return moved(held, { name: 'ready', expiresAt: approval.expiresAt, approval: released }, at)
}
