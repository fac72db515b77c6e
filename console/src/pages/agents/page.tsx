import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { agentsQuery, budgetsQuery, pendingApprovalsQuery, statsQuery } from '../../api/queries.ts'
import type { Agent, StatsRow } from '../../api/answers.ts'
import { AgentButtons } from '../../parts/agent-buttons.tsx'
import { StateBadge } from '../../parts/badge.tsx'
import { BudgetMeter } from '../../parts/budget-meter.tsx'
import { ButtonLink } from '../../parts/button.tsx'
import { useNow } from '../../parts/clock.ts'
import { Tiles } from '../../parts/facts.tsx'
import { ForecastOf } from '../../parts/forecast.tsx'
import { count, duration, money, percent } from '../../parts/format.ts'
import { Page, Section } from '../../parts/page.tsx'
import { Answer, EmptyState, Note } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { Ago } from '../../parts/values.tsx'
import { FoundUnlike, Normal } from './normal.tsx'
import { Process } from './process.tsx'
import { Quality } from './quality.tsx'
import { Uses } from './uses.tsx'

const HOUR = 3_600_000

/** One agent: whether it runs, what it may still spend, how it behaves and what was unlike it. */
export function AgentPage() {
  const { name = '' } = useParams({ strict: false }) as { readonly name?: string }
  const agents = useQuery(agentsQuery)
  const agent = agents.data?.find((each) => each.name === name)
  return (
    <Page
      title={name}
      actions={
        <>
          {agent !== undefined && <AgentButtons agent={agent} />}
          <ButtonLink to="/actions" search={{ agent: name }}>
            Its actions
          </ButtonLink>
        </>
      }
    >
      <Answer query={agents}>
        {() =>
          agent === undefined ? (
            <EmptyState title="Belay has not met this agent." />
          ) : (
            <Known key={name} agent={agent} />
          )
        }
      </Answer>
    </Page>
  )
}

function Known({ agent }: { readonly agent: Agent }) {
  const { name, state, reason, changed_by: by, changed_at: at } = agent
  const to = useNow(HOUR) + HOUR
  const day = useQuery(statsQuery({ from: new Date(to - 24 * HOUR).toISOString(), by: 'agent', agent: name }))
  return (
    <>
      {state === 'active' ? (
        <p className="row">
          <StateBadge state={state} />
        </p>
      ) : (
        <Note tone={state === 'stopped' ? 'bad' : 'warn'}>
          <span>
            <StateBadge state={state} /> by {by ?? 'nobody named'}
            {at !== null && (
              <>
                , <Ago at={at} />
              </>
            )}
            : {reason ?? 'no reason was given'}
          </span>
        </Note>
      )}
      <Sums agent={name} row={day.data?.rows[0]} />
      {agent.process !== undefined && <Process agent={name} process={agent.process} />}
      <Limits agent={name} />
      <Normal agent={name} />
      <FoundUnlike agent={name} />
      <Quality agent={name} />
      <Uses agent={name} from={new Date(to - 168 * HOUR).toISOString()} />
    </>
  )
}

function Sums({ agent, row }: { readonly agent: string; readonly row: StatsRow | undefined }) {
  const { data: approvals } = useQuery(pendingApprovalsQuery)
  const held = approvals?.items.filter(({ action }) => action.agent === agent).length ?? 0
  const { succeeded = 0, failed = 0, unknown = 0 } = row?.outcomes ?? {}
  const finished = succeeded + failed + unknown
  return (
    <Tiles
      tiles={[
        ['Actions in a day', count(row?.actions ?? 0)],
        ['Succeeded', finished === 0 ? '–' : percent(succeeded / finished)],
        ['Denied', count(row?.decisions.deny ?? 0)],
        ['Waiting now', count(held)],
        ['Cost', money(row?.cost_usd ?? 0)],
        ['Latency p95', row?.latency_ms.p95 == null ? '–' : duration(row.latency_ms.p95)],
      ]}
    />
  )
}

function Limits({ agent }: { readonly agent: string }) {
  const { data } = useQuery(budgetsQuery)
  const budget = data?.find((each) => each.agent === agent)
  if (budget === undefined) return null
  return (
    <Section title="Limits">
      <div className="stack">
        <Table
          caption={`Limits of ${agent}`}
          rows={budget.lines}
          rowKey={({ window, unit }) => `${window} ${unit}`}
          columns={[
            {
              name: 'Limit',
              head: true,
              cell: ({ unit, window }) => `${unit === 'usd' ? 'Money' : 'Actions'} per ${window}`,
            },
            { name: 'Used', cell: (line) => <BudgetMeter line={line} whose={agent} /> },
            { name: 'At the end', cell: (line) => <ForecastOf line={line} /> },
            {
              name: 'When it is reached',
              cell: ({ then }) => (then === 'pause' ? 'pauses the agent' : 'refuses'),
            },
          ]}
        />
        {budget.downgrade !== undefined && (
          <p className="soft">
            {budget.downgrade.active
              ? 'Its model calls go to'
              : `From ${percent(budget.downgrade.at)} of a limit on its model calls go to`}{' '}
            {budget.downgrade.model}
            {budget.downgrade.active && ' now'}.
          </p>
        )}
      </div>
    </Section>
  )
}
