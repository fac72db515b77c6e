import type { Action, Proposal } from '../../action/action.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import type { Reason } from '../../action/finding.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { parseJsonBody } from '../http-api/json-body.ts'
import { awaitApproval } from './await-approval.ts'
import type { GatewayContext } from './gateway-context.ts'
import type { ToolCall } from './model-call.ts'

/** Whose call the model proposes, and from which answer. */
export interface ToolCallOrigin {
  readonly agent: string
  readonly session: string | undefined
  readonly trace: Proposal['trace']
  /** The action of the model's answer. */
  readonly action: Action
  readonly signal: AbortSignal
}

const NAME = /^[A-Za-z0-9_.:/-]{1,190}$/

/**
 * Judges every tool call that a model proposes as an action `tool.{name}`, at `pre_tool_call`. What is let through is
 * executing from here on: the agent carries it out and tells the model how it went in its next request.
 * Answers the refused ones by index, with the text that the agent reads in their place.
 */
export async function judgeToolCalls(
  context: GatewayContext,
  calls: readonly ToolCall[],
  origin: ToolCallOrigin,
): Promise<ReadonlyMap<number, string>> {
  const judged = await Promise.allSettled(calls.map((call) => judgeOne(context, call, origin)))
  const failed = judged.find((one) => one.status === 'rejected')
  const started = judged.flatMap((one) =>
    one.status === 'fulfilled' && 'started' in one.value ? [one.value.started] : [],
  )
  if (failed !== undefined || origin.signal.aborted) {
    const report = { outcome: 'failed', error: 'the call never reached the agent', cost: 0 } as const
    await Promise.all(started.map((id) => context.flow.report(id, report).catch(context.onFault)))
    if (failed !== undefined) throw failed.reason
  }
  const refusals = new Map<number, string>()
  for (const [index, one] of judged.entries()) {
    const { id, name } = calls[index] as ToolCall
    if (one.status === 'rejected') continue
    if ('refused' in one.value)
      refusals.set(index, `[Belay refused the call of ${printable(name)}: ${one.value.refused}]`)
    else if (!origin.signal.aborted && 'started' in one.value)
      context.pendingTools.add(origin.agent, origin.session, id, one.value.started)
  }
  return refusals
}

type Judged = { readonly refused: string } | { readonly started: string } | { readonly unnamed: true }

/** What the flow itself cannot take (a text that is no Unicode, too large an input) is the model's mistake. */
async function judgeOne(context: GatewayContext, call: ToolCall, origin: ToolCallOrigin): Promise<Judged> {
  try {
    return await propose(context, call, origin)
  } catch (error) {
    if (error instanceof BelayError && error.status >= 400 && error.status < 500)
      return { refused: error.message }
    throw error
  }
}

async function propose(
  context: GatewayContext,
  call: ToolCall,
  { agent, session, trace, action, signal }: ToolCallOrigin,
): Promise<Judged> {
  const observing = context.policies.current().mode === 'observe'
  if (!NAME.test(call.name))
    return observing
      ? { unnamed: true }
      : { refused: 'the name of the tool is not one that a policy can name.' }
  const input = argumentsOf(call, context) ?? (observing ? { arguments: call.arguments } : undefined)
  if (input === undefined)
    return { refused: 'its arguments are not a JSON object. Call it again with valid arguments.' }
  const proposal: Proposal = {
    agent,
    action: `tool.${call.name}`,
    input,
    interceptionPoint: 'pre_tool_call',
    ...(session !== undefined && { session }),
    ...(trace && { trace }),
    facts: { call_id: call.id.slice(0, 200).toWellFormed(), model_action: action.id },
  }
  const admitted = await context.flow.propose(proposal, { venue: 'agent', start: false })
  const judged = await awaitApproval(context, admitted, signal)
  if (judged.status === 'refused') return { refused: sentence(judged.reasons) }
  const { action: ready } = judged.admitted
  // The arguments lie in the model's answer as they are: what would have to be changed is refused.
  if (ready.effective === 'transform') {
    if (ready.state.name === 'ready') await context.flow.cancel(ready.id, 'model-gateway')
    else
      await context.flow.report(ready.id, {
        outcome: 'failed',
        error: 'its arguments would have to be changed',
      })
    return { refused: `${sentence(ready.reasons)} Call it again without that.` }
  }
  const { action: started } =
    ready.state.name === 'ready' ? await context.flow.start(ready.id) : judged.admitted
  return { started: started.id }
}

/** Read strictly: of a member that is there twice the agent may take the other one. */
function argumentsOf(call: ToolCall, { limits }: GatewayContext): JsonObject | undefined {
  if (call.arguments.trim() === '') return {}
  let value: JsonValue
  try {
    value = parseJsonBody(Buffer.from(call.arguments), { depth: limits.jsonDepth, nodes: limits.jsonNodes })
  } catch {
    return undefined
  }
  return isJsonObject(value) ? value : undefined
}

function sentence(reasons: readonly Reason[]): string {
  return reasons.length === 0 ? 'the policy denies it.' : reasons.map(({ message }) => message).join(' ')
}

function printable(name: string): string {
  return NAME.test(name) ? name : 'a tool'
}
