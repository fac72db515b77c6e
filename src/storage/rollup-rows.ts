import { COUNTS, DIMENSIONS, LATENCY_BUCKETS } from './rollups.ts'
import type { Counts, Dimensions, HourlySum, SessionPart, Span, SpanPart, Tag } from './rollups.ts'

/** A row by its columns. */
export type Row = Readonly<Record<string, string | number | null>>

/** `promptName` → `prompt_name`. */
export function columnOf(name: string): string {
  const known = columns.get(name)
  if (known !== undefined) return known
  const column = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  columns.set(name, column)
  return column
}

/** The names are ours, and few. */
const columns = new Map<string, string>()

const DIMENSION_COLUMNS = DIMENSIONS.map(columnOf)
export const LATENCY_COLUMNS = Array.from({ length: LATENCY_BUCKETS }, (_, n) => `l${n}`)
export const COUNT_COLUMNS = COUNTS.map(columnOf)

/** What later records change of a span. */
export const SPAN_CHANGES = [
  'version',
  'state',
  'started_at',
  'ended_at',
  'outcome',
  'cost',
  'input_tokens',
  'output_tokens',
  'responded',
  'fingerprint',
  'approval',
  'undo',
] as const
export const SPAN_COLUMNS = [
  'id',
  ...DIMENSION_COLUMNS,
  'session',
  'parent',
  'trace',
  'proposed_at',
  'tags',
  ...SPAN_CHANGES,
]

export function spanRow(span: Span): Row {
  const row: Record<string, string | number | null> = {}
  for (const [name, value] of Object.entries(span) as [keyof Span, Span[keyof Span]][]) {
    row[columnOf(name)] = typeof value === 'object' && value !== null ? JSON.stringify(value) : value
  }
  return row
}

const propertyOf = (column: string): keyof Span =>
  column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()) as keyof Span
const SPAN_PROPERTIES = SPAN_COLUMNS.map(propertyOf)
const CHANGED_PROPERTIES = SPAN_CHANGES.map(propertyOf)

/** A new span, in the order of `SPAN_COLUMNS`. */
export const spanValues = (span: Span): (string | number | null)[] => valuesOf(span, SPAN_PROPERTIES)
/** What later records change of it, in the order of `SPAN_CHANGES`. */
export const changedValues = (span: Span): (string | number | null)[] => valuesOf(span, CHANGED_PROPERTIES)

function valuesOf(span: Span, properties: readonly (keyof Span)[]): (string | number | null)[] {
  return properties.map((property) => {
    const value = span[property]
    return typeof value === 'object' && value !== null ? JSON.stringify(value) : value
  })
}

export function spanFrom(row: Row): Span {
  return {
    ...dimensionsFrom(row),
    id: row['id'] as string,
    version: row['version'] as number,
    session: textOf(row['session']),
    parent: textOf(row['parent']),
    trace: textOf(row['trace']),
    state: row['state'] as Span['state'],
    proposedAt: row['proposed_at'] as number,
    startedAt: row['started_at'] as number | null,
    endedAt: row['ended_at'] as number | null,
    outcome: row['outcome'] as Span['outcome'],
    cost: row['cost'] as number,
    inputTokens: row['input_tokens'] as number,
    outputTokens: row['output_tokens'] as number,
    responded: textOf(row['responded']),
    fingerprint: textOf(row['fingerprint']),
    approval: spanPartFrom(row['approval']),
    undo: spanPartFrom(row['undo']),
    tags: typeof row['tags'] === 'string' ? (JSON.parse(row['tags']) as Record<string, string>) : null,
  }
}

const textOf = (value: Row[string] | undefined): string | null => (value as string | null | undefined) ?? null

function spanPartFrom(value: Row[string] | undefined): SpanPart | null {
  return typeof value === 'string' ? (JSON.parse(value) as SpanPart) : null
}

function dimensionsFrom(row: Row): Dimensions {
  const found: Record<string, unknown> = {}
  for (const name of DIMENSIONS) found[name] = row[columnOf(name)]
  return found as unknown as Dimensions
}

export const SUM_COLUMNS = [
  'hour',
  'chain',
  'key',
  ...DIMENSION_COLUMNS,
  'tag_name',
  'tag_value',
  ...COUNT_COLUMNS,
  ...LATENCY_COLUMNS,
]

export function sumRow(chain: string, { hour, key, dimensions, tag, ...counts }: HourlySum): Row {
  const row: Record<string, string | number | null> = { hour, chain, key }
  row['tag_name'] = tag?.name ?? null
  row['tag_value'] = tag?.value ?? null
  for (const name of DIMENSIONS) row[columnOf(name)] = dimensions[name]
  for (const name of COUNTS) row[columnOf(name)] = counts[name]
  for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++) row[`l${bucket}`] = counts.latency[bucket] ?? 0
  return row
}

export function sumFrom(row: Row): HourlySum {
  return {
    hour: row['hour'] as number,
    key: row['key'] as string,
    dimensions: dimensionsFrom(row),
    tag: tagFrom(row),
    ...countsFrom(row),
  }
}

export function tagFrom(row: Row): Tag | null {
  const [name, value] = [row['tag_name'], row['tag_value']]
  return typeof name === 'string' && typeof value === 'string' ? { name, value } : null
}

export function countsFrom(row: Row): Counts {
  const counts: Record<string, number> = {}
  for (const name of COUNTS) counts[name] = row[columnOf(name)] as number
  return {
    ...(counts as unknown as Record<(typeof COUNTS)[number], number>),
    latency: LATENCY_COLUMNS.map((column) => row[column] as number),
  }
}

const LISTS = ['models', 'prompts', 'releases', 'decisions', 'reasons'] as const
const NUMBERS = [
  'startedAt',
  'seenAt',
  'actions',
  'modelCalls',
  'denied',
  'held',
  'failed',
  'cost',
  'inputTokens',
  'outputTokens',
] as const

export const PART_COLUMNS = ['agent', 'session', 'chain', ...NUMBERS.map(columnOf), ...LISTS]

export function partRow(chain: string, part: SessionPart): Row {
  const row: Record<string, string | number | null> = { agent: part.agent, session: part.session, chain }
  for (const name of NUMBERS) row[columnOf(name)] = part[name]
  for (const name of LISTS) row[name] = JSON.stringify(part[name])
  return row
}

export function partFrom(row: Row): SessionPart {
  const part: Record<string, unknown> = { agent: row['agent'], session: row['session'] }
  for (const name of NUMBERS) part[name] = row[columnOf(name)]
  for (const name of LISTS) part[name] = JSON.parse(row[name] as string)
  return part as unknown as SessionPart
}

/** What several chains know of one session, as one. */
export function joinParts(parts: readonly SessionPart[]): SessionPart {
  const [first, ...others] = parts.toSorted((a, b) => a.startedAt - b.startedAt) as [
    SessionPart,
    ...SessionPart[],
  ]
  return others.reduce((sum, part) => {
    const joined: Record<string, unknown> = { agent: sum.agent, session: sum.session }
    for (const name of NUMBERS) joined[name] = sum[name] + part[name]
    for (const name of LISTS) joined[name] = [...new Set([...sum[name], ...part[name]])]
    joined['startedAt'] = Math.min(sum.startedAt, part.startedAt)
    joined['seenAt'] = Math.max(sum.seenAt, part.seenAt)
    return joined as unknown as SessionPart
  }, first)
}
