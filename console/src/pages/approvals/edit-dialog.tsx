import { useState } from 'react'
import { Button } from '../../parts/button.tsx'
import { Dialog, DialogButtons } from '../../parts/dialog.tsx'
import { Field, TextArea, TextInput } from '../../parts/field.tsx'
import { Fields } from '../../parts/payload/arguments.tsx'
import { equalJson } from '../../parts/payload/compare-json.ts'
import { visibleText } from '../../parts/payload/visible-text.ts'
import { ErrorNote, Note } from '../../parts/states.tsx'
import { editInput, failureOf, passOn, useDeciding } from './decide.ts'
import type { ActionOfApproval, InboxItem } from './inbox-item.ts'

/** Above this a text field of a browser is no place to edit. */
const MAX_EDITED = 200_000

/** Other arguments in the place of those that wait. What changes is shown before it is sent. */
export function EditDialog({
  item,
  onClose,
  onDone,
}: {
  readonly item: InboxItem
  readonly onClose: () => void
  readonly onDone: (action: ActionOfApproval) => void
}) {
  // Escapes stand for what could not be seen, so that an edit does not carry it along unseen.
  const [text, setText] = useState(() => withEscapes(JSON.stringify(item.input, null, 2)))
  const [reason, setReason] = useState('')
  const editing = useDeciding(({ input }: { readonly input: unknown }) =>
    editInput(item, input, reason.trim()),
  )
  const { input, fault } = read(text)
  const same = fault === null && equalJson(input, item.input)
  const tooLong = text.length > MAX_EDITED
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title={`Edit what ${visibleText(item.action)} is run with`}
      intro="The policy judges it anew as a whole. Approvals given so far no longer count."
    >
      {tooLong ? (
        <Note tone="warn">
          These arguments are too long to be edited here. Reject them with a reason instead.
        </Note>
      ) : (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault()
            if (fault !== null || same || editing.isPending) return
            editing.mutate({ input }, { onSuccess: onDone })
          }}
        >
          <Field label="Arguments, as JSON" error={fault ?? undefined}>
            <TextArea
              className="edit-json"
              value={text}
              rows={12}
              spellCheck={false}
              autoCapitalize="off"
              onChange={(event) => setText(event.target.value)}
            />
          </Field>
          {fault === null && !same && (
            <section aria-label="What you change" className="edit-changes">
              <h3>What you change</h3>
              <Fields before={item.input} after={input} />
            </section>
          )}
          <Field label="Reason (optional)" help="Stands in the record.">
            <TextInput value={reason} maxLength={2_000} onChange={(event) => setReason(event.target.value)} />
          </Field>
          {editing.error !== null && <ErrorNote>{failureOf(editing.error)}</ErrorNote>}
          <DialogButtons>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" kind="primary" busy={editing.isPending} disabled={fault !== null || same}>
              Have it judged anew
            </Button>
          </DialogButtons>
        </form>
      )}
    </Dialog>
  )
}

/** Somebody else decides in one's place. */
export function PassOnDialog({
  item,
  onClose,
  onDone,
}: {
  readonly item: InboxItem
  readonly onClose: () => void
  readonly onDone: (to: string) => void
}) {
  const [to, setTo] = useState('')
  const [reason, setReason] = useState('')
  const passing = useDeciding((given: string) => passOn(item, given, reason.trim()))
  return (
    <Dialog
      open
      onClose={onClose}
      title="Pass your vote on"
      intro="To somebody whom the policy lets stand in. You can take it back by passing it to yourself."
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          if (to.trim() === '' || passing.isPending) return
          passing.mutate(to.trim(), { onSuccess: () => onDone(to.trim()) })
        }}
      >
        <Field label="To" help="As the policy names them, such as second@example.com.">
          <TextInput value={to} required maxLength={200} onChange={(event) => setTo(event.target.value)} />
        </Field>
        <Field label="Reason (optional)" help="Stands in the record.">
          <TextInput value={reason} maxLength={2_000} onChange={(event) => setReason(event.target.value)} />
        </Field>
        {passing.error !== null && <ErrorNote>{failureOf(passing.error)}</ErrorNote>}
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={passing.isPending} disabled={to.trim() === ''}>
            Pass it on
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  )
}

function read(text: string): { readonly input: unknown; readonly fault: string | null } {
  try {
    const input: unknown = JSON.parse(text)
    return typeof input === 'object' && input !== null && !Array.isArray(input)
      ? { input, fault: null }
      : { input, fault: 'The arguments must be an object: { … }.' }
  } catch (error) {
    return { input: undefined, fault: `This is not JSON yet: ${error instanceof Error ? error.message : ''}` }
  }
}

/** The same JSON, with escapes for what cannot be seen. */
function withEscapes(json: string): string {
  return json.replace(/[\p{Cf}\p{Zl}\p{Zp}\u00a0\u2000-\u200a\u3164\u2800]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
}
