import type { InState } from '../action/action.ts'

/**
 * The name under which somebody votes, given an address that may be spelt in another case than the policy spells it.
 * `others` are the further names of the policy, such as deputies. Whoever asked for the action keeps the spelling under which they asked, so that four eyes stay four.
 */
export function voterFor(
  { agent, proposedBy, state }: InState<'held'>,
  person: string,
  others: readonly string[],
): string {
  const members = state.approval.steps[state.approval.step]?.members ?? []
  const same = (name: string | null): name is string => name?.toLowerCase() === person.toLowerCase()
  return [proposedBy, agent, ...members, ...others].find(same) ?? person
}
