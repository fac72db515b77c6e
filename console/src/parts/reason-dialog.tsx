import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { ReactNode } from 'react'
import { sentenceOf } from '../api/problem.ts'
import { Button } from './button.tsx'
import { Dialog, DialogButtons } from './dialog.tsx'
import { Field, TextArea } from './field.tsx'
import { ErrorNote } from './states.tsx'

/** Asks for a reason, then acts; closes when that has succeeded and stays with the error when not. */
export function ReasonDialog({
  open,
  title,
  intro,
  verb,
  kind = 'primary',
  required = true,
  onClose,
  act,
}: {
  readonly open: boolean
  readonly title: string
  readonly intro?: ReactNode
  /** On the button, such as `Pause`. */
  readonly verb: string
  readonly kind?: 'primary' | 'danger'
  readonly required?: boolean
  readonly onClose: () => void
  readonly act: (reason: string) => Promise<unknown>
}) {
  return (
    <Dialog open={open} onClose={onClose} title={title} intro={intro}>
      <ReasonForm {...{ verb, kind, required, onClose, act }} />
    </Dialog>
  )
}

function ReasonForm({
  verb,
  kind,
  required,
  onClose,
  act,
}: {
  readonly verb: string
  readonly kind: 'primary' | 'danger'
  readonly required: boolean
  readonly onClose: () => void
  readonly act: (reason: string) => Promise<unknown>
}) {
  const [reason, setReason] = useState('')
  const [missing, setMissing] = useState(false)
  const acting = useMutation({ mutationFn: act, onSuccess: onClose })
  return (
    <form
      className="stack"
      // The browser's own bubble cannot be styled or read well; the field says it.
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        setMissing(required && reason.trim() === '')
        if ((required && reason.trim() === '') || acting.isPending) return
        acting.mutate(reason.trim())
      }}
    >
      <Field
        label={required ? 'Reason' : 'Reason (optional)'}
        help="Stands in the record."
        error={missing ? 'Say why in a few words.' : undefined}
      >
        <TextArea
          value={reason}
          rows={3}
          maxLength={2_000}
          required={required}
          onChange={(event) => {
            setReason(event.target.value)
            setMissing(false)
          }}
        />
      </Field>
      {acting.error !== null && <ErrorNote>{sentenceOf(acting.error)}</ErrorNote>}
      <DialogButtons>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind={kind} busy={acting.isPending}>
          {verb}
        </Button>
      </DialogButtons>
    </form>
  )
}
