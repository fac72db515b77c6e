import type { Action, ResultVerdict } from '../../action/action.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { keptResult, resultOf } from './answer-result.ts'
import type { GatewayContext } from './gateway-context.ts'
import { joinTexts, splitTexts } from './joined-text.ts'
import type { ModelAnswer, ToolCall } from './model-call.ts'
import type { Plan } from './plan-call.ts'

export type WholeAnswer =
  | { readonly status: 'malformed'; readonly why: string }
  | { readonly status: 'rejected'; readonly answer: ModelAnswer | null; readonly verdict: ResultVerdict }
  | {
      readonly status: 'passed'
      /** `null` for what passes unread. */
      readonly answer: ModelAnswer | null
      readonly verdict: ResultVerdict | null
      /** The provider's own bytes, unless something was changed. */
      readonly body: string | Buffer
      readonly rewritten: boolean
      /** What is kept of it. */
      readonly result: JsonObject | null
    }

/** Brings an answer that is no stream through the checks, and its tool calls before the policy. */
export async function readWhole(
  context: Pick<GatewayContext, 'flow' | 'limits'>,
  {
    plan,
    action,
    judgeCalls,
  }: {
    readonly plan: Plan
    readonly action: Action
    readonly judgeCalls: (calls: readonly ToolCall[]) => Promise<ReadonlyMap<number, string>>
  },
  bytes: Buffer,
): Promise<WholeAnswer> {
  if (plan.format.operation === 'model.request') return readUnread(context, action, bytes)
  let body: JsonObject
  let answer: ModelAnswer
  try {
    const parsed = JSON.parse(bytes.toString('utf8')) as JsonValue
    if (!isJsonObject(parsed)) throw new Error('it is no JSON object')
    body = parsed
    answer = plan.format.readAnswer(body)
  } catch (error) {
    return {
      status: 'malformed',
      why: error instanceof Error ? error.message.slice(0, 200) : 'it cannot be read',
    }
  }
  const before = resultOf(answer)
  const judging = context.flow.judgeResult(action, before)
  const verdict = judging instanceof Promise ? await judging : judging
  const changed = verdict.effective === 'transform'
  const texts = changed ? changedTexts(verdict, before, answer) : answer.texts
  if (verdict.effective === 'deny' || texts === undefined)
    return { status: 'rejected', answer, verdict: { ...verdict, effective: 'deny' } }
  const refusals = answer.toolCalls.length === 0 ? null : await judgeCalls(answer.toolCalls)
  const rewritten = changed || (refusals !== null && refusals.size > 0)
  const out = rewritten
    ? JSON.stringify(
        plan.format.rewriteAnswer(body, { ...(changed && { texts }), ...(refusals && { refusals }) }),
      )
    : bytes
  const judged = verdict.decision === 'allow' && verdict.reasons.length === 0 ? null : verdict
  const result = keptResult(answer, texts, context.limits.keptText)
  return { status: 'passed', answer, verdict: judged, body: out, rewritten, result }
}

/** What passes unread is checked as one text. */
async function readUnread(
  { flow }: Pick<GatewayContext, 'flow'>,
  action: Action,
  bytes: Buffer,
): Promise<WholeAnswer> {
  const verdict = await flow.judgeResult(action, { text: bytes.toString('utf8') })
  const { text } = verdict.result
  const rewritten = verdict.effective === 'transform'
  if (verdict.effective === 'deny' || typeof text !== 'string')
    return { status: 'rejected', answer: null, verdict: { ...verdict, effective: 'deny' } }
  return { status: 'passed', answer: null, verdict, body: rewritten ? text : bytes, rewritten, result: null }
}

/** The texts after a check has changed them; `undefined` when the change cannot be brought back into the answer. */
function changedTexts(
  verdict: ResultVerdict,
  before: JsonObject,
  answer: ModelAnswer,
): readonly string[] | undefined {
  const { text, ...others } = verdict.result
  const { text: _, ...same } = before
  if (typeof text !== 'string' || JSON.stringify(others) !== JSON.stringify(same)) return undefined
  return text === joinTexts(answer.texts) ? answer.texts : splitTexts(text, answer.texts)
}
