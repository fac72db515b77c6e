import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { send } from '../../api/call.ts'
import { sentenceOf } from '../../api/problem.ts'
import { Button } from '../../parts/button.tsx'
import { Dialog, DialogButtons } from '../../parts/dialog.tsx'
import { Field, Select, TextInput } from '../../parts/field.tsx'
import { Section } from '../../parts/page.tsx'
import { ErrorNote, Note } from '../../parts/states.tsx'
import { say } from '../../parts/toast.tsx'
import type { EraseWhat, Erasable } from './queries.ts'

const SHOWN = 20

/** The data of a person, or of one action, goes; what happened stays provable. First what would go, then a question. */
export function EraseSection() {
  const client = useQueryClient()
  const [by, setBy] = useState<'subject' | 'action'>('subject')
  const [text, setText] = useState('')
  const [sure, setSure] = useState(false)
  const value = text.trim()
  const looking = useMutation({
    mutationFn: async (what: EraseWhat) => ({
      what,
      found: await send<Erasable>('POST', '/v1/ledger/erase/preview', what),
    }),
  })
  const erasing = useMutation({
    mutationFn: (what: EraseWhat) => send<{ actions: readonly string[] }>('POST', '/v1/ledger/erase', what),
    onSuccess: () => {
      setSure(false)
      setText('')
      looking.reset()
      say('It is erased.')
      return client.invalidateQueries({ queryKey: ['actions'] })
    },
  })
  const found = looking.data?.found
  return (
    <Section title="Erase">
      <form
        className="stack ledger-form"
        onSubmit={(event) => {
          event.preventDefault()
          if (value !== '' && !looking.isPending)
            looking.mutate(by === 'subject' ? { subject: value } : { action: value })
        }}
      >
        <p>
          Inputs, results and reasons that hold the data of a person go for good. The records stay, with
          digests alone, and the ledger still verifies. The erasure is itself a record; it names what went and
          who asked for it, never the person.
        </p>
        <div className="row ledger-what">
          <Field label="What">
            <Select
              value={by}
              onChange={(event) => {
                setBy(event.target.value as typeof by)
                looking.reset()
              }}
              options={[
                ['subject', 'everything of a person'],
                ['action', 'one action'],
              ]}
            />
          </Field>
          <Field label={by === 'subject' ? 'Person, as the policy’s subject names them' : 'Id of the action'}>
            <TextInput
              value={text}
              maxLength={200}
              autoComplete="off"
              onChange={(event) => {
                setText(event.target.value)
                looking.reset()
              }}
            />
          </Field>
          <Button type="submit" busy={looking.isPending} disabled={value === ''}>
            Show what would go
          </Button>
        </div>
        {looking.error !== null && <ErrorNote>{sentenceOf(looking.error)}</ErrorNote>}
      </form>
      {found !== undefined && looking.data !== undefined && (
        <div className="stack ledger-found" role="status">
          {found.payloads === 0 ? (
            <Note>Nothing is stored of this.</Note>
          ) : (
            <>
              <Note tone="warn">
                <div>
                  <strong>
                    {found.payloads} {found.payloads === 1 ? 'payload' : 'payloads'} of {found.actions.length}{' '}
                    {found.actions.length === 1 ? 'action' : 'actions'} would go
                  </strong>
                  <p>
                    {Object.entries(found.kinds)
                      .map(([kind, count]) => `${count} × ${kind}`)
                      .join(', ')}
                    . This cannot be taken back, and what lost its input can no longer be undone by Belay.
                  </p>
                </div>
              </Note>
              <ul className="ledger-actions">
                {found.actions.slice(0, SHOWN).map((id) => (
                  <li key={id}>
                    <Link to="/actions/$id" params={{ id }}>
                      {id}
                    </Link>
                  </li>
                ))}
                {found.actions.length > SHOWN && (
                  <li className="soft">and {found.actions.length - SHOWN} more</li>
                )}
              </ul>
              <div className="row">
                <Button kind="danger" onClick={() => setSure(true)}>
                  Erase …
                </Button>
              </div>
            </>
          )}
          <Dialog open={sure} onClose={() => setSure(false)} title="Erase for good?">
            <div className="stack">
              <p>
                {found.payloads} {found.payloads === 1 ? 'payload goes' : 'payloads go'}. Nobody, not even
                Belay, can bring them back. Backups are yours to expire.
              </p>
              {erasing.error !== null && <ErrorNote>{sentenceOf(erasing.error)}</ErrorNote>}
              <DialogButtons>
                <Button onClick={() => setSure(false)}>Cancel</Button>
                <Button
                  kind="danger"
                  busy={erasing.isPending}
                  onClick={() => looking.data !== undefined && erasing.mutate(looking.data.what)}
                >
                  Erase
                </Button>
              </DialogButtons>
            </div>
          </Dialog>
        </div>
      )}
    </Section>
  )
}
