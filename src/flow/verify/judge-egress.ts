import type { Finding } from '../../action/finding.ts'
import { admittedBy, BY_EGRESS, isBuiltIn, methodOf } from '../../policy/admit-request.ts'
import { EGRESS_REFUSALS, isEgressRefusal } from '../../policy/egress-refusals.ts'
import type { Case } from '../case.ts'

/**
 * What `egress` says of an HTTP request. It speaks for the requests of every agent that has one; requests from a sandbox
 * (`via`) are admitted by nothing else. An agent without `egress` is judged by its `actions` alone, as for any action.
 */
export function judgeEgress(opened: Case): readonly Finding[] {
  const { proposal, policy, rule, input } = opened
  if (methodOf(proposal.action) === undefined) return []
  const contained = input['via'] === BY_EGRESS
  const closed = contained || policy.agent(proposal.agent)?.egress != null
  if (!closed) return isBuiltIn(rule) ? [unmatched(opened)] : []
  const { refused } = input
  if (isEgressRefusal(refused)) return [deny(refused, EGRESS_REFUSALS[refused])]
  const admitted = admittedBy(policy, proposal.agent, proposal.action, input)
  if (admitted === undefined)
    return [deny('egress:no_entry', 'No egress entry of the agent admits the request.')]
  if (input['upgrade'] !== undefined && !admitted.websocket)
    return [deny('egress:websocket', 'The egress entry does not say websocket: true.')]
  if (input['body_unread'] !== undefined && admitted.unreadBody === 'deny' && (rule?.checks.length ?? 0) > 0)
    return [deny('egress:unread_body', 'No check can read the body of the request.')]
  return []
}

function unmatched({ proposal, policy }: Case): Finding {
  const decision = policy.defaultDecision
  return {
    decision,
    reason: {
      code: 'policy:no_match',
      message: `No entry of the policy matches the action ${proposal.action}; the default is ${decision}.`,
    },
  }
}

function deny(code: string, message: string): Finding {
  return { decision: 'deny', reason: { code, message } }
}
