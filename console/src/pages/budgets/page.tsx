import { useQuery } from '@tanstack/react-query'
import { agentsQuery, budgetsQuery } from '../../api/queries.ts'
import { drawnOn, fullest, paceOf, reachedAt } from '../../api/budget-drawn.ts'
import type { AgentBudget, BudgetLine } from '../../api/answers.ts'
import { Badge } from '../../parts/badge.tsx'
import { amountOf, BudgetMeter } from '../../parts/budget-meter.tsx'
import { useNow } from '../../parts/clock.ts'
import { ForecastOf } from '../../parts/forecast.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Answer, EmptyState } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { Code } from '../../parts/facts.tsx'
import { Ago, Nothing } from '../../parts/values.tsx'

/** Every limit that the policy sets, as it is drawn on now. */
export function BudgetsPage() {
  const budgets = useQuery(budgetsQuery)
  const agents = useQuery(agentsQuery)
  return (
    <Page
      title="Budgets"
      intro="What is reserved counts until the action has ended. Windows are calendar windows in UTC."
    >
      <Answer query={budgets}>
        {(items) => (items.length === 0 ? <NoBudgets /> : <Budgets items={items} />)}
      </Answer>
      <Unlimited agents={agents.data?.map(({ name }) => name) ?? []} items={budgets.data} />
    </Page>
  )
}

function Budgets({ items }: { readonly items: readonly AgentBudget[] }) {
  const shareOf = ({ lines }: AgentBudget): number => {
    const line = fullest(lines)
    return line === undefined ? 0 : drawnOn(line).share
  }
  // All together first, then whoever is nearest to a limit.
  const sorted = items.toSorted(
    (a, b) => Number(b.agent === null) - Number(a.agent === null) || shareOf(b) - shareOf(a),
  )
  return sorted.map((item) => <OneBudget key={item.agent ?? ''} {...item} />)
}

function OneBudget({ agent, lines }: AgentBudget) {
  const now = useNow(10_000)
  const whose = agent ?? 'All agents together'
  return (
    <Section
      title={
        <>
          {whose} <Standing lines={lines} now={now} />
        </>
      }
    >
      <Table
        caption={`Limits of ${whose}`}
        rows={lines}
        rowKey={({ window, unit, starts_at, session }) => `${window} ${unit} ${starts_at} ${session}`}
        columns={[
          {
            name: 'Limit',
            head: true,
            cell: (line) => (
              <>
                {line.unit === 'usd' ? 'Money' : 'Actions'} per {line.window}
              </>
            ),
          },
          { name: 'Used', cell: (line) => <BudgetMeter line={line} whose={whose} /> },
          { name: 'Spent', figures: true, half: true, cell: (line) => amountOf(line, drawnOn(line).spent) },
          {
            name: 'Reserved',
            figures: true,
            half: true,
            cell: (line) => amountOf(line, drawnOn(line).reserved),
          },
          {
            name: 'Left',
            figures: true,
            half: true,
            cell: (line) => {
              const { limit, spent, reserved } = drawnOn(line)
              return amountOf(line, Math.max(0, limit - spent - reserved))
            },
          },
          {
            name: 'Resets',
            figures: true,
            half: true,
            cell: ({ ends_at }) => (ends_at === null ? <Nothing /> : <Ago at={ends_at} />),
          },
          {
            name: 'At the end',
            figures: true,
            cell: (line) =>
              line.forecast == null ? <Pace line={line} now={now} /> : <ForecastOf line={line} />,
          },
        ]}
      />
    </Section>
  )
}

/** What the window will cost if it goes on like this, and when that is too much. */
function Pace({ line, now }: { readonly line: BudgetLine; readonly now: number }) {
  const pace = paceOf(line, now)
  if (pace === null || pace === 0) return <Nothing />
  const at = reachedAt(line, now)
  return (
    <span>
      {amountOf(line, line.unit === 'usd' ? pace : Math.round(pace))} per {line.window}
      {at !== null && at > now && (
        <span className="budget-reached small">
          {' '}
          full <Ago at={at} />
        </span>
      )}
    </span>
  )
}

function Standing({ lines, now }: { readonly lines: readonly BudgetLine[]; readonly now: number }) {
  const line = fullest(lines)
  if (line === undefined) return null
  const { share } = drawnOn(line)
  if (share >= 1) return <Badge tone="bad">used up</Badge>
  if (share >= 0.8) return <Badge tone="warn">nearly used up</Badge>
  const early = lines.some((each) => {
    const at = reachedAt(each, now)
    return at !== null && drawnOn(each).share > 0.1 && paceOf(each, now) !== null
  })
  return early ? <Badge tone="warn">too fast</Badge> : null
}

function Unlimited({
  agents,
  items,
}: {
  readonly agents: readonly string[]
  readonly items: readonly AgentBudget[] | undefined
}) {
  if (items === undefined || items.length === 0) return null
  const without = agents.filter((name) => !items.some(({ agent }) => agent === name))
  if (without.length === 0) return null
  return (
    <p className="soft">
      Without limits of their own: {without.slice(0, 20).join(', ')}
      {without.length > 20 && ` and ${without.length - 20} more`}.
    </p>
  )
}

function NoBudgets() {
  return (
    <Section>
      <EmptyState title="No agent has a budget yet">
        <p>Give one in the policy; what would go past it is refused before it runs:</p>
        <Code label="A budget in the policy">{`agents:
  writer:
    budget: [{ limit_usd: 100, per: day }]
    rate: [{ limit: 200, per: hour }]`}</Code>
      </EmptyState>
    </Section>
  )
}
