import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { actionsQuery, statsQuery } from '../../api/queries.ts'
import type { StatsRow } from '../../api/answers.ts'
import { count } from '../../parts/format.ts'
import { Section } from '../../parts/page.tsx'
import { Answer } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { Count, Money, Percent } from '../../parts/values.tsx'
import { hostOf } from './measures.ts'

const LOOKED_AT = 200
const MOST_SHOWN = 20

/** The tools, models and hosts that the agent uses. */
export function Uses({ agent, from }: { readonly agent: string; readonly from: string }) {
  const byAction = useQuery(statsQuery({ from, by: 'action', agent }))
  const byModel = useQuery(statsQuery({ from, by: 'model', agent }))
  const latest = useQuery(actionsQuery({ agent, limit: LOOKED_AT }))
  const models = (byModel.data?.rows ?? []).filter(({ key }) => key !== null)
  const hosts = [
    ...Map.groupBy(latest.data?.items ?? [], ({ input, target }) => hostOf(input) ?? target ?? '').entries(),
  ]
    .filter(([host]) => host !== '')
    .map(([host, actions]) => [host, actions.length] as const)
    .toSorted((a, b) => b[1] - a[1])
  return (
    <Section title="What it uses, in a week">
      <Answer query={byAction}>
        {({ rows }) =>
          rows.length === 0 ? (
            <p className="soft">It has done nothing in this week.</p>
          ) : (
            <div className="stack">
              <Table
                caption={`Actions of ${agent}`}
                rows={rows.slice(0, MOST_SHOWN)}
                rowKey={({ key }) => String(key)}
                columns={[
                  {
                    name: 'Action',
                    head: true,
                    cell: ({ key }) => (
                      <Link to="/actions" search={{ agent, action: String(key) }}>
                        {key}
                      </Link>
                    ),
                  },
                  { name: 'Times', figures: true, half: true, cell: (row) => <Count value={row.actions} /> },
                  { name: 'Cost', figures: true, half: true, cell: (row) => <Money usd={row.cost_usd} /> },
                  { name: 'Denied', figures: true, half: true, cell: (row) => count(row.decisions.deny) },
                  {
                    name: 'Failed',
                    figures: true,
                    half: true,
                    cell: (row) => <Percent share={failed(row)} />,
                  },
                ]}
              />
              {rows.length > MOST_SHOWN && <p className="soft">and {rows.length - MOST_SHOWN} more</p>}
              {models.length > 0 && (
                <p>
                  Models: {models.map(({ key, actions }) => `${String(key)} (${count(actions)})`).join(', ')}
                </p>
              )}
              {hosts.length > 0 && (
                <p>
                  Hosts and targets in its last {LOOKED_AT} actions:{' '}
                  {hosts
                    .slice(0, MOST_SHOWN)
                    .map(([host, times]) => `${host} (${times})`)
                    .join(', ')}
                  {hosts.length > MOST_SHOWN && ` and ${hosts.length - MOST_SHOWN} more`}
                </p>
              )}
            </div>
          )
        }
      </Answer>
    </Section>
  )
}

function failed({ outcomes: { succeeded, failed: bad, unknown } }: StatsRow): number | null {
  const finished = succeeded + bad + unknown
  return finished === 0 ? null : bad / finished
}
