import type { InState } from '../../action/action.ts'
import type { ApprovedAction } from '../../action/approved-action.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Cover } from './cover.ts'

/**
 * What the permission rests on where people must say yes: their approval, for these groups, or one use of a standing
 * approval, which must be counted with the start.
 */
export type Permission =
  | { readonly granted: true; readonly action: ApprovedAction }
  | { readonly granted: false; readonly cause: string }

/**
 * Turns a ready action into one that may start. `digest` is that of what will really run; an approval holds
 * for that digest, that policy and until its expiry only. `groups` are those that must have approved.
 */
export function permit(
  ready: InState<'ready'>,
  against: {
    readonly digest: string
    readonly policy: Policy
    readonly groups: readonly string[]
    readonly cover?: Cover | undefined
    readonly now: number
  },
): Permission {
  const { state } = ready
  if (against.now >= state.expiresAt) return { granted: false, cause: 'the permission has expired' }
  if (against.digest !== ready.actionDigest)
    return { granted: false, cause: 'what would run is not what was decided on' }
  const { approval } = state
  if (against.groups.length > 0 && against.cover === undefined) {
    if (approval?.grantedAt === undefined) return { granted: false, cause: 'it needs an approval' }
    if (typeof approval.grantedBy === 'object')
      return { granted: false, cause: 'the standing approval covers it no longer' }
    if (approval.actionDigest !== against.digest)
      return { granted: false, cause: 'the approval is for another action' }
    if (approval.policyDigest !== against.policy.digest)
      return { granted: false, cause: 'the approval was given under another policy' }
    const given = new Set(approval.steps.map(({ group }) => group))
    const lacking = against.groups.filter((group) => !given.has(group))
    if (lacking.length > 0)
      return { granted: false, cause: `it now also needs the approval of ${lacking.join(', ')}` }
  }
  return { granted: true, action: ready as ApprovedAction }
}
