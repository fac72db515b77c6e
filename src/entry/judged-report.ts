import type { Action, OutcomeReport, ResultVerdict } from '../action/action.ts'
import type { Decision } from '../action/decision.ts'
import type { Reason } from '../action/finding.ts'
import { isJsonObject } from '../action/json.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import type { Flow } from '../flow/flow.ts'
import type { Policy } from '../policy/policy.ts'

/** How a result went through the policy's `result:` checks, and what the caller may read of it. */
export interface JudgedResult {
  readonly effective: Decision
  readonly reasons: readonly Reason[]
  readonly result: JsonValue
}

const WITHHELD = 'belay_withheld'
const OMITTED = 'belay_omitted'

/**
 * Records an outcome whose result goes through the `result:` checks of the action's entry first. What a check
 * redacts is recorded redacted; what one denies is not recorded at all, so that a repeated call does not get it
 * either. `null`: the entry has no such checks, or the outcome no result.
 */
export async function reportJudged(
  { flow, policies }: { readonly flow: Flow; readonly policies: { current(): Policy } },
  action: Action,
  report: OutcomeReport,
): Promise<{ readonly action: Action; readonly judged: JudgedResult | null }> {
  if (!judgesResults(policies, action.name) || report.result === undefined) {
    return { action: await flow.report(action.id, report), judged: null }
  }
  const verdict = await verdictOn(flow, action, report.result)
  const result =
    verdict.effective === 'deny'
      ? withheld(verdict)
      : verdict.effective === 'transform'
        ? unwrapped(report.result, verdict.result)
        : report.result
  const settled = await flow.report(action.id, { ...report, result, judged: verdict })
  return { action: settled, judged: { effective: verdict.effective, reasons: verdict.reasons, result } }
}

/** Whether the policy has `result:` checks for actions of this name. */
export function judgesResults(policies: { current(): Policy }, name: string): boolean {
  return policies.current().action(name)?.result != null
}

/** The reasons why a recorded result was withheld; `undefined` when it was not. */
export function withheldReasons(result: JsonValue): readonly Reason[] | undefined {
  if (!isJsonObject(result) || !Array.isArray(result[WITHHELD])) return undefined
  return result[WITHHELD]
}

async function verdictOn(flow: Flow, action: Action, result: JsonValue): Promise<ResultVerdict> {
  if (isJsonObject(result) && OMITTED in result) {
    const what = typeof result[OMITTED] === 'string' ? result[OMITTED] : 'a result'
    return denied('result:unreadable', `No check can read ${what}.`)
  }
  try {
    return await flow.judgeResult(action, wrapped(result))
  } catch {
    // The effect has happened: its outcome is recorded all the same, and nothing unread is let out.
    return denied('result:unchecked', 'The checks of the result failed.')
  }
}

function denied(code: string, message: string): ResultVerdict {
  return { decision: 'deny', effective: 'deny', reasons: [{ code, message }], result: {} }
}

function withheld({ reasons }: ResultVerdict): JsonObject {
  return { [WITHHELD]: reasons.map(({ code, message }) => ({ code, message })) }
}

/** Checks look at an object: a text stands under `text`, as a model's answer does; anything else under `value`. */
function wrapped(result: JsonValue): JsonObject {
  if (isJsonObject(result)) return result
  return typeof result === 'string' ? { text: result } : { value: result }
}

function unwrapped(before: JsonValue, after: JsonObject): JsonValue {
  if (isJsonObject(before)) return after
  return (typeof before === 'string' ? after['text'] : after['value']) ?? null
}
