import { useQuery } from '@tanstack/react-query'
import { budgetsQuery, statsQuery } from '../../api/queries.ts'
import type { AgentBudget, StatsRow } from '../../api/answers.ts'
import { Chart } from '../../parts/chart.tsx'
import { useNow } from '../../parts/clock.ts'
import { Tiles } from '../../parts/facts.tsx'
import { Field, Select } from '../../parts/field.tsx'
import { count, money } from '../../parts/format.ts'
import { Page, Section } from '../../parts/page.tsx'
import { Answer } from '../../parts/states.tsx'
import { useFilters } from '../../parts/use-filters.ts'
import { SpentOn } from './by.tsx'
import { Limits } from './limits.tsx'
import { barsOf, spanOf, thisHour, WINDOWS } from './windows.ts'
import type { SpendSpan, SpendWindow } from './windows.ts'

const WINDOW_NAMES = { day: 'Today', week: 'This week', month: 'This month' } as const

/** What agents spend now, for what, and what the window comes to. */
export function SpendPage() {
  const [{ window, by, tag }, setFilters] = useFilters({ window: 'day', by: 'agent', tag: '' })
  const shown = WINDOWS.find((each) => each === window) ?? 'day'
  const now = useNow(60_000)
  const span = spanOf(shown, now)
  const from = new Date(span.from).toISOString()
  const byHour = useQuery(statsQuery({ from, by: 'hour' }))
  const budgets = useQuery(budgetsQuery)
  return (
    <Page
      title="Spend"
      intro="What actions cost in the window of the calendar (UTC) that now is, as it is reported; by the hour in which they were proposed."
      actions={
        <Field label="Window" hideLabel>
          <Select
            value={shown}
            onChange={(event) => setFilters({ window: event.target.value })}
            options={WINDOWS.map((each) => [each, WINDOW_NAMES[each]] as const)}
          />
        </Field>
      }
    >
      <Answer query={byHour} lines={6}>
        {({ rows }) => (
          <>
            <Sums
              rows={rows}
              window={shown}
              now={now}
              overall={budgets.data?.find(({ agent }) => agent === null)}
            />
            <Section
              title={`${WINDOW_NAMES[shown]}, by ${shown === 'day' ? 'the hour' : shown === 'week' ? 'six hours' : 'the day'}`}
            >
              <SpendChart rows={rows} span={span} title={WINDOW_NAMES[shown]} />
            </Section>
          </>
        )}
      </Answer>
      <Limits />
      <SpentOn
        {...{ from, by, tag }}
        onBy={(next) => setFilters({ by: next })}
        onTag={(next) => setFilters({ tag: next })}
      />
    </Page>
  )
}

function Sums({
  rows,
  window,
  now,
  overall,
}: {
  readonly rows: readonly StatsRow[]
  readonly window: SpendWindow
  readonly now: number
  readonly overall: AgentBudget | undefined
}) {
  const spent = rows.reduce((sum, { cost_usd: usd }) => sum + usd, 0)
  const actions = rows.reduce((sum, row) => sum + row.actions, 0)
  const forecast = overall?.lines.find((line) => line.unit === 'usd' && line.window === window)?.forecast
  return (
    <Tiles
      tiles={[
        [`Spent ${WINDOW_NAMES[window].toLowerCase()}`, money(spent)],
        ['This hour', money(thisHour(rows, now))],
        ['Actions', count(actions)],
        ['Cost per action', actions === 0 ? '–' : money(spent / actions)],
        ...(forecast == null
          ? []
          : ([
              [
                'Expected at the end',
                <>
                  {money(forecast.usd)}
                  <span className="tile-under small soft">
                    {money(forecast.low)} – {money(forecast.high)}
                  </span>
                </>,
              ],
            ] as const)),
      ]}
    />
  )
}

function SpendChart({
  rows,
  span,
  title,
}: {
  readonly rows: readonly StatsRow[]
  readonly span: SpendSpan
  readonly title: string
}) {
  const { times, usd } = barsOf(rows, span)
  const sum = usd.reduce((all, each) => all + each, 0)
  const most = Math.max(...usd)
  const at = new Date(times[usd.indexOf(most)] ?? span.from)
  const summary =
    sum === 0
      ? `${title}: nothing was spent yet.`
      : `${title}: ${money(sum)}; the most, ${money(most)}, from ${at.toLocaleString(undefined, { weekday: 'short', hour: '2-digit', minute: '2-digit' })} on.`
  return (
    <Chart
      title={`Spent: ${title.toLowerCase()}`}
      summary={summary}
      times={times}
      step={span.step}
      series={[{ name: 'Spent', tone: 'info', values: usd }]}
      format={money}
      least={0.01}
    />
  )
}
