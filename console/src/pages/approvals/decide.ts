import { useMutation, useQueryClient } from '@tanstack/react-query'
import { send } from '../../api/call.ts'
import { Problem } from '../../api/problem.ts'
import type { ActionOfApproval, InboxItem } from './inbox-item.ts'

export type Outcome = 'approve' | 'reject'

/** What the server says became of one decision of a batch. */
export interface BatchResult {
  readonly id: string
  readonly recorded: boolean
  readonly action?: ActionOfApproval
  readonly problem?: { readonly code: string; readonly detail: string }
}

const at = (id: string): string => `/v1/approvals/${encodeURIComponent(id)}`

/** Each decision goes with the digest of what was on the screen: another one by now, and nothing is recorded. */
export async function decide(
  { id, details }: InboxItem,
  outcome: Outcome,
  reason?: string,
): Promise<ActionOfApproval> {
  return send('POST', at(id), {
    outcome,
    ...(details === null ? {} : { digest: details.digest }),
    ...(reason === undefined || reason === '' ? {} : { reason }),
  })
}

export async function editInput(
  { id, details }: InboxItem,
  input: unknown,
  reason: string,
): Promise<ActionOfApproval> {
  return send('POST', `${at(id)}/edit`, {
    input,
    ...(details === null ? {} : { digest: details.digest }),
    ...(reason === '' ? {} : { reason }),
  })
}

export async function passOn({ id }: InboxItem, to: string, reason: string): Promise<ActionOfApproval> {
  return send('POST', `${at(id)}/delegate`, { to, ...(reason === '' ? {} : { reason }) })
}

/** One of the two people who together release it out of turn. */
export async function breakGlass({ id, details }: InboxItem, reason: string): Promise<ActionOfApproval> {
  return send('POST', `${at(id)}/break-glass`, {
    reason,
    ...(details === null ? {} : { digest: details.digest }),
  })
}

/** As many as the server takes at once. */
const AT_ONCE = 50

export async function decideBatch(
  items: readonly InboxItem[],
  outcome: Outcome,
  reason: string,
): Promise<readonly BatchResult[]> {
  const results: BatchResult[] = []
  for (let from = 0; from < items.length; from += AT_ONCE) {
    const answer = await send<{ items: readonly BatchResult[] }>('POST', '/v1/approvals/batch', {
      items: items
        .slice(from, from + AT_ONCE)
        .flatMap(({ id, details }) => (details === null ? [] : [{ id, digest: details.digest }])),
      outcome,
      ...(reason === '' ? {} : { reason }),
    })
    results.push(...answer.items)
  }
  return results
}

/** A decision under way. Nothing on the screen changes before the server has said that it is recorded. */
export function useDeciding<A>(act: (given: A) => Promise<ActionOfApproval>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: act,
    // Also after a refusal: somebody else may have been first, and then the screen is old.
    // Not awaited: what the server has said is said at once.
    onSettled: () => void client.invalidateQueries({ queryKey: ['approvals'] }),
  })
}

/** What a decision that the server took has come to, in a sentence. */
export function resultOf(outcome: Outcome, action: ActionOfApproval): string {
  if (outcome === 'reject') return `Rejected: ${action.action} will not run.`
  if (action.state !== 'held') return `Approved: ${action.action} may run.`
  const step = action.approval?.steps[action.approval.step]
  if (step === undefined) return 'Your approval is recorded.'
  return step.approved > 0
    ? `Your approval is recorded: ${step.approved} of ${step.quorum} of ${step.group}.`
    : `Your approval is recorded. Next decides ${step.group}.`
}

/** A refusal that only means that the screen was old. */
export function wasStale(error: unknown): boolean {
  return (
    error instanceof Problem &&
    ['approval:not_pending', 'approval:stale', 'approval:not_found', 'approval:voted'].includes(error.code)
  )
}

/** What to say when a decision failed; the truth is asked at the same time. */
export function failureOf(error: unknown): string {
  if (!(error instanceof Problem)) return error instanceof Error ? error.message : String(error)
  if (error.status === 0 || error.status >= 500)
    return `${error.message} Whether your decision was recorded is not known: look again before you repeat it. Deciding twice counts once.`
  if (error.code === 'approval:not_pending')
    return 'Somebody was faster: your decision was not needed and nothing was recorded.'
  if (error.code === 'approval:stale')
    return 'It was changed while you looked at it. Nothing was recorded; this is how it is now.'
  return error.message
}
