type Headers = Readonly<Record<string, string | readonly string[]>>

/** Waits beyond it are no waits: a day, ms. */
const LONGEST = 86_400_000
/** What is left of a limit, and when it is full again: Anthropic's names, then OpenAI's. */
const LIMITS: readonly (readonly [remaining: string, reset: string])[] = [
  ...['requests', 'tokens', 'input-tokens', 'output-tokens'].map(
    (what) => [`anthropic-ratelimit-${what}-remaining`, `anthropic-ratelimit-${what}-reset`] as const,
  ),
  ...['requests', 'tokens'].map(
    (what) => [`x-ratelimit-remaining-${what}`, `x-ratelimit-reset-${what}`] as const,
  ),
]

/**
 * How long a provider asks to wait, ms, from 0 to a day; `undefined` when it does not say. Reads `retry-after-ms`,
 * then `retry-after` in seconds or as a date (RFC 9110 §10.2.3), then the reset of every limit that is used up.
 * `now` is the wall clock in ms; dates are read against the answer's own `date`, so that no clock need be right.
 */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const exact = decimal(textOf(headers['retry-after-ms']))
  if (exact !== undefined) return bounded(exact)
  const clock = dateOf(textOf(headers['date'])) ?? now
  const after = textOf(headers['retry-after'])
  const seconds = decimal(after)
  if (seconds !== undefined) return bounded(seconds * 1_000)
  const date = dateOf(after)
  if (date !== undefined) return bounded(date - clock)
  let longest: number | undefined
  for (const [remaining, reset] of LIMITS) {
    if (textOf(headers[remaining]) !== '0') continue
    const text = textOf(headers[reset])
    const wait = spanOf(text) ?? sinceClock(text, clock)
    if (wait !== undefined) longest = Math.max(longest ?? 0, wait)
  }
  return longest === undefined ? undefined : bounded(longest)
}

function textOf(value: string | readonly string[] | undefined): string {
  const text = typeof value === 'string' ? value : (value?.[0] ?? '')
  return text.length > 100 ? '' : text.trim()
}

function decimal(text: string): number | undefined {
  return /^\d{1,12}(?:\.\d{1,9})?$/.test(text) ? Number(text) : undefined
}

/** A date of HTTP or of RFC 3339; a bare number is neither. */
function dateOf(text: string): number | undefined {
  if (!/^(?:[A-Za-z]{3,9},? |\d{4}-\d{2}-\d{2}T)/.test(text)) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : at
}

function sinceClock(text: string, clock: number): number | undefined {
  const at = dateOf(text)
  return at === undefined ? undefined : at - clock
}

/** A span as OpenAI writes it: `1s`, `6m0s`, `20ms`, `1h2m3.5s`. */
function spanOf(text: string): number | undefined {
  const match =
    /^(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,6}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?$/.exec(
      text,
    )
  if (match === null || text === '') return undefined
  const [, hours = 0, minutes = 0, seconds = 0, milliseconds = 0] = match
  return Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1_000 + Number(milliseconds)
}

function bounded(ms: number): number {
  return Math.min(Math.max(Math.ceil(ms), 0), LONGEST)
}
