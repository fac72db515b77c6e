import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { agentsQuery } from '../../api/queries.ts'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { useNow } from '../../parts/clock.ts'
import { Field, Select, TextInput } from '../../parts/field.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Answer, EmptyState } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { useFilters } from '../../parts/use-filters.ts'
import { Ago, Count, Millis, Money, Nothing } from '../../parts/values.tsx'
import { sessionsQuery } from './queries.ts'
import type { Session } from './queries.ts'

const NO_FILTER = {
  agent: '',
  model: '',
  prompt: '',
  release: '',
  decision: '',
  reason: '',
  min_cost_usd: '',
  since: '',
}
const SINCE: Readonly<Record<string, number>> = { hour: 3_600_000, day: 86_400_000, week: 604_800_000 }

/** Runs of agents, the latest first. */
export function SessionList() {
  const [filters, setFilters] = useFilters(NO_FILTER)
  const { data: agents = [] } = useQuery(agentsQuery)
  const now = useNow(60_000)
  const { since, ...filter } = filters
  const ago = SINCE[since]
  const sessions = useInfiniteQuery(
    sessionsQuery({ ...filter, from: ago === undefined ? '' : new Date(now - ago).toISOString() }),
  )
  const isFiltered = Object.values(filters).some((value) => value !== '')
  return (
    <Page title="Sessions" intro="What each agent did in one run: model calls, actions, approvals and undos.">
      <form className="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <Field label="Agent">
          <Select
            value={filters.agent}
            onChange={(event) => setFilters({ agent: event.target.value })}
            options={[
              ['', 'all'],
              ...[...new Set([...agents.map(({ name }) => name), filters.agent])]
                .filter((name) => name !== '')
                .map((name) => [name, name] as const),
            ]}
          />
        </Field>
        <Field label="Last sign of life">
          <Select
            value={since}
            onChange={(event) => setFilters({ since: event.target.value })}
            options={[
              ['', 'ever'],
              ['hour', 'in the last hour'],
              ['day', 'in the last day'],
              ['week', 'in the last week'],
            ]}
          />
        </Field>
        <Field label="With a decision">
          <Select
            value={filters.decision}
            onChange={(event) => setFilters({ decision: event.target.value })}
            options={[
              ['', 'any'],
              ['deny', 'denied'],
              ['require_approval', 'needs approval'],
              ['transform', 'changed'],
              ['allow', 'allowed'],
            ]}
          />
        </Field>
        <Word label="Model" value={filters.model} onSet={(model) => setFilters({ model })} />
        <Word label="Prompt" value={filters.prompt} onSet={(prompt) => setFilters({ prompt })} />
        <Word label="Release" value={filters.release} onSet={(release) => setFilters({ release })} />
        {isFiltered && (
          <Button kind="quiet" onClick={() => setFilters(NO_FILTER)}>
            Clear
          </Button>
        )}
      </form>
      <Answer query={sessions} lines={8}>
        {({ pages }) => {
          const items = pages.flatMap((page) => page.items)
          if (items.length === 0)
            return isFiltered ? (
              <EmptyState title="No session is like that.">
                <Button onClick={() => setFilters(NO_FILTER)}>Show all</Button>
              </EmptyState>
            ) : (
              <EmptyState title="No agent has named a session yet.">
                Give actions a session, so that what belongs together is seen together:{' '}
                <code>{'{ "action": "…", "session": "run-42" }'}</code>. Calls through the model gateway say
                it with the header <code>belay-session</code>.
              </EmptyState>
            )
          return (
            <div className="stack">
              <Section>
                <Sessions items={items} />
              </Section>
              {sessions.hasNextPage && (
                <div className="row">
                  <Button busy={sessions.isFetchingNextPage} onClick={() => void sessions.fetchNextPage()}>
                    Show older ones
                  </Button>
                </div>
              )}
            </div>
          )
        }}
      </Answer>
    </Page>
  )
}

/** Asked when one has typed it, not with every letter. */
function Word({
  label,
  value,
  onSet,
}: {
  readonly label: string
  readonly value: string
  readonly onSet: (value: string) => void
}) {
  const [text, setText] = useState<string | null>(null)
  const put = (): void => {
    if (text !== null && text.trim() !== value) onSet(text.trim())
    setText(null)
  }
  return (
    <Field label={label}>
      <TextInput
        value={text ?? value}
        maxLength={200}
        size={14}
        onChange={(event) => setText(event.target.value)}
        onBlur={put}
        onKeyDown={(event) => event.key === 'Enter' && put()}
      />
    </Field>
  )
}

function Sessions({ items }: { readonly items: readonly Session[] }) {
  return (
    <Table
      caption="Sessions, the latest first"
      rows={items}
      rowKey={({ agent, id }) => `${agent} ${id}`}
      rowTone={({ failed, denied, held }) => (failed + denied > 0 ? 'bad' : held > 0 ? 'warn' : undefined)}
      columns={[
        {
          name: 'Session',
          head: true,
          cell: ({ id, agent }) => (
            <Link to="/sessions/$id" params={{ id }} search={{ agent }}>
              {id}
            </Link>
          ),
        },
        { name: 'Agent', cell: ({ agent }) => agent },
        { name: 'Last sign of life', cell: ({ ended_at: at }) => <Ago at={at} /> },
        {
          name: 'Lasted',
          figures: true,
          wideOnly: true,
          cell: ({ started_at: from, ended_at: to }) => <Millis ms={Date.parse(to) - Date.parse(from)} />,
        },
        { name: 'Actions', figures: true, cell: ({ actions }) => <Count value={actions} /> },
        {
          name: 'To look at',
          cell: ({ failed, denied, held }) =>
            failed + denied + held === 0 ? (
              <Nothing />
            ) : (
              <span className="row">
                {failed > 0 && <Badge tone="bad">{failed} failed</Badge>}
                {denied > 0 && <Badge tone="bad">{denied} denied</Badge>}
                {held > 0 && <Badge tone="warn">{held} held</Badge>}
              </span>
            ),
        },
        { name: 'Cost', figures: true, cell: ({ cost_usd: usd }) => <Money usd={usd} /> },
        {
          name: 'Tokens',
          figures: true,
          wideOnly: true,
          cell: ({ tokens }) => <Count value={tokens.input + tokens.output} />,
        },
        {
          name: 'Models',
          wideOnly: true,
          cell: ({ models }) => (models.length === 0 ? <Nothing /> : models.join(', ')),
        },
      ]}
    />
  )
}
