import type { Action, ActionState, Proposal, ProposalPayload, Venue } from '../action/action.ts'
import { newActionId } from '../action/action-id.ts'
import { canonicalJson, digestOf, sha256 } from '../action/digest.ts'
import type { JsonObject } from '../action/json.ts'
import { dueAt } from '../action/lifecycle.ts'
import { refuseBadAmount } from '../action/money.ts'
import { BelayError } from '../errors/catalogue.ts'
import type { Transition } from '../storage/store.ts'
import { decisionRecord } from './audit/records.ts'
import type { Case, CheckedCase } from './case.ts'
import { checkContent } from './check-content.ts'
import { begin } from './contain/begin.ts'
import type { Cover } from './approve/cover.ts'
import { permit } from './approve/permit.ts'
import type { Admitted, HowToPropose } from './flow.ts'
import { judge, takeBack, worstCost, type Judgement } from './judge.ts'
import { recall, remember, storedInput } from './recall-action.ts'
import { registerAgent, setAgentState } from './set-agent-state.ts'
import { coverNow } from './standing-approvals.ts'
import type { Stages } from './stages.ts'
import { startAction } from './start-action.ts'

/**
 * One action, from proposal to the state that is on disk when this answers. Decision, reservation and state
 * are one commit; what comes after (a person's yes, the start, the outcome) is a state, not a stack frame.
 */
export async function runAction(stages: Stages, proposal: Proposal, how: HowToPropose): Promise<Admitted> {
  refuseBadAmount(proposal.cost)
  const repeated = await earlier(stages, proposal)
  if (repeated !== undefined) return repeated
  await registerAgent(stages, proposal.agent)

  const checking = openAndCheck(stages, proposal, how)
  const checked = checking instanceof Promise ? await checking : checking

  const decideAndRecord = async (): Promise<Admitted> => {
    for (;;) {
      const judgement = await judge(stages, checked)
      const cover =
        judgement.verdict.effective === 'require_approval'
          ? await coverOrTakeBack(stages, judgement)
          : undefined
      const admitted = admitOrTakeBack(stages, judgement, how, cover)
      const result = await commitOrTakeBack(stages, judgement, transitionOf(admitted, judgement))
      if (judgement.breaker !== undefined)
        await setAgentState(stages, proposal.agent, judgement.breaker, judgement.breaker.by).catch(
          stages.onFault,
        )
      if (result === 'committed') return remember(stages, admitted)
      if (result === 'idempotency') return (await earlier(stages, proposal)) ?? conflict(admitted.action.id)
      // The agent was paused, resumed or stopped meanwhile: judge by what it is now.
      await stages.monitor.agents.refresh()
    }
  }
  const alone = stages.store.dialect === 'postgres' && checked.rule?.usesHistory === true
  const admitted = await (alone ? stages.store.exclusively('history', decideAndRecord) : decideAndRecord())
  return how.start && isCovered(admitted) ? startCovered(stages, admitted) : admitted
}

/** Approved in advance: it needs a start of its own, with which the use is counted. */
function isCovered({ action: { state }, repeated }: Admitted): boolean {
  return repeated !== true && state.name === 'ready' && typeof state.approval?.grantedBy === 'object'
}

async function startCovered(stages: Stages, admitted: Admitted): Promise<Admitted> {
  try {
    return await startAction(stages, admitted.action)
  } catch (error) {
    // Held, because others took the last uses; or refused meanwhile: the action says so itself.
    if (!(error instanceof BelayError) || error.status !== 409) throw error
    return { action: await recall(stages, admitted.action.id), input: admitted.input }
  }
}

async function coverOrTakeBack(stages: Stages, judgement: Judgement): Promise<Cover | undefined> {
  try {
    return await coverNow(stages, judgement.judged, judgement.judged.input)
  } catch (error) {
    takeBack(stages, judgement)
    throw error
  }
}

function openAndCheck(
  stages: Stages,
  proposal: Proposal,
  how: HowToPropose,
): CheckedCase | Promise<CheckedCase> {
  const checking = checkContent(stages, open(stages, proposal, how.venue), how)
  if (!(checking instanceof Promise)) return checking
  return checking.then((checked) =>
    // A judge takes seconds: a policy that came meanwhile holds.
    checked.policy.digest === stages.policies.current().digest
      ? checked
      : openAndCheck(stages, proposal, how),
  )
}

function open(stages: Stages, proposal: Proposal, venue: Venue): Case {
  const policy = stages.policies.current()
  const rule = policy.action(proposal.action)
  const at = stages.store.now()
  return {
    id: newActionId(at),
    at,
    proposal,
    venue,
    policy,
    rule,
    findings: [],
    input: proposal.input,
    cost: worstCost(proposal.cost, rule?.cost),
  }
}

function admitOrTakeBack(
  stages: Stages,
  judgement: Judgement,
  how: HowToPropose,
  cover: Cover | undefined,
): Admitted {
  try {
    return admit(stages, judgement, how, cover)
  } catch (error) {
    takeBack(stages, judgement)
    throw error
  }
}

