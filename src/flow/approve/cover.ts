import type { Approval, ApprovalStep } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import type { Grant, StandingRow, StandingUse } from '../../storage/store.ts'
import { millionths, valueAt, withinBounds } from './bounds.ts'
import { isAsker } from './same-person.ts'

declare const covered: unique symbol

/** One use of a standing approval that covers an action: to be counted with the start of that action. */
export type Cover = StandingUse & { readonly [covered]: true }

/** What is asked to be covered. */
export interface Asked {
  readonly agent: string
  readonly proposedBy: string | null
  readonly action: string
  readonly target: string | null
  readonly input: JsonObject
  readonly approval: Approval
  /** Whether the policy lets a standing approval count although the risk is high. */
  readonly standing: boolean
  readonly at: number
}

/** The first of the rows that covers the action. They are held against the policy of this judgement, not of their grant. */
export function coverOf(rows: readonly StandingRow[], asked: Asked): Cover | undefined {
  if (asked.approval.risk === 'high' && !asked.standing) return undefined
  for (const row of rows) {
    const amount = amountFor(row, asked.input)
    if (
      amount !== undefined &&
      row.agent === asked.agent &&
      row.action === asked.action &&
      isCoveredTarget(row, asked.target) &&
      stateOf(row, asked.at) === 'open' &&
      (row.maxSum === null || row.usedSum + amount <= row.maxSum.limit) &&
      withinBounds(row.bounds, asked.input) &&
      asked.approval.steps.every((step) => grantedFor(step, row.grants, asked) >= step.quorum)
    )
      return { id: row.id, amount, at: asked.at } as Cover
  }
  return undefined
}

/** How many of the people who may decide in the step have granted it; whoever asked for the action does not count. */
export function grantedFor(
  step: Pick<ApprovalStep, 'members'>,
  grants: readonly Grant[],
  asked: { readonly agent: string; readonly proposedBy: string | null },
): number {
  const people = grants.filter(
    ({ by, owner }) => (owner === true || step.members.includes(by)) && !isAsker(by, asked),
  )
  return new Set(people.map(({ by }) => by.toLowerCase())).size
}

export type StandingState = 'open' | 'used up' | 'expired' | 'revoked'

/** `open` says nothing of whether enough people have granted it: the policy of each judgement does. */
export function stateOf(row: StandingRow, at: number): StandingState {
  if (row.revokedAt !== null) return 'revoked'
  if (at >= row.expiresAt) return 'expired'
  return row.used >= row.maxCount ? 'used up' : 'open'
}

/** What is done to nothing that was named is another kind of action than what is done to something, both ways. */
function isCoveredTarget({ targets }: StandingRow, target: string | null): boolean {
  return target === null ? targets.length === 0 : targets.includes(target)
}

function amountFor({ maxSum }: StandingRow, input: JsonObject): number | undefined {
  return maxSum === null ? 0 : millionths(valueAt(input, maxSum.path))
}
