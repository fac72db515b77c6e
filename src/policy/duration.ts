const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** The longest duration that a policy may name: ten years. */
const MAX_DURATION = 3650 * 86_400_000

/** What `parseDuration` reads, for messages and for the published schema. */
export const DURATION_PATTERN = '^[0-9]{1,9}(ms|s|m|h|d|w)$'

const DURATION = new RegExp(DURATION_PATTERN)

/** Milliseconds of `500ms`, `60s`, `10m`, `24h`, `7d`, `2w`; `undefined` for anything else or beyond ten years. */
export function parseDuration(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined
  const match = DURATION.exec(text)
  if (match === null) return undefined
  const ms = Number.parseInt(text, 10) * UNITS[match[1]!]!
  return ms <= MAX_DURATION ? ms : undefined
}
