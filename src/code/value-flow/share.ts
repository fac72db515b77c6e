import type { Run } from './run.ts'
import { join } from './value.ts'

/**
 * From now on functions made in this one may read its variables: they get what the variables hold now, and all that is
 * written later. What was overwritten or checked before is out of their sight.
 */
export function share(run: Run): void {
  if (run.shared) return
  run.shared = true
  for (const variable of run.fn.variables) {
    if (!variable.captured || isWrittenInside(variable)) continue
    const value = run.env.get(variable)
    if (value === undefined) continue
    // Made on one way only: functions that are made on others see what holds without its checks.
    const before = run.env === run.top ? undefined : run.top.get(variable)
    run.analysis.setCell(variable, before === undefined ? value : join(value, before))
  }
}

/** Whether functions nested in the declaring one write it; where a front end does not tell, any write may be theirs. */
export function isWrittenInside(variable: Run['fn']['variables'][number]): boolean {
  return variable.writtenInside ?? (variable.owner.module.language === 'python' && variable.assigned > 0)
}
