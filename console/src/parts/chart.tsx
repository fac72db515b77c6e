import { lazy, Suspense, useId, useState } from 'react'
import type { Tone } from './badge.tsx'
import { count } from './format.ts'
import { Table } from './table.tsx'
import './chart.css'

const Canvas = lazy(() => import('./chart-canvas.tsx'))

export interface ChartSeries {
  readonly name: string
  readonly tone: Tone
  readonly values: readonly number[]
}

/**
 * Counts, or sums, over time as stacked bars. What the picture shows is there in words too: a sentence for screen readers, and a
 * table that anybody can open.
 */
export function Chart({
  title,
  summary,
  times,
  step,
  series,
  format = count,
  least = 4,
}: {
  readonly title: string
  /** What one sees in it, in one sentence. */
  readonly summary: string
  /** Beginnings of the bars, ms since 1970. */
  readonly times: readonly number[]
  /** Width of a bar, ms. */
  readonly step: number
  readonly series: readonly ChartSeries[]
  readonly format?: (value: number) => string
  /** The axis goes at least up to here, so that little does not look like much. */
  readonly least?: number
}) {
  const [pointed, setPointed] = useState<number | null>(null)
  const id = useId()
  const nameOf = (time: number): string =>
    new Date(time).toLocaleString(undefined, {
      weekday: 'short',
      ...(step < 86_400_000 ? { hour: '2-digit', minute: '2-digit' } : { day: 'numeric', month: 'short' }),
    })
  const at = pointed === null ? undefined : times[pointed]
  return (
    <figure className="chart" aria-labelledby={id}>
      <div className="chart-legend">
        <span className="small soft">{at === undefined ? 'In all' : nameOf(at)}</span>
        {series.map(({ name, tone, values }) => (
          <span key={name} className="chart-entry small" data-tone={tone}>
            {name}{' '}
            <span className="figures">
              {format(
                pointed === null ? values.reduce((sum, value) => sum + value, 0) : (values[pointed] ?? 0),
              )}
            </span>
          </span>
        ))}
      </div>
      <div role="img" aria-label={summary} className="chart-room">
        <Suspense fallback={null}>
          <Canvas {...{ times, step, series, format, least }} onPoint={setPointed} />
        </Suspense>
      </div>
      <figcaption id={id} className="unseen">
        {title}
      </figcaption>
      <details className="small">
        <summary>As a table</summary>
        <Table
          caption={title}
          rows={times.map((time, index) => ({ time, index }))}
          rowKey={({ time }) => String(time)}
          columns={[
            { name: 'From', head: true, cell: ({ time }) => nameOf(time) },
            ...series.map(({ name, values }) => ({
              name,
              figures: true,
              cell: ({ index }: { readonly index: number }) => format(values[index] ?? 0),
            })),
          ]}
        />
      </details>
    </figure>
  )
}
