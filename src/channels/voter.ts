import type { InState } from '../action/action.ts'

/**
 * The name under which somebody votes, given an address that may be spelt in another case than the policy spells it.
 * Whoever asked for the action keeps the spelling under which they asked, so that four eyes stay four.
 */
export function voterFor({ agent, proposedBy, state }: InState<'held'>, person: string): string {
  const members = state.approval.steps[state.approval.step]?.members ?? []
  const same = (name: string | null): name is string => name?.toLowerCase() === person.toLowerCase()
  return [proposedBy, agent, ...members].find(same) ?? person
}
