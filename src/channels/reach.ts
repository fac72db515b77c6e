import type { Action, InState } from '../action/action.ts'
import type { Flow } from '../flow/flow.ts'
import type { ApprovalView } from './approval-view.ts'

/** What every channel works with: a look at the one record, and the one way to vote. */
export interface Reach {
  readonly vote: Flow['vote']
  /** The action that an approval is about, as the store has it now. */
  byApproval(id: string): Promise<Action | undefined>
  view(held: InState<'held'>): Promise<ApprovalView>
  /** Everybody whom the policy names around approvals, as it spells them. */
  names(): readonly string[]
  /** What the policy lets this person do as an operator; `null`: nothing. */
  operator(person: string): Operator | null
  /** Epoch ms. */
  readonly now: () => number
  /** The folder for what belongs to this installation. */
  readonly data: string
  /** Where people reach Belay; no slash at its end. */
  readonly publicUrl: () => string
  /** Where a channel's faults go: without secrets. */
  readonly onFault: (error: unknown) => void
  /** To be told of every message that its receiver took. */
  readonly onSent?: () => void
}

/** What an operator does from a message; each answers what became of it, and is recorded. */
export interface Operator {
  /** Takes note of an alarm. */
  acknowledge(alarm: string, via: string): Promise<string>
  /** Pauses the agent that an alarm is about. */
  pause(alarm: string, via: string): Promise<string>
}

/** The action when it still waits in this very step of this approval, with the same arguments. */
export async function stillWaiting(
  reach: Pick<Reach, 'byApproval'>,
  { approvalId, step, digest }: { approvalId: string; step: number; digest: string },
): Promise<InState<'held'> | undefined> {
  const action = await reach.byApproval(approvalId)
  if (action?.state.name !== 'held') return undefined
  const { approval } = action.state
  const same = approval.id === approvalId && approval.step === step && approval.actionDigest === digest
  return same ? (action as InState<'held'>) : undefined
}

/** Where the console shows the approval. */
export function linkTo(reach: Pick<Reach, 'publicUrl'>, { state }: InState<'held'>): string {
  return `${reach.publicUrl()}/approvals/${state.approval.id}`
}

/** An error's words without any of these secrets. */
export function blotted(error: unknown, secrets: readonly string[]): string {
  let text = error instanceof Error ? error.message : String(error)
  for (const secret of secrets) if (secret.length > 3) text = text.replaceAll(secret, '(hidden)')
  return text.slice(0, 500)
}
