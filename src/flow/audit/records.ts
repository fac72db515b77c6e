import type { Action, Approval, ApprovalStep, ProposalPayload } from '../../action/action.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { usdFromNano } from '../../action/money.ts'
import type { NewPayload, NewRecord, RecordKind } from '../../storage/store.ts'

/** The record of a decision: everything but the payload, by the field names of docs/ledger.md. */
export function decisionRecord(action: Action, payload: ProposalPayload, facts?: JsonObject): NewRecord {
  return {
    kind: 'decision',
    at: action.updatedAt,
    action: action.id,
    agent: action.agent,
    body: {
      name: action.name,
      version: action.version,
      interception_point: action.interceptionPoint,
      mode: action.mode,
      decision: action.decision,
      effective: action.effective,
      reasons: action.reasons as unknown as JsonValue,
      input_identity: action.inputIdentity,
      enforced_identity: action.enforcedIdentity,
      action_digest: action.actionDigest,
      policy_version: action.policyDigest,
      agent_release: action.release,
      session_id: action.session,
      trace: action.trace === null ? null : { trace_id: action.trace.traceId, span_id: action.trace.spanId },
      effect: action.effect,
      confidence: action.confidence,
      cost_usd: usdFromNano(action.cost),
      issued_at: action.proposedAt,
      ...stateBody(action),
      ...(facts !== undefined && { facts }),
    },
    payload: { kind: 'proposal', body: payload as unknown as JsonValue, subjects: action.subjects },
  }
}

/** The record of any later transition. */
export function transitionRecord(
  kind: Exclude<RecordKind, 'decision'>,
  action: Action,
  more: JsonObject = {},
  payload?: NewPayload,
): NewRecord {
  return {
    kind,
    at: action.updatedAt,
    action: action.id,
    agent: action.agent,
    body: { name: action.name, version: action.version, ...stateBody(action), ...more },
    ...(payload && { payload }),
  }
}

function stepBody({ group, quorum, votes, escalatedTo, delegations }: ApprovalStep): JsonObject {
  return {
    group,
    quorum,
    votes: votes.map(({ by, outcome, at, for: place }) => ({
      by,
      outcome,
      at,
      ...(place && { for: place }),
    })),
    ...(escalatedTo && { escalated_to: [...escalatedTo] }),
    ...(delegations &&
      delegations.length > 0 && { delegations: delegations.map(({ from, to, at }) => ({ from, to, at })) }),
  }
}

function grantBody(granted: NonNullable<Approval['grantedBy']>): JsonValue {
  return granted === 'break_glass' ? granted : { ...granted }
}

function stateBody({ state }: Action): JsonObject {
  switch (state.name) {
    case 'held':
    case 'ready':
      return state.approval === undefined
        ? { state: state.name }
        : {
            state: state.name,
            approval: {
              id: state.approval.id,
              step: state.approval.step,
              steps: state.approval.steps.map(stepBody),
              risk: state.approval.risk,
              expires_at: state.approval.expiresAt,
              action_digest: state.approval.actionDigest,
              policy_version: state.approval.policyDigest,
              ...(state.approval.editedBy && { edited_by: [...state.approval.editedBy] }),
              ...(state.approval.breakGlass &&
                state.approval.breakGlass.votes.length > 0 && {
                  break_glass: state.approval.breakGlass.votes.map(({ by, at }) => ({ by, at })),
                }),
              ...(state.approval.grantedBy && { granted_by: grantBody(state.approval.grantedBy) }),
            },
          }
    case 'executing':
      return {
        state: state.name,
        deadline: state.deadline,
        resolved_by: [...(state.approvedBy ?? [])],
        ...(state.grantedBy && { granted_by: grantBody(state.grantedBy) }),
      }
    case 'unknown':
      return { state: state.name, cause: state.cause }
    case 'succeeded':
      return state.undo === undefined
        ? { state: state.name }
        : { state: state.name, undo: { status: state.undo.status, by: state.undo.by } }
    case 'undone':
    case 'cancelled':
      return { state: state.name, by: state.by }
    case 'expired':
      return { state: state.name, was: state.was }
    case 'denied':
    case 'failed':
      return { state: state.name }
  }
}
