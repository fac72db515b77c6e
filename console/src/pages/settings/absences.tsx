import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { send } from '../../api/call.ts'
import { sentenceOf } from '../../api/problem.ts'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Field, TextInput } from '../../parts/field.tsx'
import { Section } from '../../parts/page.tsx'
import { Answer, ErrorNote } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { say } from '../../parts/toast.tsx'
import { Ago, At } from '../../parts/values.tsx'
import { absencesQuery } from './queries.ts'
import type { Absence } from './queries.ts'

/** Who is away, and who decides in their place. */
export function AbsencesSection({ me, mayDecide }: { readonly me: string; readonly mayDecide: boolean }) {
  const client = useQueryClient()
  const absences = useQuery(absencesQuery)
  const renew = (): Promise<void> => client.invalidateQueries({ queryKey: ['absence'] })
  const ending = useMutation({
    mutationFn: ({ id }: Absence) => send('DELETE', `/v1/absences/${encodeURIComponent(id)}`),
    onSuccess: () => {
      say('The absence is ended.')
      return renew()
    },
  })
  return (
    <Section title="Absences">
      <div className="stack">
        {ending.error !== null && <ErrorNote>{sentenceOf(ending.error)}</ErrorNote>}
        <Answer query={absences}>
          {(items) =>
            items.length === 0 ? (
              <p className="soft">Nobody is away.</p>
            ) : (
              <Table
                caption="Who is away or will be"
                rows={items}
                rowKey={({ id }) => id}
                columns={[
                  { name: 'Who', head: true, cell: ({ person }) => person },
                  {
                    name: 'State',
                    cell: ({ active }) =>
                      active ? <Badge tone="warn">away</Badge> : <Badge tone="info">later</Badge>,
                  },
                  { name: 'Decides instead', cell: ({ substitute }) => substitute },
                  { name: 'Until', cell: ({ until }) => <At at={until} /> },
                  { name: 'From', wideOnly: true, cell: ({ from }) => <Ago at={from} /> },
                  {
                    name: 'End it',
                    hideName: true,
                    figures: true,
                    cell: (absence) =>
                      absence.person === me && (
                        <Button
                          size="small"
                          busy={ending.isPending}
                          aria-label="End your absence"
                          onClick={() => ending.mutate(absence)}
                        >
                          I am back
                        </Button>
                      ),
                  },
                ]}
              />
            )
          }
        </Answer>
        {mayDecide && <NewAbsence onMade={renew} />}
      </div>
    </Section>
  )
}

function NewAbsence({ onMade }: { readonly onMade: () => Promise<void> }) {
  const [substitute, setSubstitute] = useState('')
  const [until, setUntil] = useState('')
  const [tried, setTried] = useState(false)
  const declaring = useMutation({
    mutationFn: () =>
      send('POST', '/v1/absences', {
        substitute: substitute.trim(),
        until: new Date(until).toISOString(),
      }),
    onSuccess: () => {
      setSubstitute('')
      setUntil('')
      setTried(false)
      say('It is recorded that you are away.')
      return onMade()
    },
  })
  return (
    <form
      className="stack settings-form"
      onSubmit={(event) => {
        event.preventDefault()
        setTried(true)
        if (substitute.trim() !== '' && until !== '' && !declaring.isPending) declaring.mutate()
      }}
    >
      <h3>I am away</h3>
      <Field
        label="Who decides instead"
        help="Another member of your group, or somebody whom the policy permits under may_delegate_to."
        error={tried && substitute.trim() === '' ? 'Say who.' : undefined}
      >
        <TextInput
          value={substitute}
          maxLength={200}
          autoComplete="off"
          onChange={(event) => setSubstitute(event.target.value)}
        />
      </Field>
      <Field label="Until" error={tried && until === '' ? 'Say until when.' : undefined}>
        <TextInput type="datetime-local" value={until} onChange={(event) => setUntil(event.target.value)} />
      </Field>
      {declaring.error !== null && <ErrorNote>{sentenceOf(declaring.error)}</ErrorNote>}
      <div className="row">
        <Button type="submit" busy={declaring.isPending}>
          Be away from now on
        </Button>
      </div>
    </form>
  )
}
