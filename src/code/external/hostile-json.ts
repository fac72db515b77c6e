/** What a log of others holds, whatever its shape is: a reader asks, and gets nothing rather than a fault. */
export type Json = Readonly<Record<string, unknown>>

const MAX_LINE = 10_000_000

export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

export function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.map(object) : []
}

/** The element at an index that a log gives; an empty object where there is none. */
export function at(from: readonly Json[], index: unknown): Json {
  return typeof index === 'number' && Number.isInteger(index) ? (from[index] ?? {}) : {}
}

/** A text or number as text; anything else is none. */
export function words(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
}

/** Words in one line, no longer than `max`. */
export function plain(value: unknown, max: number): string {
  return words(value).slice(0, max).replaceAll(/\s+/g, ' ').trim()
}

/** A line or column. */
export function whole(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_LINE
    ? value
    : otherwise
}
