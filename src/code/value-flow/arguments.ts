import type { Analysis } from './analysis.ts'
import type { Run } from './run.ts'
import { type ObjectRef, PLAIN, type Value } from './value.ts'

/**
 * `arguments` as a list, as far as what was passed are objects, where its elements are read one by one: what is passed
 * on as it is leads everywhere.
 */
export function argumentsOf(run: Run): ObjectRef {
  const { summary } = run
  if (summary.list === null) {
    summary.list = run.analysis.object(null, true)
    for (const { args } of summary.calls.values()) keepArguments(run.analysis, summary.list, args)
  }
  summary.list.readers.add(run.fn)
  return summary.list
}

/** Objects that a function is called with are in the list that it has for it. */
export function keepArguments(analysis: Analysis, list: ObjectRef, args: readonly Value[]): void {
  for (const [index, arg] of args.entries()) {
    const refs = arg.refs.filter((each) => each.kind === 'object' && !each.array && each !== list)
    if (refs.length > 0) analysis.writeField(list, String(index), { ...PLAIN, refs })
  }
}
