import type { Analysis } from './analysis.ts'
import type { Run } from './run.ts'
import { type ObjectRef, PLAIN, type Value } from './value.ts'

/** `arguments` as a list, as far as what was passed refers to something. */
export function argumentsOf(run: Run): ObjectRef {
  const { summary } = run
  if (summary.list === null) {
    summary.list = run.analysis.object(null, true)
    for (const { args } of summary.calls.values()) keepArguments(run.analysis, summary.list, args)
  }
  summary.list.readers.add(run.fn)
  return summary.list
}

/** What a function is called with is in the list that it has for it. */
export function keepArguments(analysis: Analysis, list: ObjectRef, args: readonly Value[]): void {
  for (const [index, { refs }] of args.entries())
    if (refs.length > 0 && refs.every((each) => each !== list))
      analysis.writeField(list, String(index), { ...PLAIN, refs })
}
