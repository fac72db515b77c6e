import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { send } from '../../api/call.ts'
import { sentenceOf } from '../../api/problem.ts'
import { agentsQuery } from '../../api/queries.ts'
import { Button } from '../../parts/button.tsx'
import { Dialog, DialogButtons } from '../../parts/dialog.tsx'
import { Field, Select, TextInput } from '../../parts/field.tsx'
import { visibleText } from '../../parts/payload/visible-text.ts'
import { Visible } from '../../parts/payload/visible.tsx'
import { Answer, ErrorNote, Note } from '../../parts/states.tsx'
import { say } from '../../parts/toast.tsx'
import { At } from '../../parts/values.tsx'
import type { ActionRow, ListFilter } from './action-list.ts'
import { TIMES } from './filters.tsx'
import { UndoPlan } from './undo-plan.tsx'
import type { UndoPreview, UndoSummary, WhatToUndo } from './undo-plan.tsx'

const preview = async (what: WhatToUndo): Promise<UndoPreview> =>
  send('POST', '/v1/undos', { ...what, preview: true })

/** Undoes one action: what that would do is asked first. */
export function UndoDialog({
  action,
  onClose,
}: {
  readonly action: ActionRow
  readonly onClose: () => void
}) {
  const client = useQueryClient()
  const plan = useQuery({
    queryKey: ['undo-preview', action.id, action.version],
    queryFn: async () => preview({ ids: [action.id] }),
    staleTime: 0,
    gcTime: 0,
  })
  const undoing = useMutation({
    mutationFn: async () => send<ActionRow>('POST', `/v1/actions/${encodeURIComponent(action.id)}/undo`, {}),
    onSuccess: ({ state, undo }) => {
      say(
        state === 'undone'
          ? 'Undone.'
          : undo?.status === 'requested'
            ? 'The agent is asked to undo it.'
            : `The undo is ${undo?.status}.`,
      )
      onClose()
    },
    onSettled: async () => client.invalidateQueries({ queryKey: ['actions'] }),
  })
  const can = plan.data?.undoable[0]
  return (
    <Dialog open onClose={onClose} title={`Undo ${visibleText(action.action)}`}>
      <Answer query={plan}>
        {({ refused }) =>
          can === undefined ? (
            <Note tone="warn">{refused[0]?.message ?? 'It cannot be undone.'}</Note>
          ) : (
            <p>
              {can.how === 'belay'
                ? 'Belay undoes it now, in the way that was set up for this action.'
                : `Its agent, ${action.agent}, is asked to undo it and reports whether that went well.`}{' '}
              That is possible until <At at={can.until} />.
            </p>
          )
        }
      </Answer>
      {undoing.error !== null && <ErrorNote>{sentenceOf(undoing.error)}</ErrorNote>}
      <DialogButtons>
        <Button onClick={onClose}>{can === undefined ? 'Close' : 'Cancel'}</Button>
        {can !== undefined && (
          <Button kind="danger" busy={undoing.isPending} onClick={() => undoing.mutate()}>
            {can.how === 'belay' ? 'Undo it' : 'Ask to undo it'}
          </Button>
        )}
      </DialogButtons>
    </Dialog>
  )
}

/** Undoes what an agent did since a time. First what could and what could not be undone is shown, then exactly that is done. */
export function UndoManyDialog({
  filter,
  onClose,
}: {
  readonly filter: ListFilter
  readonly onClose: () => void
}) {
  const { data: agents = [] } = useQuery(agentsQuery)
  const [agent, setAgent] = useState(filter.agent)
  const [action, setAction] = useState(filter.action)
  const [since, setSince] = useState(filter.since === '' ? '1h' : filter.since)
  const client = useQueryClient()
  const planning = useMutation({
    mutationFn: async () =>
      preview({ agent, since, ...(action.trim() === '' ? {} : { action: action.trim() }) }),
  })
  const plan = planning.data
  const undoing = useMutation({
    mutationFn: async (ids: readonly string[]) => send<UndoSummary>('POST', '/v1/undos', { ids }),
    onSettled: async () => client.invalidateQueries({ queryKey: ['actions'] }),
  })
  const done = undoing.data
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title="Undo what an agent did"
      intro="Newest first. First you see what could be undone; nothing is done before you say so."
    >
      {done === undefined ? (
        <form
          className="undo-form"
          onSubmit={(event) => {
            event.preventDefault()
            if (agent !== '' && !planning.isPending) planning.mutate()
          }}
        >
          <Field label="Agent">
            <Select
              value={agent}
              options={[['', 'choose an agent'], ...agents.map(({ name }) => name)]}
              onChange={(event) => {
                setAgent(event.target.value)
                planning.reset()
              }}
            />
          </Field>
          <Field label="Action" help="Empty: all of them.">
            <TextInput
              value={action}
              onChange={(event) => {
                setAction(event.target.value)
                planning.reset()
              }}
            />
          </Field>
          <Field label="Proposed">
            <Select
              value={since}
              options={TIMES.slice(1)}
              onChange={(event) => {
                setSince(event.target.value)
                planning.reset()
              }}
            />
          </Field>
          <Button type="submit" busy={planning.isPending} disabled={agent === ''}>
            {planning.isPending ? 'Looking …' : 'Show what that would do'}
          </Button>
        </form>
      ) : (
        <Result summary={done} />
      )}
      {planning.error !== null && <ErrorNote>{sentenceOf(planning.error)}</ErrorNote>}
      {plan !== undefined && done === undefined && <UndoPlan plan={plan} />}
      {undoing.error !== null && <ErrorNote>{sentenceOf(undoing.error)}</ErrorNote>}
      <DialogButtons>
        <Button onClick={onClose}>{done === undefined ? 'Cancel' : 'Close'}</Button>
        {plan !== undefined && done === undefined && plan.undoable.length > 0 && (
          <Button
            kind="danger"
            busy={undoing.isPending}
            onClick={() => undoing.mutate(plan.undoable.map(({ id }) => id))}
          >
            {undoing.isPending ? 'Undoing …' : `Undo ${plan.undoable.length}`}
          </Button>
        )}
      </DialogButtons>
    </Dialog>
  )
}

function Result({ summary: { undone, requested, refused } }: { readonly summary: UndoSummary }) {
  return (
    <>
      <Note tone={refused.length === 0 ? 'good' : 'warn'}>
        {undone.length} undone, {requested.length} asked of the agent, {refused.length} not undone.
      </Note>
      {refused.length > 0 && (
        <ul className="undo-refused">
          {refused.map(({ id, message }) => (
            <li key={id}>
              <code>{id}</code> <Visible text={message} />
            </li>
          ))}
        </ul>
      )}
    </>
  )
}
