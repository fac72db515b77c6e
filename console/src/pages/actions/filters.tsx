import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useEffectEvent, useState } from 'react'
import { agentsQuery } from '../../api/queries.ts'
import { Button } from '../../parts/button.tsx'
import { Field, Select, TextInput } from '../../parts/field.tsx'
import type { ListFilter } from './action-list.ts'

export const NO_FILTER: ListFilter = {
  agent: '',
  action: '',
  state: '',
  decision: '',
  since: '',
  session: '',
}

const STATES = [
  'held',
  'ready',
  'executing',
  'succeeded',
  'failed',
  'unknown',
  'denied',
  'undone',
  'expired',
  'cancelled',
] as const

const DECISIONS = [
  ['', 'any'],
  ['allow', 'allowed'],
  ['transform', 'changed'],
  ['require_approval', 'needs approval'],
  ['deny', 'denied'],
] as const

export const TIMES = [
  ['', 'any time'],
  ['15m', 'last 15 minutes'],
  ['1h', 'last hour'],
  ['24h', 'last 24 hours'],
  ['7d', 'last 7 days'],
  ['30d', 'last 30 days'],
] as const

/** How long one must not have typed before it is asked, ms. */
const PAUSE = 300

/** What the list shows; all of it stands in the address. */
export function Filters({
  filter,
  onChange,
}: {
  readonly filter: ListFilter
  readonly onChange: (change: Partial<ListFilter>) => void
}) {
  const { data: agents = [] } = useQuery(agentsQuery)
  const navigate = useNavigate()
  const [id, setId] = useState('')
  const [more, setMore] = useState(false)
  const names = agents.map(({ name }) => name)
  const known = filter.agent === '' || names.includes(filter.agent) ? names : [filter.agent, ...names]
  const isSet = Object.values(filter).some((value) => value !== '')
  return (
    <search className="filters" data-more={more || undefined}>
      <Field label="Agent">
        <Select
          value={filter.agent}
          options={[['', 'all agents'], ...known]}
          onChange={(event) => onChange({ agent: event.target.value })}
        />
      </Field>
      <Field label="Action">
        <TypedInput
          value={filter.action}
          placeholder="note.publish"
          onChange={(action) => onChange({ action })}
        />
      </Field>
      <Field label="State">
        <Select
          value={filter.state}
          options={[['', 'any'], ...STATES]}
          onChange={(event) => onChange({ state: event.target.value })}
        />
      </Field>
      <Field label="Decision">
        <Select
          value={filter.decision}
          options={DECISIONS}
          onChange={(event) => onChange({ decision: event.target.value })}
        />
      </Field>
      <Field label="Proposed">
        <Select
          value={filter.since}
          options={
            TIMES.some(([value]) => value === filter.since) ? TIMES : [...TIMES, [filter.since, filter.since]]
          }
          onChange={(event) => onChange({ since: event.target.value })}
        />
      </Field>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (id.trim() !== '') void navigate({ to: '/actions/$id', params: { id: id.trim() }, search: true })
        }}
      >
        <Field label="Id">
          <TextInput
            value={id}
            placeholder="act_…"
            spellCheck={false}
            autoCapitalize="off"
            onChange={(event) => setId(event.target.value)}
          />
        </Field>
      </form>
      <Button kind="quiet" className="filters-button" aria-expanded={more} onClick={() => setMore(!more)}>
        {more ? 'Fewer filters' : 'More filters'}
      </Button>
      {filter.session !== '' && (
        <p className="filters-session">
          session <code>{filter.session}</code>
        </p>
      )}
      {isSet && (
        <Button kind="quiet" onClick={() => onChange(NO_FILTER)}>
          Clear filters
        </Button>
      )}
    </search>
  )
}

/** Told when one has stopped typing. */
function TypedInput({
  value,
  placeholder,
  onChange,
}: {
  readonly value: string
  readonly placeholder: string
  readonly onChange: (value: string) => void
}) {
  const [typed, setTyped] = useState(value)
  const [before, setBefore] = useState(value)
  // The address changed by other means, such as going back.
  if (before !== value) {
    setBefore(value)
    setTyped(value)
  }
  const tell = useEffectEvent(onChange)
  useEffect(() => {
    if (typed === value) return
    const timer = setTimeout(() => tell(typed.trim()), PAUSE)
    return () => clearTimeout(timer)
  }, [typed, value])
  return (
    <TextInput
      value={typed}
      placeholder={placeholder}
      spellCheck={false}
      autoCapitalize="off"
      onChange={(event) => setTyped(event.target.value)}
    />
  )
}
