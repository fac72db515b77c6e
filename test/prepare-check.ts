import type { JsonObject } from '../src/action/json.ts'
import type { Check, CheckFinding, CheckSetup } from '../src/policy/check.ts'

/** Prepares a check as the policy does; for tests of checks that answer at once. */
export function prepareCheck(
  check: Check,
  options: JsonObject,
  setup: Partial<CheckSetup> = {},
): (input: JsonObject) => readonly CheckFinding[] {
  const run = check.prepare(options, { readLines: () => [], lists: {}, ...setup })
  return (input) => {
    const findings = run({ action: 'test.action', agent: 'tester', effect: 'write', input, provenance: {} })
    if (findings instanceof Promise) throw new Error(`${check.name} did not answer at once`)
    return findings
  }
}
