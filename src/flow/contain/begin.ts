import type { InState } from '../../action/action.ts'
import type { ApprovedAction } from '../../action/approved-action.ts'
import { moved } from '../../action/lifecycle.ts'
import type { ActionRule } from '../../policy/policy.ts'

const DEFAULT_TIMEOUT = 60_000

/** An approved action takes its one permission: from here on the effect may happen, and its outcome is owed by the deadline. */
export function begin(
  approved: ApprovedAction,
  rule: ActionRule | undefined,
  at: number,
): InState<'executing'> {
  const { approval } = approved.state
  const votes = [...(approval?.steps ?? []), ...(approval?.breakGlass ? [approval.breakGlass] : [])]
  const approvedBy =
    approval === undefined ? undefined : votes.flatMap((one) => one.votes.map(({ by }) => by))
  const grantedBy = approval?.grantedBy
  return moved(
    approved,
    {
      name: 'executing',
      startedAt: at,
      deadline: at + (rule?.timeout ?? DEFAULT_TIMEOUT),
      ...(approvedBy && { approvedBy }),
      ...(grantedBy && { grantedBy }),
    },
    at,
  )
}
