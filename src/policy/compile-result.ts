import type { JsonObject } from '../action/json.ts'
import type { Compilation } from './compilation.ts'
import { compileCheck } from './compile-check.ts'
import type { ResultRule } from './policy.ts'
import type { DocumentPath } from './yaml-document.ts'

export interface ResultEntry {
  readonly verify?: readonly JsonObject[]
  readonly hold?: number | 'all'
}

/** Characters of a stream that wait for the checks when the policy does not say how many. */
const DEFAULT_HOLD = 256

/** Compiles `actions.X.result`. What came back cannot wait for a person, and history knows nothing of it yet. */
export function compileResult(
  { verify = [], hold = DEFAULT_HOLD }: ResultEntry,
  path: DocumentPath,
  compilation: Compilation,
): ResultRule {
  const checks = verify.flatMap((line, at) => {
    const here = [...path, 'verify', at]
    const compiled = compileCheck(line, here, compilation, { result: true, history: false })
    for (const { name, then } of compiled)
      if (then === 'require_approval')
        compilation.report(
          [...here, name, 'then'],
          'policy:result',
          'deny, redact or warn: a result cannot wait for a person',
          'require_approval',
        )
    return compiled
  })
  return { checks, hold: hold === 'all' ? Infinity : hold }
}
