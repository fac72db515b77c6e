import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Badge } from '../../parts/badge.tsx'
import { Section } from '../../parts/page.tsx'
import { Answer, EmptyState } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { Ago, Nothing } from '../../parts/values.tsx'
import { promptsQuery, sumsQuery } from './queries.ts'
import type { Sums } from './queries.ts'
import { together } from './sums.ts'
import { sumsColumns } from './sums-columns.tsx'

/** The prompts of the registry, and those that were used without being in it. */
export function PromptsView({ from }: { readonly from: string }) {
  const prompts = useQuery(promptsQuery)
  const sums = useQuery(sumsQuery('prompt', from))
  const rows = sums.data ?? []
  return (
    <Answer query={prompts}>
      {(items) => {
        const known = new Set(items.map(({ name }) => name))
        const others = rows.filter(({ key }) => key !== null && !known.has(nameIn(key)))
        return (
          <div className="stack">
            {items.length === 0 ? (
              <Section>
                <EmptyState title="No prompt is registered yet.">
                  Put prompts under version control and run <code>belay prompts push</code>: each text becomes
                  a version that never changes, and labels such as <code>production</code> say which one is
                  used.
                </EmptyState>
              </Section>
            ) : (
              <Section title="Registered">
                <Table
                  caption="Registered prompts"
                  rows={items}
                  rowKey={({ name }) => name}
                  columns={[
                    {
                      name: 'Prompt',
                      head: true,
                      cell: ({ name }) => (
                        <Link to="/prompts/$name" params={{ name }}>
                          {name}
                        </Link>
                      ),
                    },
                    { name: 'Newest', figures: true, cell: ({ version }) => version },
                    {
                      name: 'Labels',
                      cell: ({ labels }) =>
                        labels.length === 0 ? (
                          <Nothing />
                        ) : (
                          <span className="row">
                            {labels.map(({ label, version }) => (
                              <Badge key={label} tone={label === 'production' ? 'good' : 'neutral'}>
                                {label} = {version}
                              </Badge>
                            ))}
                          </span>
                        ),
                    },
                    { name: 'Changed', wideOnly: true, cell: ({ updated_at: at }) => <Ago at={at} /> },
                    ...sumsColumns<(typeof items)[number]>(({ name }) =>
                      together(rows.filter(({ key }) => key !== null && nameIn(key) === name)),
                    ),
                  ]}
                />
              </Section>
            )}
            {others.length > 0 && (
              <Section title="Not registered">
                <p className="soft small">
                  Told apart by the digest of their text. Register them to see what changed between two.
                </p>
                <Table
                  caption="Prompts that were used without being registered"
                  rows={others}
                  rowKey={({ key }) => key ?? ''}
                  columns={[
                    {
                      name: 'Prompt',
                      head: true,
                      cell: ({ key }) => <code title={key ?? ''}>{shortened(key ?? '')}</code>,
                    },
                    ...sumsColumns<Sums>((row) => row),
                  ]}
                />
              </Section>
            )}
          </div>
        )
      }}
    </Answer>
  )
}

const nameIn = (key: string): string => key.split('@', 1)[0] ?? key
const shortened = (key: string): string => (/^[0-9a-f]{64}$/.test(key) ? `${key.slice(0, 16)}…` : key)
