import type { Action, InState } from '../action/action.ts'
import { actionDigest, canonicalJson } from '../action/digest.ts'
import type { JsonObject } from '../action/json.ts'
import { isIn, moved, wrongState } from '../action/lifecycle.ts'
import { BelayError } from '../errors/catalogue.ts'
import type { Policy } from '../policy/policy.ts'
import type { Transition } from '../storage/store.ts'
import type { Cover } from './approve/cover.ts'
import { permit } from './approve/permit.ts'
import { transitionRecord } from './audit/records.ts'
import { checkContent } from './check-content.ts'
import { begin } from './contain/begin.ts'
import { editorsOf } from './edit-action.ts'
import type { Admitted, HowToPropose } from './flow.ts'
import { judge, standingOf, takeBack, type Judgement } from './judge.ts'
import { proposalOf, remember, storedInput } from './recall-action.ts'
import { setAgentState } from './set-agent-state.ts'
import { coverNow } from './standing-approvals.ts'
import type { Stages } from './stages.ts'

/**
 * Takes the one permission to execute. What was approved, or was decided under another policy or in a budget
 * window that is over, is judged anew first. Two takers race in the store: one wins, the other gets
 * `action:wrong_state` or `action:conflict`.
 */
export async function startAction(
  stages: Stages,
  ready: Action,
  how: Pick<HowToPropose, 'unscored'> = {},
): Promise<Admitted> {
  if (!isIn(ready, 'ready')) {
    if (isIn(ready, 'held'))
      throw new BelayError('action:held', { id: ready.id, approval: ready.state.approval.id })
    throw wrongState(ready, 'starting', 'ready')
  }
  const policy = stages.policies.current()
  const input = await storedInput(stages, ready)
  if (input === null) throw refused(ready, 'its input was erased')
  const agent = stages.monitor.agents.get(ready.agent)
  // A permission that was only observed counts for nothing once the policy enforces.
  const observing = ready.mode === 'observe' && policy.mode === 'observe'
  const at = stages.store.now()
  const needsJudging =
    !observing &&
    (ready.state.approval !== undefined ||
      ready.policyDigest !== policy.digest ||
      agent.state !== 'active' ||
      !stages.monitor.isCurrent(ready, policy, at))
  if (!needsJudging) return take(stages, ready, input, policy, at, [], agent.version)

  const proposal = await proposalOf(stages, ready, input)
  const rule = policy.action(ready.name)
  const opened = {
    id: ready.id,
    at,
    proposal,
    venue: ready.venue,
    policy,
    rule,
    findings: [],
    input,
    cost: ready.cost,
  }
  const checking = checkContent(stages, opened, how)
  const checked = checking instanceof Promise ? await checking : checking
  const again = async (): Promise<Admitted> => {
    for (let attempt = 1; ; attempt++) {
      const judgement = await judge(stages, checked, standingOf(ready))
      let answer: Admitted | BelayError
      try {
        answer = await resolve(stages, ready, input, judgement)
      } catch (error) {
        takeBack(stages, judgement)
        // Others took the last uses meanwhile: another standing approval may cover it, or it is held.
        if (error instanceof StandingGone && attempt < MAX_COVERS) continue
        throw error instanceof StandingGone ? new BelayError('action:conflict', { id: ready.id }) : error
      }
      if (answer instanceof BelayError) throw answer
      return answer
    }
  }
  const alone = stages.store.dialect === 'postgres' && rule?.usesHistory === true
  return alone ? stages.store.exclusively('history', again) : again()
}

const MAX_COVERS = 20

/** The standing approval that was to be counted has no use left. Nothing is done. */
class StandingGone extends Error {}

