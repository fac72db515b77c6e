import type { Quota } from '../../api/answers.ts'
import { count, duration, money, percent } from '../../parts/format.ts'
import type { Measure, NormalLine } from './queries.ts'

/** What is measured of an agent's behaviour, in words. */
export const MEASURES: Readonly<Record<Measure, string>> = {
  rate: 'actions an hour',
  asked: 'set aside for an action',
  cost: 'cost of an action',
  latency: 'duration of an action',
  failed: 'failed',
  unknown: 'ended unknown',
  held: 'needed a person',
  denied: 'denied',
  fields: 'known values in stable fields',
}

export function measured({ unit }: NormalLine, value: number): string {
  switch (unit) {
    case 'usd':
      return money(value)
    case 'ms':
      return duration(value)
    case 'share':
      return percent(value)
    case 'per_hour':
      return value < 10 ? String(Math.round(value * 10) / 10) : count(value)
    case 'values':
      return count(value)
  }
}

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** `512 MiB`. */
export function bytes(value: number): string {
  let size = value
  let unit = 0
  for (; size >= 1_024 && unit < SIZES.length - 1; unit++) size /= 1_024
  return `${size >= 10 || Number.isInteger(size) ? Math.round(size) : size.toFixed(1)} ${SIZES[unit]}`
}

/** Each quota, and how an amount of it is written. */
export const QUOTAS: readonly (readonly [Quota, string, (value: number) => string])[] = [
  ['memory_bytes', 'Memory', bytes],
  ['cpu_cores', 'Processors', (value) => `${value} ${value === 1 ? 'core' : 'cores'}`],
  ['processes', 'Processes', count],
  ['wall_ms', 'Time', duration],
  ['disk_bytes', 'Disk', bytes],
  ['open_files', 'Open files', count],
  ['requests', 'Requests', count],
  ['usd', 'Money', money],
]

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const

export interface DayOfWeek {
  readonly day: string
  readonly hours: readonly number[]
  readonly sum: number
  /** Index of the busiest hour. */
  readonly busiest: number
}

/** The 168 hours of a week by its days; empty when it is not known. */
export function daysOf(week: readonly number[]): readonly DayOfWeek[] {
  if (week.length < 168) return []
  return DAYS.map((day, index) => {
    const hours = week.slice(index * 24, index * 24 + 24)
    return {
      day,
      hours,
      sum: hours.reduce((sum, each) => sum + each, 0),
      busiest: hours.indexOf(Math.max(...hours)),
    }
  })
}

/** The host of an action's input, or its target: where it went. */
export function hostOf(input: Readonly<Record<string, unknown>> | null): string | null {
  const host = input?.['host']
  if (typeof host === 'string' && host !== '') return host
  const url = input?.['url']
  return typeof url === 'string' && URL.canParse(url) ? new URL(url).host || null : null
}
