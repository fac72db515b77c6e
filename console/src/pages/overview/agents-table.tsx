import { Link } from '@tanstack/react-router'
import { fullest } from '../../api/budget-drawn.ts'
import type { Agent, AgentBudget, Approval, StatsRow } from '../../api/answers.ts'
import { StateBadge } from '../../parts/badge.tsx'
import { BudgetMeter } from '../../parts/budget-meter.tsx'
import { Table } from '../../parts/table.tsx'
import { Count, Millis, Money, Nothing, Percent } from '../../parts/values.tsx'
import { AgentButtons } from '../../parts/agent-buttons.tsx'
import { costPerAction, successRate } from './figures.ts'

interface Row {
  readonly agent: Agent
  readonly stats: StatsRow | undefined
  readonly budget: AgentBudget | undefined
  readonly held: number
}

/** One row an agent: those that are held back first, then those that do the most. */
export function AgentsTable({
  agents,
  stats,
  budgets,
  approvals,
}: {
  readonly agents: readonly Agent[]
  readonly stats: readonly StatsRow[]
  readonly budgets: readonly AgentBudget[]
  readonly approvals: readonly Approval[]
}) {
  const held = Map.groupBy(approvals, ({ action }) => action.agent)
  const rows = agents
    .map((agent): Row => ({
      agent,
      stats: stats.find(({ key }) => key === agent.name),
      budget: budgets.find((each) => each.agent === agent.name),
      held: held.get(agent.name)?.length ?? 0,
    }))
    .toSorted(
      (a, b) =>
        Number(b.agent.state !== 'active') - Number(a.agent.state !== 'active') ||
        (b.stats?.actions ?? 0) - (a.stats?.actions ?? 0) ||
        a.agent.name.localeCompare(b.agent.name),
    )
  return (
    <Table
      caption="Agents with their state and figures"
      rows={rows}
      rowKey={({ agent }) => agent.name}
      rowTone={({ agent }) =>
        agent.state === 'active' ? undefined : agent.state === 'stopped' ? 'bad' : 'warn'
      }
      columns={[
        {
          name: 'Agent',
          head: true,
          cell: ({ agent: { name, state } }) => (
            <span className="agent-name">
              <Link to="/agents/$name" params={{ name }}>
                {name}
              </Link>
              <StateBadge state={state} />
            </span>
          ),
        },
        {
          name: 'Budget',
          cell: ({ agent, budget }) => {
            const line = fullest(budget?.lines ?? [])
            return line === undefined ? <Nothing /> : <BudgetMeter line={line} whose={agent.name} />
          },
        },
        {
          name: 'Actions',
          figures: true,
          half: true,
          cell: ({ stats }) => <Count value={stats?.actions ?? 0} />,
        },
        {
          name: 'Success',
          figures: true,
          half: true,
          cell: ({ stats }) => <Percent share={successRate(stats)} />,
        },
        {
          name: 'Cost/action',
          figures: true,
          half: true,
          cell: ({ stats }) => {
            const cost = costPerAction(stats)
            return cost === null ? <Nothing /> : <Money usd={cost} />
          },
        },
        {
          name: 'Latency p95',
          figures: true,
          half: true,
          cell: ({ stats }) => <Millis ms={stats?.latency_ms.p95 ?? null} />,
        },
        {
          name: 'Held',
          figures: true,
          half: true,
          cell: ({ held, agent }) =>
            held === 0 ? (
              '0'
            ) : (
              <Link to="/approvals" search={{ agent: agent.name }}>
                {held}
              </Link>
            ),
        },
        {
          name: 'Errors',
          figures: true,
          half: true,
          cell: ({ stats, agent }) =>
            (stats?.outcomes.failed ?? 0) === 0 ? (
              '0'
            ) : (
              <Link to="/actions" search={{ agent: agent.name, state: 'failed' }}>
                {stats?.outcomes.failed}
              </Link>
            ),
        },
        { name: 'Change', hideName: true, cell: ({ agent }) => <AgentButtons agent={agent} /> },
      ]}
    />
  )
}
