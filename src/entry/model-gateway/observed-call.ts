import type { Action, DoorReport } from '../../action/action.ts'
import type { Reason } from '../../action/finding.ts'
import type { Admitted } from '../../flow/flow.ts'
import type { ModelCallFact, ModelCallStart } from '../telemetry/model-call-fact.ts'
import type { CallEnd } from './call-record.ts'
import type { GatewayContext } from './gateway-context.ts'
import type { IncomingCall, Plan } from './plan-call.ts'

/** A call as telemetry knows it before it goes out; the time that the agent waits counts from its request on. */
export function startOf({ now }: GatewayContext, incoming: IncomingCall, plan: Plan): ModelCallStart {
  const from = plan.cause === null ? incoming.startedAt : performance.now()
  return {
    operation: plan.format.telemetryName,
    requestedModel: plan.request.model,
    traceparent: incoming.headers['traceparent'] ?? null,
    startedAt: now() - (performance.now() - from),
  }
}

/** A call as telemetry knows it when it is over. Content is passed by reference and left alone unless the operator opted in. */
export function factOf(
  { now }: GatewayContext,
  start: ModelCallStart,
  plan: Plan,
  { action, input }: Admitted,
  end: CallEnd,
  report: DoorReport,
): ModelCallFact {
  const { answer, usage, cost, attempts, verdict } = end
  const unchanged =
    action.effective !== 'transform' && verdict?.effective !== 'transform' && verdict?.effective !== 'deny'
  return {
    ...factBefore(start, plan, action),
    respondedModel: answer?.model ?? null,
    responseId: answer?.id ?? null,
    finishReasons: answer?.finishReasons ?? [],
    usage,
    cost,
    duration: (now() - start.startedAt) / 1000,
    timeToFirstToken: plan.request.stream && end.firstByteMs !== null ? end.firstByteMs / 1000 : null,
    outcome: report.outcome,
    errorType: report.outcome === 'succeeded' ? null : end.ended,
    attempts,
    content: unchanged
      ? { request: plan.request, answer }
      : { request: { texts: [{ role: 'user', text: textOf(input) }] }, answer: null },
  }
}

export function refusedFact(
  start: ModelCallStart,
  plan: Plan,
  action: Action,
  reasons: readonly Reason[],
): ModelCallFact {
  return {
    ...factBefore(start, plan, action),
    outcome: 'refused',
    errorType: reasons[0]?.code ?? 'policy:denied',
  }
}

/** Something went wrong in Belay itself. */
export function lostFact(start: ModelCallStart, plan: Plan, action: Action): ModelCallFact {
  return {
    ...factBefore(start, plan, action),
    cost: action.cost,
    outcome: 'unknown',
    errorType: 'server:fault',
  }
}

function factBefore(
  start: ModelCallStart,
  plan: Plan,
  action: Action,
): Omit<ModelCallFact, 'outcome' | 'errorType'> {
  return {
    ...start,
    actionId: action.id,
    agent: action.agent,
    session: action.session,
    release: action.release,
    provider: plan.provider.name,
    telemetryName: plan.provider.telemetryName,
    respondedModel: null,
    responseId: null,
    finishReasons: [],
    usage: null,
    cost: 0,
    duration: (action.updatedAt - start.startedAt) / 1000,
    timeToFirstToken: null,
    decision: action.decision,
    attempts: [],
  }
}

function textOf(input: Admitted['input']): string {
  return typeof input['text'] === 'string' ? input['text'] : ''
}
