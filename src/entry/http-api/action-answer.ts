import type { Action, Approval, ResultJudgement, UndoProgress } from '../../action/action.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { usdFromNano } from '../../action/money.ts'
import type { Flow } from '../../flow/flow.ts'

/** An action as the API answers it. Reads input and result from their payloads unless the caller has the input. */
export async function actionAnswer(flow: Flow, action: Action, knownInput?: JsonObject): Promise<JsonObject> {
  const { state } = action
  const finished =
    state.name === 'succeeded' ||
    state.name === 'failed' ||
    state.name === 'unknown' ||
    state.name === 'undone'
  const [input, result] = await Promise.all([
    knownInput === undefined ? flow.input(action) : knownInput,
    finished ? flow.result(action) : null,
  ])
  return {
    id: action.id,
    agent: action.agent,
    action: action.name,
    effect: action.effect,
    session: action.session,
    ...(action.proposedBy === null ? {} : { proposed_by: action.proposedBy }),
    decision: action.decision,
    effective: action.effective,
    mode: action.mode,
    reasons: action.reasons.map((reason) => ({ ...reason })) as JsonValue,
    state: state.name,
    version: action.version,
    input,
    ...(result === null ? {} : { result }),
    cost_usd: usdFromNano(action.cost),
    confidence: action.confidence,
    proposed_at: isoTime(action.proposedAt),
    updated_at: isoTime(action.updatedAt),
    policy_version: action.policyDigest,
    ...(action.target === null ? {} : { target: action.target }),
    ...(action.toolSchemaVersion === null ? {} : { tool_schema_version: action.toolSchemaVersion }),
    ...stateAnswer(action),
    ...('judged' in state && state.judged !== undefined ? { judged: judgedAnswer(state.judged) } : {}),
  }
}

function judgedAnswer({ decision, effective, reasons }: ResultJudgement): JsonObject {
  return { decision, effective, reasons: reasons.map((reason) => ({ ...reason })) }
}

function stateAnswer({ state }: Action): JsonObject {
  switch (state.name) {
    case 'held':
      return { approval: approvalAnswer(state.approval) }
    case 'ready':
      return {
        expires_at: isoTime(state.expiresAt),
        ...(state.approval === undefined ? {} : { approval: approvalAnswer(state.approval) }),
      }
    case 'executing':
      return { deadline: isoTime(state.deadline) }
    case 'succeeded':
      return state.undo === undefined ? {} : { undo: undoAnswer(state.undo) }
    case 'unknown':
      return { cause: state.cause }
    case 'undone':
      return { undo: { status: 'undone', by: state.by, at: isoTime(state.at) } }
    case 'denied':
    case 'failed':
    case 'expired':
    case 'cancelled':
      return {}
  }
}

function undoAnswer({ status, by, at, deadline, error }: UndoProgress): JsonObject {
  return {
    status,
    by,
    at: isoTime(at),
    ...(deadline === undefined ? {} : { deadline: isoTime(deadline) }),
    ...(error === undefined ? {} : { error }),
  }
}

function approvalAnswer(approval: Approval): JsonObject {
  return {
    id: approval.id,
    expires_at: isoTime(approval.expiresAt),
    step: approval.step,
    steps: approval.steps.map(({ group, quorum, votes }) => ({
      group,
      quorum,
      approved: votes.filter((vote) => vote.outcome === 'approve').length,
    })),
  }
}

export function isoTime(at: number): string {
  return new Date(at).toISOString()
}
