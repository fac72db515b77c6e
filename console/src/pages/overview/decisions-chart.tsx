import type { StatsRow } from '../../api/answers.ts'
import { Chart } from '../../parts/chart.tsx'
import { percent } from '../../parts/format.ts'
import { byHour, decisionsOf } from './figures.ts'

const HOUR = 3_600_000
const DECISIONS = [
  ['allow', 'Allowed', 'good'],
  ['transform', 'Changed', 'info'],
  ['require_approval', 'Needed approval', 'warn'],
  ['deny', 'Denied', 'bad'],
] as const

/** What was decided, hour by hour. */
export function DecisionsChart({
  rows,
  from,
  to,
}: {
  readonly rows: readonly StatsRow[]
  readonly from: number
  readonly to: number
}) {
  const hours = byHour(rows, { from, to })
  // A week of hours is too fine to see: six of them in a bar.
  const group = hours.length > 48 ? 6 : 1
  const bars = Array.from({ length: Math.ceil(hours.length / group) }, (_, index) =>
    hours.slice(index * group, (index + 1) * group),
  )
  const decisions = decisionsOf(rows)
  const all = Object.values(decisions).reduce((sum, value) => sum + value, 0)
  const summary =
    all === 0
      ? 'No decisions in this time.'
      : `${all} decisions: ${DECISIONS.map(([key, name]) => `${name.toLowerCase()} ${percent(decisions[key] / all)}`).join(', ')}.`
  return (
    <Chart
      title="Decisions over time"
      summary={summary}
      times={bars.map((bar) => bar[0]!.time)}
      step={HOUR * group}
      series={DECISIONS.map(([key, name, tone]) => ({
        name,
        tone,
        values: bars.map((bar) => bar.reduce((sum, hour) => sum + hour.decisions[key], 0)),
      }))}
    />
  )
}
