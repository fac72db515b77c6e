import type { Action, DoorReport } from '../../action/action.ts'
import type { ModelCallFact, ModelCallStart } from '../telemetry/model-call-fact.ts'
import type { CallEnd } from './call-record.ts'
import type { GatewayContext } from './gateway-context.ts'
import type { IncomingCall, Plan } from './plan-call.ts'

/** A call as telemetry knows it before it goes out. */
export function startOf({ now }: GatewayContext, incoming: IncomingCall, plan: Plan): ModelCallStart {
  return {
    operation: plan.format.telemetryName,
    requestedModel: plan.request.model,
    traceparent: incoming.headers['traceparent'] ?? null,
    startedAt: now(),
  }
}

/** A call as telemetry knows it when it is over. Its content is left out: the record has it, where it can be erased. */
export function factOf(
  start: ModelCallStart,
  incoming: IncomingCall,
  plan: Plan,
  action: Action,
  end: CallEnd,
  outcome: DoorReport['outcome'],
): ModelCallFact {
  const { answer } = end
  return {
    ...start,
    actionId: action.id,
    agent: action.agent,
    session: action.session,
    release: action.release,
    provider: plan.provider.name,
    telemetryName: plan.provider.telemetryName,
    respondedModel: answer?.model ?? null,
    responseId: answer?.id ?? null,
    finishReasons: answer?.finishReasons ?? [],
    usage: end.usage,
    cost: end.cost,
    duration: (performance.now() - incoming.startedAt) / 1000,
    timeToFirstToken: plan.request.stream && end.firstByteMs !== null ? end.firstByteMs / 1000 : null,
    decision: action.decision,
    outcome,
    errorType: outcome === 'succeeded' ? null : end.ended,
    attempts: end.attempts,
  }
}
