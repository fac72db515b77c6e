import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { drawnOn } from '../../api/budget-drawn.ts'
import { budgetsQuery } from '../../api/queries.ts'
import type { AgentBudget, BudgetLine } from '../../api/answers.ts'
import { Badge } from '../../parts/badge.tsx'
import { BudgetMeter } from '../../parts/budget-meter.tsx'
import { ForecastOf } from '../../parts/forecast.tsx'
import { percent } from '../../parts/format.ts'
import { Section } from '../../parts/page.tsx'
import { Answer, EmptyState } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'

interface Row {
  readonly budget: AgentBudget
  readonly line: BudgetLine
}

/** Every limit in money: what is gone, what its window comes to, and what happens when it is reached. */
export function Limits() {
  const budgets = useQuery(budgetsQuery)
  return (
    <Section title="Limits">
      <Answer query={budgets}>
        {(items) => {
          const rows = items.flatMap((budget) =>
            budget.lines
              .filter(({ unit, window }) => unit === 'usd' && window !== 'session')
              .map((line): Row => ({ budget, line })),
          )
          if (rows.length === 0)
            return (
              <EmptyState title="No agent has a budget in money.">
                With one, what would go past it is refused before it runs:{' '}
                <code>{'budget: [{ limit_usd: 100, per: day }]'}</code>
              </EmptyState>
            )
          const sorted = rows.toSorted((a, b) => drawnOn(b.line).share - drawnOn(a.line).share)
          return (
            <Table
              caption="Limits in money, the fullest first"
              rows={sorted}
              rowKey={({ budget, line }) => `${budget.agent} ${line.window} ${line.limit_usd}`}
              rowTone={({ line }) => {
                const { share } = drawnOn(line)
                return share >= 1 ? 'bad' : share >= 0.8 ? 'warn' : undefined
              }}
              columns={[
                { name: 'Whose', head: true, cell: ({ budget }) => <Whose {...budget} /> },
                {
                  name: 'Used',
                  cell: ({ budget, line }) => (
                    <BudgetMeter line={line} whose={budget.agent ?? 'All agents together'} />
                  ),
                },
                { name: 'At the end', cell: ({ line }) => <ForecastOf line={line} /> },
                { name: 'When it is reached', cell: (row) => <Consequence {...row} /> },
              ]}
            />
          )
        }}
      </Answer>
    </Section>
  )
}

function Whose({ agent }: AgentBudget) {
  if (agent === null) return 'All agents together'
  return (
    <Link to="/agents/$name" params={{ name: agent }}>
      {agent}
    </Link>
  )
}

function Consequence({ budget: { downgrade }, line }: Row) {
  return (
    <span className="row">
      {line.then === 'pause' ? <Badge tone="warn">pauses the agent</Badge> : <Badge>refuses</Badge>}
      {downgrade !== undefined && (
        <span className="row">
          <Badge tone={downgrade.active ? 'warn' : 'neutral'}>
            {downgrade.active ? 'downgraded' : `downgrades at ${percent(downgrade.at)}`}
          </Badge>
          <span className="soft small">to {downgrade.model}</span>
        </span>
      )}
    </span>
  )
}
