import { ReasonDialog } from '../../parts/reason-dialog.tsx'
import { visibleText } from '../../parts/payload/visible-text.ts'
import { breakGlass, decide, failureOf, useDeciding, wasStale } from './decide.ts'
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

/** Two different people together release it without those who would decide. */
export function BreakGlassDialog({
  item,
  onClose,
  onDone,
  onStale,
}: {
  readonly item: InboxItem
  readonly onClose: () => void
  readonly onDone: (action: ActionOfApproval) => void
  readonly onStale: (error: unknown) => void
}) {
  const breaking = useDeciding((reason: string) => breakGlass(item, reason))
  const asked = item.details?.break_glass?.asked_by ?? []
  return (
    <ReasonDialog
      open
      title={`Break the glass for ${visibleText(item.action)}`}
      intro={`Two different people together release it without those who would decide. It is recorded and everybody is told. ${
        asked.length === 0
          ? 'You are the first: it waits for a second one.'
          : `${asked.join(', ')} has asked for it: your word releases it.`
      }`}
      verb={asked.length === 0 ? 'Ask to release it' : 'Release it'}
      kind="danger"
      onClose={onClose}
      act={async (reason) => {
        try {
          onDone(await breaking.mutateAsync(reason))
        } catch (error) {
          if (!wasStale(error)) throw new Error(failureOf(error), { cause: error })
          onStale(error)
        }
      }}
    />
  )
}
