import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Section } from '../../parts/page.tsx'
import { Answer, EmptyState } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { Count } from '../../parts/values.tsx'
import { sumsQuery } from './queries.ts'
import { sumsColumns } from './sums-columns.tsx'
import type { Sums } from './queries.ts'

/** The models that were asked for. */
export function ModelsView({ from }: { readonly from: string }) {
  const sums = useQuery(sumsQuery('model', from))
  return (
    <Section>
      <Answer query={sums}>
        {(rows) => {
          const models = rows.filter(({ key }) => key !== null)
          if (models.length === 0)
            return (
              <EmptyState title="No model was called in this time.">
                Let agents call their models through Belay: make <code>{location.origin}/anthropic</code> or{' '}
                <code>/openai/v1</code> their base URL. What they ask, what it costs and what is refused
                stands here then.
              </EmptyState>
            )
          return (
            <Table
              caption="Models by what became of their calls"
              rows={models}
              rowKey={({ key }) => key ?? ''}
              columns={[
                {
                  name: 'Model',
                  head: true,
                  cell: ({ key }) => (
                    <Link to="/sessions" search={{ model: key ?? '' }}>
                      {key}
                    </Link>
                  ),
                },
                ...sumsColumns<Sums>((row) => row),
                {
                  name: 'Tokens',
                  figures: true,
                  wideOnly: true,
                  cell: ({ tokens }) => <Count value={tokens.input + tokens.output} />,
                },
              ]}
            />
          )
        }}
      </Answer>
    </Section>
  )
}
