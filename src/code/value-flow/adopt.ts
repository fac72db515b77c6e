import type { Run } from './run.ts'
import { join, type Value } from './value.ts'

/** A function that is a member of an object may be called with it as `this`. */
export function adopt(run: Run, fn: Run['fn'], self: Value): void {
  const summary = run.analysis.summaryOf(fn)
  const grown = join(summary.self, self)
  if (grown === summary.self) return
  summary.self = grown
  if (summary.epoch > 0) run.analysis.enqueue(fn)
}
