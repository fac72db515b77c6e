import { useEffect, useRef, useSyncExternalStore } from 'react'
import uPlot from 'uplot'
import './chart-canvas.css'
import type { ChartSeries } from './chart.tsx'

const HEIGHT = 180
const SYSTEM_DARK = matchMedia('(prefers-color-scheme: dark)')

/** The drawing itself, by uPlot. */
export default function ChartCanvas({
  times,
  step,
  series,
  format,
  least,
  onPoint,
}: {
  readonly times: readonly number[]
  readonly step: number
  readonly series: readonly ChartSeries[]
  readonly format: (value: number) => string
  readonly least: number
  readonly onPoint: (index: number | null) => void
}) {
  const room = useRef<HTMLDivElement>(null)
  const theme = useSyncExternalStore(onThemeChange, themeNow)
  const content = JSON.stringify([times, series])
  useEffect(() => {
    const place = room.current
    if (place === null) return undefined
    const plot = draw(place, { times, step, series, format, least, onPoint })
    const resized = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT }))
    resized.observe(place)
    return () => {
      resized.disconnect()
      plot.destroy()
    }
    // Colours are read when it is drawn; equal content is not drawn again.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [content, step, theme])
  return <div ref={room} />
}

function draw(
  place: HTMLElement,
  {
    times,
    step,
    series,
    format,
    least,
    onPoint,
  }: {
    readonly times: readonly number[]
    readonly step: number
    readonly series: readonly ChartSeries[]
    readonly format: (value: number) => string
    readonly least: number
    readonly onPoint: (index: number | null) => void
  },
): uPlot {
  const ink = colourOf(place, '--ink-soft')
  const line = colourOf(place, '--line')
  // Each bar stands on those before it: the highest is drawn first, the others over it.
  const sums = series.map((_, upTo) =>
    times.map((_time, index) =>
      series.slice(0, upTo + 1).reduce((sum, { values }) => sum + (values[index] ?? 0), 0),
    ),
  )
  const axis = {
    stroke: ink,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    font: '12px system-ui',
  }
  return new uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: {
        x: {
          range: () => [(times[0] ?? 0) / 1_000 - step / 2_000, (times.at(-1) ?? 0) / 1_000 + step / 2_000],
        },
        y: { range: (_plot, _min, max) => [0, Math.max(max, least) * 1.05] },
      },
      axes: [
        { ...axis, grid: { show: false } },
        {
          ...axis,
          size: 46,
          incrs: [
            1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 1e4,
            1e5, 1e6, 1e7,
          ],
          values: (_plot, ticks) => ticks.map(format),
        },
      ],
      series: [
        {},
        ...series
          .map(({ name, tone }) => ({
            label: name,
            fill: colourOf(place, tone === 'neutral' ? '--line-strong' : `--${tone}`),
            width: 0,
            points: { show: false },
            paths: uPlot.paths.bars!({ size: [0.72, 40], align: 0 }),
          }))
          .toReversed(),
      ],
      hooks: {
        setCursor: [
          ({ cursor }) =>
            onPoint(
              cursor.idx !== undefined && cursor.idx !== null && (cursor.left ?? -1) >= 0 ? cursor.idx : null,
            ),
        ],
      },
    },
    [times.map((time) => time / 1_000), ...sums.toReversed()] as uPlot.AlignedData,
    place,
  )
}

/** Canvas knows no custom properties, and no `light-dark()`. */
function colourOf(place: HTMLElement, property: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(${property})`
  place.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

function themeNow(): string {
  return document.documentElement.dataset['theme'] ?? (SYSTEM_DARK.matches ? 'dark' : 'light')
}

function onThemeChange(listener: () => void): () => void {
  const observer = new MutationObserver(listener)
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] })
  SYSTEM_DARK.addEventListener('change', listener)
  return () => {
    observer.disconnect()
    SYSTEM_DARK.removeEventListener('change', listener)
  }
}
