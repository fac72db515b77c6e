import { useQuery } from '@tanstack/react-query'
import { count, percent } from '../../parts/format.ts'
import { Section } from '../../parts/page.tsx'
import { Table } from '../../parts/table.tsx'
import { Nothing } from '../../parts/values.tsx'
import { agreementQuery, SCORES, scoresQuery } from './queries.ts'
import { kappaText, sumsOf } from './scores.ts'

const DAYS_SHOWN = 14

/** What another model made of what the agent did; nothing while no action of it was scored. */
export function Quality({ agent }: { readonly agent: string }) {
  const { data: scores = [] } = useQuery(scoresQuery(agent))
  const { data: agreement = [] } = useQuery(agreementQuery)
  if (scores.length === 0) return null
  const rubrics = sumsOf(scores)
  const days = rubrics.flatMap(({ rubric, days }) =>
    days.slice(-DAYS_SHOWN).map((day) => ({ rubric, ...day })),
  )
  const judged = agreement.filter(({ rubric }) => rubrics.some((one) => one.rubric === rubric))
  return (
    <Section title="How its work is scored">
      <div className="stack">
        <Table
          caption={`Scores of ${agent} by rubric`}
          rows={rubrics}
          rowKey={({ rubric }) => rubric}
          columns={[
            { name: 'Rubric', head: true, cell: ({ rubric }) => rubric },
            { name: 'Scored', figures: true, half: true, cell: ({ scored }) => count(scored) },
            { name: 'Median', figures: true, half: true, cell: ({ median }) => median ?? <Nothing /> },
            {
              name: 'Below the threshold',
              figures: true,
              half: true,
              cell: ({ below }) => (below === null ? <Nothing /> : percent(below)),
            },
            { name: 'Without a score', figures: true, half: true, cell: ({ unscored }) => count(unscored) },
          ]}
        />
        {days.length > 0 && (
          <Table
            caption={`Scores of ${agent} by day`}
            rows={days.toReversed()}
            rowKey={({ rubric, day }) => `${rubric} ${day}`}
            columns={[
              { name: 'Day', head: true, cell: ({ day }) => day },
              { name: 'Rubric', cell: ({ rubric }) => rubric },
              { name: 'Scored', figures: true, half: true, cell: (row) => count(row.count) },
              { name: 'Mean', figures: true, half: true, cell: ({ mean }) => mean.toFixed(0) },
            ]}
          />
        )}
        {judged.length > 0 && (
          <Table
            caption="How far people agree with the judge, on actions of every agent"
            rows={judged}
            rowKey={({ rubric, rubric_digest: digest, judge }) => `${rubric} ${digest} ${judge}`}
            columns={[
              { name: 'Rubric', head: true, cell: ({ rubric }) => rubric },
              { name: 'Judge', cell: ({ judge }) => judge },
              { name: 'Compared', figures: true, half: true, cell: (row) => count(row.count) },
              { name: 'Said the same', figures: true, half: true, cell: ({ same }) => percent(same) },
              {
                name: 'Kappa',
                figures: true,
                half: true,
                cell: (row) => kappaText(row.kappa, row.kappa_low, row.kappa_high) ?? <Nothing />,
              },
            ]}
          />
        )}
        {scores.length === SCORES && <p className="soft">Of its last {SCORES} scores.</p>}
      </div>
    </Section>
  )
}
