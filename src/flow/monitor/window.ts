import type { BudgetWindow } from '../../action/budget-window.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** 1970-01-05 was a Monday. */
const FIRST_MONDAY = 4 * DAY
const FAR_FUTURE = Date.UTC(9999, 11, 31)

export interface WindowSpan {
  /** Epoch ms, inclusive. */
  readonly startsAt: number
  /** Epoch ms, exclusive. */
  readonly endsAt: number
  /** Names the window within its account key. */
  readonly label: string
}

/** The calendar window (UTC) that holds the instant; a session is one window of its own. */
export function windowAt(window: BudgetWindow, at: number, session: string): WindowSpan {
  switch (window) {
    case 'session':
      return { startsAt: 0, endsAt: FAR_FUTURE, label: session }
    case 'minute':
      return span(at - (at % MINUTE), MINUTE, 16)
    case 'hour':
      return span(at - (at % HOUR), HOUR, 13)
    case 'day':
      return span(at - (at % DAY), DAY, 10)
    case 'week':
      return span(at - ((at - FIRST_MONDAY) % (7 * DAY)), 7 * DAY, 10)
    case 'month': {
      const date = new Date(at)
      const startsAt = Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
      const endsAt = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
      return { startsAt, endsAt, label: new Date(startsAt).toISOString().slice(0, 7) }
    }
  }
}

function span(startsAt: number, length: number, digits: number): WindowSpan {
  return { startsAt, endsAt: startsAt + length, label: new Date(startsAt).toISOString().slice(0, digits) }
}
