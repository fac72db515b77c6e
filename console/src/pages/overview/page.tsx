import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { agentsQuery, budgetsQuery, pendingApprovalsQuery, statsQuery } from '../../api/queries.ts'
import type { Approval, PageOf, StatsRow } from '../../api/answers.ts'
import { useNow } from '../../parts/clock.ts'
import { Field, Select } from '../../parts/field.tsx'
import { percent, duration, money, count } from '../../parts/format.ts'
import { Tiles } from '../../parts/facts.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Answer, Loading } from '../../parts/states.tsx'
import { useFilters } from '../../parts/use-filters.ts'
import { AgentsTable } from './agents-table.tsx'
import { AttentionList } from './attention-list.tsx'
import { DecisionsChart } from './decisions-chart.tsx'
import { successRate } from './figures.ts'
import './overview.css'

const FirstSteps = lazy(async () => ({ default: (await import('./first-steps.tsx')).FirstSteps }))

const HOUR = 3_600_000
const SPANS: Readonly<Record<string, number>> = { '1h': HOUR, '24h': 24 * HOUR, '7d': 168 * HOUR }

/** All agents at one glance, what is not as it should be first. */
export function OverviewPage() {
  const [{ span }, setFilters] = useFilters({ span: '24h' })
  // Whole hours, so that the question stays the same while the answer is renewed.
  const to = useNow(HOUR) + HOUR
  const from = to - (SPANS[span] ?? 24 * HOUR)
  const at = new Date(from).toISOString()
  const agents = useQuery(agentsQuery)
  const approvals = useQuery(pendingApprovalsQuery)
  const budgets = useQuery(budgetsQuery)
  const overall = useQuery(statsQuery({ from: at }))
  const byAgent = useQuery(statsQuery({ from: at, by: 'agent' }))
  const byHour = useQuery(statsQuery({ from: at, by: 'hour' }))
  const seen = {
    agents: agents.data ?? [],
    approvals: approvals.data?.items ?? [],
    budgets: budgets.data ?? [],
    stats: byAgent.data?.rows ?? [],
  }
  return (
    <Page
      title="Overview"
      actions={
        <Field label="Time" hideLabel>
          <Select
            value={span}
            onChange={(event) => setFilters({ span: event.target.value })}
            options={[
              ['1h', 'This hour'],
              ['24h', 'Last 24 hours'],
              ['7d', 'Last 7 days'],
            ]}
          />
        </Field>
      }
    >
      <Answer query={agents}>
        {(known) =>
          known.length === 0 ? (
            <Section>
              <Suspense fallback={<Loading />}>
                <FirstSteps />
              </Suspense>
            </Section>
          ) : (
            <>
              <section aria-label="What needs attention">
                <Answer query={approvals} lines={1}>
                  {() => (
                    <Answer query={budgets} lines={1}>
                      {() => <AttentionList seen={seen} />}
                    </Answer>
                  )}
                </Answer>
              </section>
              <Answer query={overall} lines={2}>
                {({ rows }) => <Sums row={rows[0]} held={approvals.data} />}
              </Answer>
              <Section title="Agents">
                <AgentsTable {...seen} />
              </Section>
              <Section title="Decisions">
                <Answer query={byHour} lines={6}>
                  {({ rows }) => <DecisionsChart rows={rows} from={from} to={to} />}
                </Answer>
              </Section>
            </>
          )
        }
      </Answer>
    </Page>
  )
}

function Sums({
  row,
  held,
}: {
  readonly row: StatsRow | undefined
  readonly held: PageOf<Approval> | undefined
}) {
  const success = successRate(row)
  const p95 = row?.latency_ms.p95 ?? null
  const tiles = [
    ['Actions', count(row?.actions ?? 0)],
    ['Succeeded', success === null ? '–' : percent(success)],
    ['Denied', count(row?.decisions.deny ?? 0)],
    ['Waiting now', held === undefined ? '–' : `${count(held.items.length)}${held.next === null ? '' : '+'}`],
    ['Cost', money(row?.cost_usd ?? 0)],
    ['Latency p95', p95 === null ? '–' : duration(p95)],
  ] as const
  return <Tiles tiles={tiles} />
}
