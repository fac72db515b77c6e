import { Link } from '@tanstack/react-router'
import { DecisionBadge } from '../../parts/badge.tsx'
import { Section } from '../../parts/page.tsx'
import { EmptyState, Note } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { At, Count } from '../../parts/values.tsx'
import type { Backtest } from './queries.ts'

/** What would have been decided otherwise. */
export function Outcome({ result, stale }: { readonly result: Backtest; readonly stale: boolean }) {
  const { judged, changed, stricter, looser, not_judgeable: not, complete, groups } = result
  return (
    <Section title="What would have been different">
      <div className="stack">
        {stale && <Note tone="warn">The text was changed since; this is of the one before.</Note>}
        <div className="policy-sums" role="status">
          <Sum name="actions judged" value={judged} />
          <Sum name="decided otherwise" value={changed} />
          <Sum name="stricter" value={stricter} />
          <Sum name="looser" value={looser} />
        </div>
        <p className="soft small">
          {result.from !== null && result.until !== null && (
            <>
              From <At at={result.from} /> to <At at={result.until} />.{' '}
            </>
          )}
          {not.erased > 0 && `${not.erased} could not be judged: their input was erased. `}
          {!complete && 'There is more than was judged: the oldest were left out.'}
        </p>
        {groups.length === 0 ? (
          <EmptyState
            title={judged === 0 ? 'No agent did anything in this time.' : 'Nothing would be different.'}
          />
        ) : (
          <Table
            caption="Decisions that would be others, by action and reason"
            rows={groups}
            rowKey={({ action, before, after, code }) => `${action} ${before} ${after} ${code}`}
            rowTone={({ after }) =>
              after === 'deny' ? 'bad' : after === 'require_approval' ? 'warn' : undefined
            }
            columns={[
              {
                name: 'Action',
                head: true,
                cell: ({ action }) => <span className="policy-action">{action}</span>,
              },
              { name: 'Was', cell: ({ before }) => <DecisionBadge decision={before} /> },
              { name: 'Would be', cell: ({ after }) => <DecisionBadge decision={after} /> },
              { name: 'Why', cell: ({ message, code }) => (message === '' ? code : message) },
              { name: 'How often', figures: true, cell: ({ count }) => <Count value={count} /> },
              {
                name: 'For example',
                cell: ({ examples }) => (
                  <span className="row">
                    {examples.slice(0, 3).map((id, index) => (
                      <Link key={id} to="/actions/$id" params={{ id }}>
                        {index === 0 ? 'newest' : `another (${index + 1})`}
                      </Link>
                    ))}
                  </span>
                ),
              },
            ]}
          />
        )}
      </div>
    </Section>
  )
}

function Sum({ name, value }: { readonly name: string; readonly value: number }) {
  return (
    <p>
      <strong className="figures">{value.toLocaleString('en-US')}</strong>{' '}
      <span className="soft">{name}</span>
    </p>
  )
}
