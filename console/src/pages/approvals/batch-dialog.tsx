import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Dialog, DialogButtons } from '../../parts/dialog.tsx'
import { Checkbox, Field, TextArea } from '../../parts/field.tsx'
import { Fields } from '../../parts/payload/arguments.tsx'
import { compareJson, fieldsOf, pathText } from '../../parts/payload/compare-json.ts'
import { bounded, visibleText } from '../../parts/payload/visible-text.ts'
import { Visible } from '../../parts/payload/visible.tsx'
import { ErrorNote, Note } from '../../parts/states.tsx'
import { decideBatch, failureOf } from './decide.ts'
import type { BatchResult, Outcome } from './decide.ts'
import { needsReason } from './inbox-item.ts'
import type { InboxItem } from './inbox-item.ts'
import { differingFields, isBatchable, likeActions } from './like-actions.ts'

const MAX_DIFFERING = 6

/**
 * Several at once, each confirmed by its own digest: what differs between them is on the screen, what is not alike or
 * of high risk is not taken along.
 */
export function BatchDialog({
  items,
  onClose,
}: {
  readonly items: readonly InboxItem[]
  readonly onClose: () => void
}) {
  // What was on the screen when it opened is what is decided: news meanwhile is refused by its digest.
  const [fixed] = useState(items)
  const kinds = likeActions(fixed.filter((item) => !needsReason(item) && isBatchable(item)))
  const alike = kinds.toSorted((one, other) => other.items.length - one.items.length)[0]?.items ?? []
  const left = fixed.length - alike.length
  const [chosen, setChosen] = useState<ReadonlySet<string>>(() => new Set(alike.map(({ id }) => id)))
  const [reason, setReason] = useState('')
  const [missing, setMissing] = useState(false)
  const client = useQueryClient()
  const deciding = useMutation({
    mutationFn: async (outcome: Outcome) =>
      decideBatch(
        alike.filter(({ id }) => chosen.has(id)),
        outcome,
        reason.trim(),
      ),
    onSettled: async () => client.invalidateQueries({ queryKey: ['approvals'] }),
  })
  const go = (outcome: Outcome): void => {
    const lacking = outcome === 'reject' && reason.trim() === ''
    setMissing(lacking)
    if (!lacking && chosen.size > 0 && !deciding.isPending) deciding.mutate(outcome)
  }
  const differing = differingFields(alike.map(({ input }) => input))
  if (deciding.data !== undefined)
    return (
      <Dialog open wide onClose={onClose} title="What became of them">
        <Results items={alike} results={deciding.data} outcome={deciding.variables} />
        <DialogButtons>
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        </DialogButtons>
      </Dialog>
    )
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title={`Decide ${alike.length} alike: ${visibleText(alike[0]?.action ?? '')}`}
      intro={
        differing.length === 0
          ? 'They are the same in everything.'
          : 'Look at what differs. Each is recorded by itself, for exactly what stands here.'
      }
    >
      {left > 0 && (
        <Note tone="warn">
          {left} of those you selected {left === 1 ? 'is' : 'are'} not taken along: not like these, of high
          risk, or too long to compare. Decide {left === 1 ? 'it' : 'them'} one by one.
        </Note>
      )}
      {alike.length > 0 && <Common items={alike} />}
      <ul className="batch-items" aria-label="What differs">
        {alike.map((item, index) => (
          <li key={item.id}>
            <Checkbox
              checked={chosen.has(item.id)}
              onChange={() => {
                const next = new Set(chosen)
                if (!next.delete(item.id)) next.add(item.id)
                setChosen(next)
              }}
              label={
                <>
                  {index + 1}. <code className="soft">{item.details?.digest.slice(7, 19)}</code>
                </>
              }
            />
            <Differences item={item} fields={differing} />
          </li>
        ))}
      </ul>
      <Field
        label="Reason (needed to reject)"
        help="Stands in the record of each."
        error={missing ? 'Say why in a few words.' : undefined}
      >
        <TextArea
          rows={2}
          maxLength={2_000}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </Field>
      {deciding.error !== null && <ErrorNote>{failureOf(deciding.error)}</ErrorNote>}
      <DialogButtons>
        <Button onClick={onClose}>Cancel</Button>
        <Button busy={deciding.isPending} disabled={chosen.size === 0} onClick={() => go('reject')}>
          Reject {chosen.size}
        </Button>
        <Button
          kind="primary"
          busy={deciding.isPending}
          disabled={chosen.size === 0}
          onClick={() => go('approve')}
        >
          {deciding.isPending ? 'Recording …' : `Approve ${chosen.size}`}
        </Button>
      </DialogButtons>
    </Dialog>
  )
}

/** What all of them have in common, folded: it was said once. */
function Common({ items }: { readonly items: readonly InboxItem[] }) {
  const differing = new Set(differingFields(items.map(({ input }) => input)))
  const same = fieldsOf(items[0]!.input).fields.filter(({ path }) => !differing.has(pathText(path)))
  if (same.length === 0) return null
  return (
    <details>
      <summary>
        The same in all: {same.length} {same.length === 1 ? 'field' : 'fields'}
      </summary>
      <dl className="batch-fields">
        {same.map(({ path, after }) => (
          <div key={pathText(path)}>
            <dt>
              <Visible text={pathText(path)} />
            </dt>
            <dd>
              <Visible text={shortly(after)} />
            </dd>
          </div>
        ))}
      </dl>
    </details>
  )
}

function Differences({ item, fields }: { readonly item: InboxItem; readonly fields: readonly string[] }) {
  const values = new Map(fieldsOf(item.input).fields.map(({ path, after }) => [pathText(path), after]))
  const long = fields.some((name) => shortly(values.get(name)).endsWith('…'))
  return (
    <div className="batch-what">
      <dl className="batch-fields">
        {fields.slice(0, MAX_DIFFERING).map((name) => (
          <div key={name}>
            <dt>
              <Visible text={name} />
            </dt>
            <dd>
              <Visible text={values.has(name) ? shortly(values.get(name)) : '(not there)'} />
            </dd>
          </div>
        ))}
      </dl>
      {(fields.length > MAX_DIFFERING || long) && (
        <details>
          <summary>All {compareJson(item.input, item.input).fields.length} fields</summary>
          <Fields before={item.input} after={item.input} />
        </details>
      )}
    </div>
  )
}

function Results({
  items,
  results,
  outcome,
}: {
  readonly items: readonly InboxItem[]
  readonly results: readonly BatchResult[]
  readonly outcome: Outcome
}) {
  const refused = results.filter(({ recorded }) => !recorded)
  const done = results.length - refused.length
  return (
    <>
      <Note tone={refused.length === 0 ? 'good' : 'warn'}>
        {done} {outcome === 'approve' ? 'approved' : 'rejected'}
        {refused.length > 0 && `, ${refused.length} not recorded`}.
      </Note>
      {refused.length > 0 && (
        <ul className="batch-items">
          {refused.map(({ id, problem }) => (
            <li key={id}>
              <Badge tone="warn">not recorded</Badge>
              <div>
                <code className="soft">
                  {items.find((item) => item.id === id)?.details?.digest.slice(7, 19)}
                </code>{' '}
                {problem?.code === 'approval:not_pending'
                  ? 'Somebody was faster: it is decided already.'
                  : problem?.detail}
              </div>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

function shortly(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  const short = bounded(text, 160)
  return short.cut === 0 ? text : `${short.text}…`
}