/** What the second judgement means for an action that was ready. Answers an error once the refusal is durable; throws when nothing is. */
async function resolve(
  stages: Stages,
  ready: InState<'ready'>,
  input: JsonObject,
  judgement: Judgement,
): Promise<Admitted | BelayError> {
  const { judged, verdict } = judgement
  const { policy, at } = judged
  const release = stages.monitor.charges(ready.reservations, null)
  const swap = [
    ...release,
    ...judged.reservations.map(({ account, amount }) => ({ account, reserved: amount, spent: 0 })),
  ]
  if (judgement.breaker !== undefined)
    await setAgentState(stages, ready.agent, judgement.breaker, judgement.breaker.by)

  if (verdict.decision === 'deny') {
    // A pause is not a refusal for good: the action stays ready until it expires.
    if (stages.monitor.agents.get(ready.agent).state === 'paused') {
      throw refused(ready, verdict.reasons[0]?.message ?? 'the agent is paused')
    }
    const denied = moved(ready, { name: 'denied' }, at, {
      decision: 'deny',
      effective: 'deny',
      reasons: verdict.reasons,
      reservations: [],
    })
    await store(stages, denied, ready, {
      records: [transitionRecord('start', denied, again(judgement))],
      charges: release,
    })
    // Under observe room was taken for it all the same.
    takeBack(stages, judgement)
    stages.monitor.settled(release)
    stages.history.remove(standingOf(ready).entry)
    remember(stages, { action: denied, input }, ready)
    return refused(ready, verdict.reasons[0]?.message ?? 'it was refused')
  }
  if (verdict.decision === 'transform') {
    throw refused(ready, 'a check now wants to change the input; propose it again')
  }

  const groups =
    verdict.decision === 'require_approval' ? (judged.approval?.steps.map(({ group }) => group) ?? []) : []
  const digest = actionDigest(
    {
      agent: ready.agent,
      release: ready.release,
      operation: ready.name,
      target: ready.target,
      tool_schema_version: ready.toolSchemaVersion,
    },
    canonicalJson(input),
  )
  const cover = groups.length > 0 ? await coverAtStart(stages, ready, judgement, input) : undefined
  const permission = permit(ready, { digest, policy, groups, cover, now: at })
  const metered = { reservations: judged.reservations, policyDigest: policy.digest }
  if (permission.granted) {
    const begun = begin(permission.action, judged.rule, at)
    const executing = {
      ...begun,
      ...metered,
      replica: stages.store.replica,
      ...(cover && { state: { ...begun.state, grantedBy: { standing: cover.id } } }),
    }
    await store(stages, executing, ready, {
      records: [transitionRecord('start', executing, again(judgement))],
      charges: swap,
      agentUnchanged: { name: ready.agent, version: judged.agentVersion },
      ...(cover && { standingUse: cover }),
    })
    stages.monitor.settled(release)
    return remember(stages, { action: executing, input }, ready)
  }
  if (judged.approval === null) throw refused(ready, permission.cause)
  const editedBy = await editorsOf(stages, ready.id)
  const approval = { ...judged.approval, ...(editedBy.length > 0 && { editedBy }) }
  const held = moved(ready, { name: 'held', approval }, at, {
    ...metered,
    decision: verdict.decision,
    effective: verdict.effective,
    reasons: verdict.reasons,
  })
  await store(stages, held, ready, {
    records: [transitionRecord('start', held, again(judgement))],
    charges: swap,
  })
  stages.monitor.settled(release)
  remember(stages, { action: held, input }, ready)
  return new BelayError('action:held', { id: ready.id, approval: judged.approval.id })
}

/** Where a standing approval made it ready, the one that covers it now: it is counted only here. */
async function coverAtStart(
  stages: Stages,
  { state }: InState<'ready'>,
  { judged }: Judgement,
  input: JsonObject,
): Promise<Cover | undefined> {
  return typeof state.approval?.grantedBy === 'object' ? coverNow(stages, judged, input) : undefined
}

async function take(
  stages: Stages,
  ready: InState<'ready'>,
  input: JsonObject,
  policy: Policy,
  at: number,
  groups: readonly string[],
  agentVersion: number,
): Promise<Admitted> {
  const permission = permit(ready, { digest: ready.actionDigest, policy, groups, now: at })
  if (!permission.granted) throw refused(ready, permission.cause)
  // The effect runs here now: whoever finds this replica dead must find the action too.
  const executing = {
    ...begin(permission.action, policy.action(ready.name), at),
    replica: stages.store.replica,
  }
  await store(stages, executing, ready, {
    records: [transitionRecord('start', executing)],
    agentUnchanged: { name: ready.agent, version: agentVersion },
  })
  return remember(stages, { action: executing, input }, ready)
}

async function store(stages: Stages, value: Action, before: Action, transition: Transition): Promise<void> {
  const result = await stages.store.commit({ ...transition, action: { value, replaces: before.version } })
  if (result.status === 'committed') return
  stages.recent.delete(before.id)
  if (result.on === 'agent') {
    await stages.monitor.agents.refresh()
    throw refused(before, 'the state of its agent changed; try again')
  }
  if (result.on === 'standing') throw new StandingGone()
  const now = await stages.store.action(before.id)
  throw now === undefined || now.state.name === 'ready'
    ? new BelayError('action:conflict', { id: before.id })
    : wrongState(now, 'starting', 'ready')
}

function again({ verdict, judged }: Judgement) {
  return {
    judged_again: {
      decision: verdict.decision,
      reasons: verdict.reasons as never,
      policy_version: judged.policy.digest,
    },
    ...(judged.scores !== undefined && { facts: { quality: [...judged.scores] } }),
  }
}

function refused(action: Action, cause: string): BelayError {
  return new BelayError('action:refused_at_start', { id: action.id, cause: cause.replace(/\.$/, '') })
}
