import { ReasonDialog } from '../../parts/reason-dialog.tsx'
import { visibleText } from '../../parts/payload/visible-text.ts'
import { decide, failureOf, useDeciding, wasStale } from './decide.ts'
import type { Outcome } from './decide.ts'
import type { ActionOfApproval, InboxItem } from './inbox-item.ts'

/** A decision with a reason: always to reject, and to approve what is of high risk. */
export function DecideDialog({
  item,
  outcome,
  onClose,
  onDone,
  onStale,
}: {
  readonly item: InboxItem
  readonly outcome: Outcome
  readonly onClose: () => void
  readonly onDone: (action: ActionOfApproval) => void
  /** The screen was old: there is nothing to decide in this dialog any more. */
  readonly onStale: (error: unknown) => void
}) {
  const deciding = useDeciding((reason: string) => decide(item, outcome, reason))
  const name = visibleText(item.action)
  return (
    <ReasonDialog
      open
      title={outcome === 'approve' ? `Approve ${name}` : `Reject ${name}`}
      intro={
        outcome === 'approve'
          ? 'It is of high risk: say why it may run all the same.'
          : 'It will not run. The reason is recorded, and the agent can be told.'
      }
      verb={outcome === 'approve' ? 'Approve' : 'Reject'}
      kind={outcome === 'approve' ? 'primary' : 'danger'}
      onClose={onClose}
      act={async (reason) => {
        try {
          onDone(await deciding.mutateAsync(reason))
        } catch (error) {
          if (!wasStale(error)) throw new Error(failureOf(error), { cause: error })
          onStale(error)
        }
      }}
    />
  )
}
