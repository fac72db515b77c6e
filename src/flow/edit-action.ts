import type { Action, Approval, ActionState, InState } from '../action/action.ts'
import { sha256 } from '../action/digest.ts'
import type { JsonValue } from '../action/json.ts'
import { moved } from '../action/lifecycle.ts'
import { BelayError } from '../errors/catalogue.ts'
import type { ActionRule } from '../policy/policy.ts'
import type { NewPayload } from '../storage/store.ts'
import { canPass, placeOf } from './approve/place.ts'
import { noPlace, refuseAuthor } from './approve/vote.ts'
import { transitionRecord } from './audit/records.ts'
import { checkContent } from './check-content.ts'
import { absentNow, onWaiting } from './decide-approval.ts'
import type { Flow } from './flow.ts'
import { judge, standingOf, takeBack, type Judgement } from './judge.ts'
import { proposalOf, remember } from './recall-action.ts'
import type { Stages } from './stages.ts'

type Edit = Parameters<Flow['edit']>[1]

const DEFAULT_START_WITHIN = 300_000

/**
 * Changes the input of an action that waits, by somebody who could vote on it now. The action is judged anew as a whole;
 * what people had approved is void. An edit that the policy would deny, or that leaves too few people to decide,
 * changes nothing.
 */
export async function editAction(stages: Stages, approvalId: string, edit: Edit): Promise<Action> {
  return onWaiting(stages, approvalId, edit.digest, async (held) => {
    await mayEdit(stages, held, edit)
    const policy = stages.policies.current()
    const rule = policy.action(held.name)
    const at = stages.store.now()
    const proposal = await proposalOf(stages, held, edit.input)
    const { id, venue, cost } = held
    const opened = { id, at, proposal, venue, policy, rule, findings: [], input: edit.input, cost }
    const checking = checkContent(stages, opened)
    const checked = checking instanceof Promise ? await checking : checking
    const again = async (): Promise<Action> => {
      const judgement = await judge(stages, checked, standingOf(held))
      try {
        return await record(stages, held, edit, judgement)
      } catch (error) {
        takeBack(stages, judgement)
        throw error
      }
    }
    const alone = stages.store.dialect === 'postgres' && rule?.usesHistory === true
    return alone ? stages.store.exclusively('history', again) : again()
  })
}

/** Who has edited the input of an action: also when it waits anew, they do not decide on what they wrote. */
export async function editorsOf({ store }: Pick<Stages, 'store'>, id: string): Promise<readonly string[]> {
  const edits = (await store.recordsOf(id)).filter(({ kind }) => kind === 'edit')
  return [...new Set(edits.map(({ text }) => (JSON.parse(text) as { readonly by: string }).by))]
}

async function mayEdit(stages: Stages, held: InState<'held'>, { by, owner = false }: Edit): Promise<void> {
  const { approval } = held.state
  const at = stages.store.now()
  if (at >= approval.expiresAt)
    throw new BelayError('approval:not_pending', { id: approval.id, state: 'expired' })
  // Editing again is no vote on what one wrote.
  refuseAuthor(held, by, true)
  const step = approval.steps[approval.step]
  if (owner || step === undefined) return
  const voted = step.votes.some((vote) => vote.by === by)
  if (!voted && placeOf(step, by, held, await absentNow(stages, at)) === undefined) throw noPlace(step, by)
}

async function record(
  stages: Stages,
  held: InState<'held'>,
  edit: Edit,
  judgement: Judgement,
): Promise<Action> {
  const { judged, verdict } = judgement
  if (verdict.decision === 'deny') {
    const cause = verdict.reasons.map(({ message }) => message).join(' ')
    throw new BelayError('approval:edit_refused', { id: held.id, cause })
  }
  const editedBy = [...new Set([...(held.state.approval.editedBy ?? []), edit.by])]
  const state = stateAfter(judgement, editedBy)
  if (state.name === 'held' && !canPass(state.approval, held))
    throw new BelayError('approval:too_few', { group: groupsOf(state.approval) })
  const next = moved(held, state, judged.at, {
    decision: verdict.decision,
    effective: verdict.effective,
    reasons: verdict.reasons,
    policyDigest: judged.policy.digest,
    enforcedIdentity: `sha256:${sha256(judgement.canonicalInput)}`,
    actionDigest: judgement.actionDigest,
    measures: judgement.measures,
    reservations: judged.reservations,
    subjects: [...new Set([...held.subjects, ...judged.subjects])],
  })
  const release = stages.monitor.charges(held.reservations, null)
  const result = await stages.store.commit({
    action: { value: next, replaces: held.version, rewrites: true },
    agentUnchanged: { name: held.agent, version: judged.agentVersion },
    records: [editRecord(next, held, edit, judged)],
    charges: [
      ...release,
      ...judged.reservations.map(({ account, amount }) => ({ account, reserved: amount, spent: 0 })),
    ],
  })
  if (result.status !== 'committed') {
    stages.recent.delete(held.id)
    if (result.on === 'agent') await stages.monitor.agents.refresh()
    throw new BelayError('action:conflict', { id: held.id })
  }
  stages.monitor.settled(release)
  stages.history.remove(standingOf(held).entry)
  stages.history.add(standingOf(next).entry)
  remember(stages, { action: next, input: judged.input }, held)
  return next
}

function stateAfter({ judged, verdict }: Judgement, editedBy: readonly string[]): ActionState {
  const { approval, rule, at } = judged
  if (verdict.effective === 'require_approval' && approval !== null)
    return { name: 'held', approval: { ...approval, editedBy } }
  return { name: 'ready', expiresAt: at + startWithin(rule) }
}

function startWithin(rule: ActionRule | undefined): number {
  return rule?.startWithin ?? DEFAULT_START_WITHIN
}

function editRecord(
  next: Action,
  held: InState<'held'>,
  { by, input, reason }: Edit,
  { input: enforced, scores }: Judgement['judged'],
): ReturnType<typeof transitionRecord> {
  const payload: NewPayload = {
    kind: `edit:${next.version}`,
    body: { input, ...(enforced !== input && { enforced }), ...(reason !== undefined && { reason }) },
    subjects: next.subjects,
  }
  const body = {
    by,
    decision: next.decision,
    effective: next.effective,
    reasons: next.reasons as unknown as JsonValue,
    enforced_identity: next.enforcedIdentity,
    action_digest: next.actionDigest,
    policy_version: next.policyDigest,
    voids: held.state.approval.id,
    ...(scores !== undefined && { facts: { quality: [...scores] } }),
  }
  return transitionRecord('edit', next, body, payload)
}

function groupsOf({ steps }: Approval): string {
  return steps.map(({ group }) => group).join(', ')
}
