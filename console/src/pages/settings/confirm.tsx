import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { sentenceOf } from '../../api/problem.ts'
import { Button } from '../../parts/button.tsx'
import { Dialog, DialogButtons } from '../../parts/dialog.tsx'
import { ErrorNote } from '../../parts/states.tsx'

/** Asks once more before something that cannot be taken back. */
export function Confirm({
  title,
  verb,
  onClose,
  act,
  children,
}: {
  readonly title: string
  readonly verb: string
  readonly onClose: () => void
  readonly act: () => Promise<unknown>
  readonly children: ReactNode
}) {
  const acting = useMutation({ mutationFn: act, onSuccess: onClose })
  return (
    <Dialog open onClose={onClose} title={title}>
      <div className="stack">
        <div>{children}</div>
        {acting.error !== null && <ErrorNote>{sentenceOf(acting.error)}</ErrorNote>}
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="danger" busy={acting.isPending} onClick={() => acting.mutate()}>
            {verb}
          </Button>
        </DialogButtons>
      </div>
    </Dialog>
  )
}
