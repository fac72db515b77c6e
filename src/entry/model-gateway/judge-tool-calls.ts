import type { Action, Proposal } from '../../action/action.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import type { Reason } from '../../action/finding.ts'
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
  const refusals = new Map<number, string>()
  await Promise.all(
    calls.map(async (call, index) => {
      const why = await judgeOne(context, call, origin)
      if (why !== undefined)
        refusals.set(index, `[Belay refused the call of ${printable(call.name)}: ${why}]`)
    }),
  )
  return refusals
}

async function judgeOne(
  context: GatewayContext,
  call: ToolCall,
  { agent, session, trace, action, signal }: ToolCallOrigin,
): Promise<string | undefined> {
  if (!NAME.test(call.name)) return 'the name of the tool is not one that a policy can name.'
  const input = argumentsOf(call)
  if (input === undefined) return 'its arguments are not a JSON object. Call it again with valid arguments.'
  const proposal: Proposal = {
    agent,
    action: `tool.${call.name}`,
    input,
    interceptionPoint: 'pre_tool_call',
    ...(session !== undefined && { session }),
    ...(trace && { trace }),
    facts: { call_id: call.id.slice(0, 200), model_action: action.id },
  }
  const admitted = await context.flow.propose(proposal, { venue: 'agent', start: false })
  const judged = await awaitApproval(context, admitted, signal)
  if (judged.status === 'refused') return sentence(judged.reasons)
  const { action: ready } = judged.admitted
  // The arguments lie in the model's answer as they are: what would have to be changed is refused.
  if (ready.effective === 'transform') {
    if (ready.state.name === 'ready') await context.flow.cancel(ready.id, 'model-gateway')
    else
      await context.flow.report(ready.id, {
        outcome: 'failed',
        error: 'its arguments would have to be changed',
      })
    return `${sentence(ready.reasons)} Call it again without that.`
  }
  const { action: started } =
    ready.state.name === 'ready' ? await context.flow.start(ready.id) : judged.admitted
  context.pendingTools.add(agent, call.id, started.id)
  return undefined
}

function argumentsOf(call: ToolCall): JsonObject | undefined {
  if (call.arguments.trim() === '') return {}
  let value: JsonValue
  try {
    value = JSON.parse(call.arguments) as JsonValue
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
