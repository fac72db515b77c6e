import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { AcceptButton } from '../../parts/accept-button.tsx'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { count } from '../../parts/format.ts'
import { Section } from '../../parts/page.tsx'
import { Answer, EmptyState } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { Ago, At, Nothing } from '../../parts/values.tsx'
import { daysOf, measured, MEASURES } from './measures.ts'
import { baselineQuery, findingsQuery } from './queries.ts'
import type { Baseline, NormalLine } from './queries.ts'
import './agents.css'

/** What is normal for the agent, in numbers, as far as it was learned, and what it does now. */
export function Normal({ agent }: { readonly agent: string }) {
  const baseline = useQuery(baselineQuery(agent))
  return (
    <Section
      title="What is normal"
      actions={baseline.data?.watched === true ? <AcceptButton agent={agent} /> : undefined}
    >
      <Answer query={baseline}>
        {(known) => {
          if (!known.watched)
            return (
              <EmptyState title="It is not watched.">
                With <code>{'anomaly: { then: alert }'}</code> in its entry of the policy Belay learns how it
                behaves, and tells when it does not.
              </EmptyState>
            )
          if (known.since === null) return <EmptyState title="It has not done anything yet." />
          return <Learned agent={agent} known={known} since={known.since} />
        }}
      </Answer>
    </Section>
  )
}

function Learned({
  agent,
  known,
  since,
}: {
  readonly agent: string
  readonly known: Baseline
  readonly since: string
}) {
  const [all, setAll] = useState(false)
  const unusual = known.lines.filter((line) => line.unusual).length
  const shown = known.lines.filter((line) => all || line.action === null || line.unusual)
  return (
    <div className="stack">
      <p>
        Watched since <At at={since} />.{' '}
        {unusual === 0
          ? 'Nothing is unusual now.'
          : `${unusual} ${unusual === 1 ? 'measure is' : 'measures are'} unusual now.`}
      </p>
      <Table
        caption={`What is normal for ${agent}`}
        rows={shown}
        rowKey={({ action, measure }) => `${action} ${measure}`}
        rowTone={(line) => (line.unusual ? 'bad' : undefined)}
        columns={[
          {
            name: 'What',
            head: true,
            cell: (line) => (
              <>
                {line.action === null ? 'all actions' : line.action}: {MEASURES[line.measure] ?? line.measure}{' '}
                {line.unusual && <Badge tone="bad">unusual</Badge>}
              </>
            ),
          },
          { name: 'Normal', figures: true, half: true, cell: (line) => measured(line, line.normal) },
          { name: 'Nearly always below', figures: true, half: true, cell: (line) => mostOf(line) },
          {
            name: 'Now',
            figures: true,
            half: true,
            cell: (line) => (line.now === null ? <Nothing /> : measured(line, line.now)),
          },
          { name: 'Seen', figures: true, half: true, cell: (line) => count(Math.round(line.seen)) },
        ]}
      />
      {known.lines.some(({ action }) => action !== null) && (
        <div>
          <Button size="small" aria-expanded={all} onClick={() => setAll(!all)}>
            {all ? 'All actions together' : 'Each action by itself'}
          </Button>
        </div>
      )}
      <Week week={known.week} />
    </div>
  )
}

function mostOf(line: NormalLine) {
  return line.measure === 'fields' ? <Nothing /> : measured(line, line.most)
}

/** Each hour of the week, darker where more is expected; the table says it in numbers. */
function Week({ week }: { readonly week: readonly number[] }) {
  const days = daysOf(week)
  const most = Math.max(...week, 0)
  if (days.length === 0 || most === 0) return null
  const busiest = week.indexOf(most)
  const name = days[Math.floor(busiest / 24)]!.day
  return (
    <figure className="week">
      <figcaption>
        <h3>Hours of the week (UTC)</h3>
      </figcaption>
      <div
        role="img"
        aria-label={`The busiest hour is ${name} at ${busiest % 24}:00 with ${measuredHour(most)} actions.`}
        className="week-days"
      >
        {days.map(({ day, hours }) => (
          <div key={day} className="week-day">
            <span className="small soft">{day.slice(0, 3)}</span>
            {hours.map((value, hour) => (
              <span
                key={hour}
                className="week-hour"
                title={`${day} ${hour}:00: ${measuredHour(value)}`}
                style={{ opacity: 0.08 + 0.92 * (value / most) }}
              />
            ))}
          </div>
        ))}
      </div>
      <details className="small">
        <summary>As a table</summary>
        <Table
          caption="Actions expected by the day of the week"
          rows={days}
          rowKey={({ day }) => day}
          columns={[
            { name: 'Day', head: true, cell: ({ day }) => day },
            { name: 'Actions', figures: true, cell: ({ sum }) => count(Math.round(sum)) },
            { name: 'Busiest hour', figures: true, cell: ({ busiest: hour }) => `${hour}:00` },
            { name: 'In it', figures: true, cell: ({ hours, busiest: hour }) => measuredHour(hours[hour]!) },
          ]}
        />
      </details>
    </figure>
  )
}

function measuredHour(value: number): string {
  return measured({ unit: 'per_hour' } as NormalLine, value)
}

/** What was found unlike it, the latest first. */
export function FoundUnlike({ agent }: { readonly agent: string }) {
  const found = useQuery(findingsQuery(agent))
  return (
    <Section title="Found unlike it">
      <Answer query={found}>
        {(alarms) =>
          alarms.length === 0 ? (
            <p className="soft">Nothing was found yet.</p>
          ) : (
            <Table
              caption={`What was found unlike ${agent}`}
              rows={alarms}
              rowKey={({ id }) => id}
              rowTone={({ resolved_at: over, urgent }) =>
                over === null ? (urgent ? 'bad' : 'warn') : undefined
              }
              columns={[
                {
                  name: 'What',
                  head: true,
                  cell: ({ id, facts, title }) => (
                    <Link to="/alarms/$id" params={{ id }}>
                      {facts[0] ?? title}
                    </Link>
                  ),
                },
                { name: 'How often', figures: true, half: true, cell: (alarm) => count(alarm.count) },
                { name: 'Last', figures: true, half: true, cell: ({ last_at: at }) => <Ago at={at} /> },
                {
                  name: 'State',
                  cell: ({ resolved_at: over, acknowledged_at: seen }) =>
                    over !== null ? (
                      <Badge>over</Badge>
                    ) : seen === null ? (
                      <Badge tone="warn">open</Badge>
                    ) : (
                      <Badge tone="info">acknowledged</Badge>
                    ),
                },
              ]}
            />
          )
        }
      </Answer>
    </Section>
  )
}
