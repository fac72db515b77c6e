import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { sentenceOf } from '../../api/problem.ts'
import { Button } from '../../parts/button.tsx'
import { Field, TextInput } from '../../parts/field.tsx'
import { Section } from '../../parts/page.tsx'
import { ErrorNote } from '../../parts/states.tsx'
import { say } from '../../parts/toast.tsx'
import { getText, saveFile } from './queries.ts'

/** That the records of one action are in the ledger, as a file that is checked without Belay. */
export function ProofSection() {
  const [action, setAction] = useState('')
  const id = action.trim()
  const proving = useMutation({
    mutationFn: () => getText(`/v1/ledger/proof/${encodeURIComponent(id)}`),
    onSuccess: (proof) => {
      saveFile(`${id}.tlog-proof`, proof)
      say('The proof is in your downloads.')
    },
  })
  return (
    <Section title="Prove one action">
      <form
        className="stack ledger-form"
        onSubmit={(event) => {
          event.preventDefault()
          if (id !== '' && !proving.isPending) proving.mutate()
        }}
      >
        <p>For an auditor: a file that proves that the records of an action are in the ledger, unchanged.</p>
        <Field label="Action" help="Its id stands at its page. belay ledger verify FILE checks the proof.">
          <TextInput
            value={action}
            maxLength={200}
            autoComplete="off"
            placeholder="act_…"
            onChange={(event) => setAction(event.target.value)}
          />
        </Field>
        {proving.error !== null && <ErrorNote>{sentenceOf(proving.error)}</ErrorNote>}
        <div className="row">
          <Button type="submit" busy={proving.isPending} disabled={id === ''}>
            Download the proof
          </Button>
        </div>
      </form>
    </Section>
  )
}
