import type { Action, Approval, ApprovalStep } from '../../action/action.ts'
import { isAsker, samePerson } from './same-person.ts'

/** A member who is away for now, and who stands in for them. */
export interface StandIn {
  readonly person: string
  readonly substitute: string
}

/** Whether a member may pass a vote of this step on to them. */
export function mayHold(step: ApprovalStep, who: string): boolean {
  return step.members.includes(who) || (step.delegates?.includes(who) ?? false)
}

/**
 * Whose place in the step somebody votes in: their own, one that was passed on to them, or that of an absent member.
 * Whoever asked for the action has none, and so none to give. `undefined`: nobody's.
 */
export function placeOf(
  step: ApprovalStep,
  who: string,
  asked: Pick<Action, 'agent' | 'proposedBy'>,
  standIns: readonly StandIn[],
): string | undefined {
  const taken = new Set(step.votes.map((vote) => vote.for ?? vote.by))
  const given = new Map((step.delegations ?? []).map(({ from, to }) => [from, to]))
  const holds = (member: string): boolean => {
    if (taken.has(member) || isAsker(member, asked)) return false
    const holder = given.get(member)
    if (holder !== undefined) return holder === who
    if (member === who) return true
    return (
      mayHold(step, who) && standIns.some(({ person, substitute }) => person === member && substitute === who)
    )
  }
  if (step.members.includes(who) && holds(who)) return who
  return step.members.find(holds)
}

/** Everybody who could vote in the step now. */
export function whoMayVote(
  step: ApprovalStep,
  asked: Pick<Action, 'agent' | 'proposedBy'>,
  standIns: readonly StandIn[],
  editedBy: readonly string[] = [],
): readonly string[] {
  const has = (names: readonly string[], who: string): boolean => names.some((name) => samePerson(name, who))
  const voted = step.votes.map(({ by }) => by)
  const people = new Set([...step.members, ...(step.delegates ?? [])])
  return [...people].filter(
    (who) =>
      !has(voted, who) &&
      !isAsker(who, asked) &&
      (step.editorsDecide === true || !has(editedBy, who)) &&
      placeOf(step, who, asked, standIns) !== undefined,
  )
}

/** Whether enough different people are left for every step that has not passed, those who joined by escalation later not counted. */
export function canPass(
  { steps, step: waiting, editedBy }: Approval,
  asked: Pick<Action, 'agent' | 'proposedBy'>,
): boolean {
  return steps
    .slice(waiting)
    .every((step) => step.votes.length + whoMayVote(step, asked, [], editedBy).length >= step.quorum)
}