/** The verdict as an action in its first state. */
function admit(
  stages: Stages,
  judgement: Judgement,
  { start }: HowToPropose,
  cover: Cover | undefined,
): Admitted {
  const { judged, verdict, actionDigest, canonicalInput, measures } = judgement
  const { proposal, policy, rule, at } = judged
  const observing = policy.mode === 'observe'
  // Under observe nothing is changed either: what was proposed is what may be executed.
  const input = observing ? proposal.input : judged.input
  const enforcedIdentity = `sha256:${sha256(canonicalInput)}`
  const state = firstState(judgement, cover)
  const action: Action = {
    id: judged.id,
    version: 1,
    interceptionPoint: proposal.interceptionPoint ?? 'pre_tool_call',
    agent: proposal.agent,
    proposedBy: proposal.proposedBy ?? null,
    name: proposal.action,
    session: proposal.session ?? null,
    effect: rule?.effect ?? 'irreversible',
    mode: policy.mode,
    decision: verdict.decision,
    effective: verdict.effective,
    reasons: verdict.reasons,
    policyDigest: policy.digest,
    inputIdentity: judged.input === proposal.input ? enforcedIdentity : digestOf(proposal.input),
    enforcedIdentity,
    actionDigest,
    confidence: proposal.confidence ?? null,
    release: proposal.release ?? null,
    target: proposal.target ?? null,
    toolSchemaVersion: proposal.toolSchemaVersion ?? null,
    trace: proposal.trace ?? null,
    venue: judged.venue,
    replica: stages.store.replica,
    idempotency: idempotencyOf(proposal),
    proposedAt: at,
    updatedAt: at,
    dueAt: dueAt(state),
    cost: judged.cost,
    reservations: verdict.effective === 'deny' ? [] : judged.reservations,
    measures,
    subjects: judged.subjects,
    state,
  }
  if (state.name !== 'ready' || !start || cover !== undefined) return { action, input }
  const permission = permit(action as typeof action & { state: typeof state }, {
    digest: actionDigest,
    policy,
    groups: [],
    now: at,
  })
  if (!permission.granted)
    throw new BelayError('action:refused_at_start', { id: action.id, cause: permission.cause })
  return { action: { ...begin(permission.action, rule, at), version: 1 }, input }
}

function firstState({ judged, verdict }: Judgement, cover: Cover | undefined): ActionState {
  const { approval, at } = judged
  if (verdict.effective === 'deny') return { name: 'denied' }
  const ready = { name: 'ready', expiresAt: at + (judged.rule?.startWithin ?? 300_000) } as const
  if (verdict.effective !== 'require_approval' || approval === null) return ready
  if (cover === undefined) return { name: 'held', approval }
  const grantedBy = { standing: cover.id }
  return { ...ready, approval: { ...approval, step: approval.steps.length, grantedAt: at, grantedBy } }
}

function transitionOf({ action }: Admitted, judgement: Judgement): Transition {
  return {
    action: { value: action, replaces: null },
    agentUnchanged: { name: action.agent, version: judgement.judged.agentVersion },
    charges: action.reservations.map(({ account, amount }) => ({ account, reserved: amount, spent: 0 })),
    records: [decisionRecord(action, payloadOf(judgement), factsOf(judgement))],
  }
}

function factsOf({ judged: { proposal, scores } }: Judgement): JsonObject | undefined {
  return scores === undefined ? proposal.facts : { ...proposal.facts, quality: [...scores] }
}

function payloadOf({ judged }: Judgement): ProposalPayload {
  const { proposal, input, findings } = judged
  const evidence = findings.flatMap(({ reason, evidence: value }) =>
    value === undefined ? [] : [{ code: reason.code, value }],
  )
  return {
    input: proposal.input,
    ...(input !== proposal.input && { enforced: input }),
    ...(proposal.reason !== undefined && { reason: proposal.reason }),
    ...(proposal.provenance && { provenance: proposal.provenance }),
    ...(evidence.length > 0 && { evidence }),
  }
}

/** On failure everything taken in memory goes back before the error reaches the caller. */
async function commitOrTakeBack(stages: Stages, judgement: Judgement, transition: Transition) {
  try {
    stages.rideAlong.leave()
    const result = await stages.store.commit(transition)
    if (result.status === 'committed') return 'committed'
    takeBack(stages, judgement)
    return result.on
  } catch (error) {
    takeBack(stages, judgement)
    throw error
  }
}

/** The action that the same idempotency key stands for already. */
async function earlier(stages: Stages, proposal: Proposal): Promise<Admitted | undefined> {
  const idempotency = idempotencyOf(proposal)
  if (idempotency === null) return undefined
  const action = await stages.store.actionByIdempotency(idempotency.key)
  if (action === undefined) return undefined
  if (action.idempotency?.proposal !== idempotency.proposal) {
    throw new BelayError('action:idempotency_mismatch', { id: action.id })
  }
  return { action, input: (await storedInput(stages, action)) ?? {}, repeated: true }
}

function idempotencyOf({ agent, action, input, idempotencyKey }: Proposal): Action['idempotency'] {
  if (idempotencyKey === undefined) return null
  // Hashed: keys are often made of personal data, and records outlive erasure.
  return {
    key: sha256(canonicalJson([agent, idempotencyKey])),
    proposal: sha256(canonicalJson([action, input])),
  }
}

function conflict(id: string): never {
  throw new BelayError('action:conflict', { id })
}
