import type { Action, Approval, ApprovalStep, InState } from '../../action/action.ts'
import { escalatesAt, moved } from '../../action/lifecycle.ts'

/** Lets further groups decide the waiting step as well, as far as their time has come; `undefined`: not yet. */
export function escalate(held: InState<'held'>, at: number): Action | undefined {
  let { approval } = held.state
  for (let due = escalatesAt(approval); due !== null && due <= at; due = escalatesAt(approval))
    approval = joined(approval)
  return approval === held.state.approval ? undefined : moved(held, { name: 'held', approval }, at)
}

function joined(approval: Approval): Approval {
  const step = approval.steps[approval.step] as ApprovalStep
  const [next, ...later] = step.escalations ?? []
  if (next === undefined) return approval
  return {
    ...approval,
    steps: approval.steps.with(approval.step, {
      ...step,
      members: [...new Set([...step.members, ...next.members])],
      escalations: later,
      escalatedTo: [...(step.escalatedTo ?? []), ...next.to],
    }),
  }
}
