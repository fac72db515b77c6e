import type { BudgetLine } from './answers.ts'

/** A limit in its own unit, US dollars or actions. */
export interface Drawn {
  readonly limit: number
  readonly spent: number
  readonly reserved: number
  /** Spent and reserved, as a share of the limit; may pass 1 when an action turned out dearer than it was said to be. */
  readonly share: number
}

export function drawnOn(line: BudgetLine): Drawn {
  const [limit = 0, spent = 0, reserved = 0] =
    line.unit === 'usd'
      ? [line.limit_usd, line.spent_usd, line.reserved_usd]
      : [line.limit, line.spent, line.reserved]
  return { limit, spent, reserved, share: limit <= 0 ? 1 : (spent + reserved) / limit }
}

/** The line of which the most is gone. */
export function fullest(lines: readonly BudgetLine[]): BudgetLine | undefined {
  return lines.reduce<BudgetLine | undefined>(
    (best, line) => (best === undefined || drawnOn(line).share > drawnOn(best).share ? line : best),
    undefined,
  )
}

/**
 * When the limit will be reached at the pace of the window so far, in ms since 1970; null when it holds to the end of
 * the window, or when there is no pace yet.
 */
export function reachedAt(line: BudgetLine, now: number): number | null {
  if (line.starts_at === null || line.ends_at === null) return null
  const { limit, spent, reserved, share } = drawnOn(line)
  const gone = spent + reserved
  if (share >= 1) return now
  const elapsed = now - Date.parse(line.starts_at)
  if (gone <= 0 || elapsed <= 0) return null
  const at = now + ((limit - gone) / gone) * elapsed
  return at < Date.parse(line.ends_at) ? at : null
}

/** What is spent at this pace by the end of the window, in the line's unit. */
export function paceOf(line: BudgetLine, now: number): number | null {
  if (line.starts_at === null || line.ends_at === null) return null
  const [from, to] = [Date.parse(line.starts_at), Date.parse(line.ends_at)]
  // The first percent of a window says nothing about the rest.
  if (now - from < (to - from) / 100) return null
  const { spent, reserved } = drawnOn(line)
  return ((spent + reserved) * (to - from)) / (now - from)
}
