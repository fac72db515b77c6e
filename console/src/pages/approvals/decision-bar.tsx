import type { Me } from '../../api/answers.ts'
import { Button } from '../../parts/button.tsx'
import { ErrorNote, Note } from '../../parts/states.tsx'
import { needsReason, whyNot } from './inbox-item.ts'
import type { InboxItem } from './inbox-item.ts'
import { useTimeLeft } from './server-clock.ts'

/** What can be done with it, and else why not. */
export function DecisionBar({
  item,
  me,
  busy,
  failure,
  shortcuts,
  onApprove,
  onReject,
  onEdit,
  onPassOn,
  onBreakGlass,
}: {
  readonly item: InboxItem
  readonly me: Me
  /** A decision on this one is under way. */
  readonly busy: 'approve' | 'reject' | null
  readonly failure: string | null
  readonly shortcuts: boolean
  readonly onApprove: () => void
  readonly onReject: () => void
  readonly onEdit: () => void
  readonly onPassOn: () => void
  readonly onBreakGlass: () => void
}) {
  const { expired } = useTimeLeft(item.expiresAt)
  const why = whyNot(item, me, expired)
  const key = (letter: string) => shortcuts && <kbd aria-hidden="true">{letter}</kbd>
  return (
    <div className="decision">
      {failure !== null && <ErrorNote>{failure}</ErrorNote>}
      {item.pending && (
        <div className="decision-buttons">
          <Button
            kind="primary"
            busy={busy !== null}
            disabled={why !== null}
            aria-keyshortcuts={shortcuts ? 'A' : undefined}
            onClick={onApprove}
          >
            {busy === 'approve' ? 'Recording …' : needsReason(item) ? 'Approve …' : 'Approve'} {key('A')}
          </Button>
          <Button
            busy={busy !== null}
            disabled={why !== null}
            aria-keyshortcuts={shortcuts ? 'R' : undefined}
            onClick={onReject}
          >
            {busy === 'reject' ? 'Recording …' : 'Reject …'} {key('R')}
          </Button>
          <Button
            kind="quiet"
            busy={busy !== null}
            disabled={why !== null || item.of.input === null}
            aria-keyshortcuts={shortcuts ? 'E' : undefined}
            onClick={onEdit}
          >
            Edit … {key('E')}
          </Button>
          <Button
            kind="quiet"
            busy={busy !== null}
            disabled={why !== null}
            aria-keyshortcuts={shortcuts ? 'D' : undefined}
            onClick={onPassOn}
          >
            Pass on … {key('D')}
          </Button>
        </div>
      )}
      {item.pending && why !== null && <Note tone="warn">{why}</Note>}
      {item.pending && !expired && item.details?.break_glass?.may === true && (
        <div>
          <Button size="small" busy={busy !== null} onClick={onBreakGlass}>
            Break the glass …
          </Button>
        </div>
      )}
    </div>
  )
}
