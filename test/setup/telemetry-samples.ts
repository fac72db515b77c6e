import type { Action, ActionState } from '../../src/action/action.ts'
import type { ModelCallFact } from '../../src/entry/telemetry/model-call-fact.ts'

/** An action as the flow tells of it. */
export function anAction(state: ActionState, changes: Partial<Action> = {}): Action {
  return {
    id: 'act_1',
    version: 1,
    interceptionPoint: 'pre_tool_call',
    agent: 'writer',
    proposedBy: null,
    name: 'tool.mail',
    session: 's-1',
    effect: 'write',
    mode: 'enforce',
    decision: 'allow',
    effective: 'allow',
    reasons: [],
    policyDigest: 'sha256:policy',
    inputIdentity: 'sha256:input',
    enforcedIdentity: 'sha256:input',
    actionDigest: 'sha256:action',
    confidence: null,
    release: null,
    target: null,
    toolSchemaVersion: null,
    trace: null,
    venue: 'agent',
    replica: 'r-1',
    idempotency: null,
    proposedAt: 9_000,
    updatedAt: 9_000,
    dueAt: null,
    cost: 0,
    reservations: [],
    measures: {},
    subjects: [],
    state,
    ...changes,
  }
}

/** A model call that succeeded at the second attempt. */
export function aCall(changes: Partial<ModelCallFact> = {}): ModelCallFact {
  return {
    actionId: 'act_2',
    agent: 'writer',
    session: 's-1',
    provider: 'openai',
    telemetryName: 'openai',
    operation: 'chat',
    requestedModel: 'gpt-5',
    respondedModel: 'gpt-5-2026-01',
    responseId: 'chatcmpl-1',
    finishReasons: ['stop'],
    usage: { input: 1_200, output: 300, cacheRead: 1_000, cacheWrite: 50, reasoning: 200 },
    cost: 4_200_000,
    traceparent: null,
    startedAt: 1_700_000_000_000,
    duration: 1.5,
    timeToFirstToken: 0.3,
    decision: 'allow',
    outcome: 'succeeded',
    errorType: null,
    attempts: [
      { provider: 'openai', model: 'gpt-5', status: 503, ms: 200 },
      { provider: 'openai', model: 'gpt-5', status: 200, ms: 1_100, waited: 200 },
    ],
    ...changes,
  }
}
