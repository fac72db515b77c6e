const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export interface TimeLeft {
  /** `2 d 4 h`, `3 h 12 min`, `4 min 05 s`, `12 s`, `expired`. */
  readonly text: string
  /** The same for a screen reader, in whole words. */
  readonly spoken: string
  readonly expired: boolean
  /** Less than ten minutes. */
  readonly urgent: boolean
}

/** How long until `end`; both epoch ms. */
export function timeLeft(end: number, now: number): TimeLeft {
  const left = end - now
  if (left <= 0) return { text: 'expired', spoken: 'expired', expired: true, urgent: true }
  const { text, spoken } = words(left)
  return { text, spoken, expired: false, urgent: left < 10 * MINUTE }
}

function words(left: number): { readonly text: string; readonly spoken: string } {
  const days = Math.floor(left / DAY)
  const hours = Math.floor((left % DAY) / HOUR)
  const minutes = Math.floor((left % HOUR) / MINUTE)
  const seconds = Math.floor((left % MINUTE) / SECOND)
  if (days > 0) return both([days, 'd', 'day'], [hours, 'h', 'hour'])
  if (hours > 0) return both([hours, 'h', 'hour'], [minutes, 'min', 'minute'])
  if (left >= 10 * MINUTE) return both([minutes, 'min', 'minute'], [0, 's', 'second'])
  if (minutes > 0) return both([minutes, 'min', 'minute'], [seconds, 's', 'second'], true)
  // A last second that shows as 0 would look expired while it can still be decided.
  return both([Math.max(1, seconds), 's', 'second'], [0, 's', 'second'])
}

type Part = readonly [count: number, short: string, long: string]

function both(large: Part, small: Part, always = false): { readonly text: string; readonly spoken: string } {
  const shown = always || small[0] > 0 ? [large, small] : [large]
  return {
    text: shown
      .map(
        ([count, short], index) =>
          `${always && index === 1 ? String(count).padStart(2, '0') : count} ${short}`,
      )
      .join(' '),
    spoken: shown.map(([count, , long]) => `${count} ${long}${count === 1 ? '' : 's'}`).join(' '),
  }
}
