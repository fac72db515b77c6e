import type { Action, InState, UndoProgress } from '../action/action.ts'
import type { JsonValue } from '../action/json.ts'
import { isIn, moved, wrongState } from '../action/lifecycle.ts'
import { BelayError } from '../errors/catalogue.ts'
import type { NewPayload } from '../storage/store.ts'
import type { UndoRule } from '../policy/policy.ts'
import { transitionRecord } from './audit/records.ts'
import { scopeOf } from './case.ts'
import { callWebhook } from './contain/call-webhook.ts'
import { execute } from './contain/execute.ts'
import type { Undoer } from './contain/undoers.ts'
import { storedInput } from './recall-action.ts'
import { move } from './settle-action.ts'
import type { Stages } from './stages.ts'

/** How long an undo may take, or an agent may take to do one that was asked of it. */
const UNDO_TIMEOUT = 60_000

/**
 * Undoes a succeeded action within its window and condition: by a function of this process, by the policy's
 * webhook, else by asking the agent, which reports back. The intent is on disk before the undo is tried.
 */
export async function undoAction(stages: Stages, action: Action, by: string): Promise<Action> {
  const { succeeded, effect } = await planUndo(stages, action)
  const intent = await progress(stages, succeeded, {
    status: effect === undefined ? 'requested' : 'executing',
    by,
  })
  if (effect === undefined) return intent

  const input = (await storedInput(stages, action)) ?? {}
  const result = await storedResult(stages, action)
  const at = stages.store.now()
  const executing = {
    ...intent,
    state: { name: 'executing' as const, startedAt: at, deadline: at + UNDO_TIMEOUT },
  }
  const done = await execute(
    executing,
    input,
    (given, context) =>
      // Not the effect's own key: an outside service would take the undo for a repeat of the effect.
      effect(given, result, { ...context, idempotencyKey: `${action.id}:undo` }),
    at,
  )
  const outcome = done.report.outcome
  return progress(stages, intent, {
    status: outcome === 'succeeded' ? 'undone' : outcome,
    by,
    ...(done.report.error !== undefined && { error: done.report.error.slice(0, 1000) }),
  })
}

/** What an undo would do now: `effect` inside Belay, without one the agent is asked. Throws `undo:…` with the reason why not. */
export async function planUndo(
  stages: Stages,
  action: Action,
): Promise<{
  readonly succeeded: InState<'succeeded'>
  readonly effect: Undoer | undefined
  /** Epoch ms. */
  readonly until: number
}> {
  if (!isIn(action, 'succeeded')) throw wrongState(action, 'undoing', 'succeeded')
  const { undo } = action.state
  if (undo !== undefined && (undo.status === 'requested' || undo.status === 'executing')) {
    throw new BelayError('undo:in_progress', { id: action.id, state: undo.status })
  }
  const rule = stages.policies.current().action(action.name)?.undo ?? null
  const undoer = stages.undoers.undoer(action)
  if (rule === null) throw new BelayError('undo:not_declared', { action: action.name })
  await mayUndo(stages, action, rule)
  const effect = undoer ?? (rule.webhook === null ? undefined : callWebhook(rule.webhook))
  return { succeeded: action, effect, until: action.state.at + rule.within }
}

/** What the agent says of an undo that was requested of it. */
export async function reportUndo(
  stages: Stages,
  action: Action,
  report: { readonly outcome: 'succeeded' | 'failed' | 'unknown'; readonly error?: string },
): Promise<Action> {
  if (!isIn(action, 'succeeded') || action.state.undo === undefined)
    throw wrongState(action, 'reporting an undo', 'succeeded')
  const { undo } = action.state
  // A late report of an undo whose fate is unknown is as good as one of a late effect.
  if (undo.status !== 'requested' && undo.status !== 'unknown')
    throw new BelayError('undo:in_progress', { id: action.id, state: undo.status })
  const status = report.outcome === 'succeeded' ? 'undone' : report.outcome
  return progress(stages, action, {
    status,
    by: undo.by,
    ...(report.error !== undefined && { error: report.error }),
  })
}

async function mayUndo(stages: Stages, action: InState<'succeeded'>, rule: UndoRule): Promise<void> {
  const now = stages.store.now()
  const until = action.state.at + rule.within
  if (now > until)
    throw new BelayError('undo:too_late', { id: action.id, until: new Date(until).toISOString() })
  if (rule.when === null) return
  const policy = stages.policies.current()
  const input = (await storedInput(stages, action)) ?? {}
  const proposal = {
    agent: action.agent,
    action: action.name,
    input,
    ...(action.session !== null && { session: action.session }),
  }
  const scope = scopeOf(
    { proposal, input, cost: action.cost, rule: policy.action(action.name) },
    now,
    stages.history.view(action.agent, now),
    stages.monitor.agents.get(action.agent).state,
    await storedResult(stages, action),
  )
  let holds = false
  try {
    holds = rule.when.evaluate(scope)
  } catch {
    // A condition that cannot be evaluated does not hold.
  }
  if (!holds) throw new BelayError('undo:condition', { id: action.id, when: rule.when.source })
}

export async function storedResult(stages: Pick<Stages, 'store'>, action: Action): Promise<JsonValue> {
  const payloads = await stages.store.payloads(action.id)
  const stored =
    payloads.find(({ kind }) => kind === 'outcome:late') ?? payloads.find(({ kind }) => kind === 'outcome')
  if (stored?.text == null) return null
  return (JSON.parse(stored.text) as { result: JsonValue }).result
}

async function progress(
  stages: Stages,
  action: InState<'succeeded'>,
  to: Pick<UndoProgress, 'status' | 'by' | 'error'>,
): Promise<InState<'succeeded'>> {
  const at = stages.store.now()
  const { error, ...rest } = to
  const pending = to.status === 'requested' || to.status === 'executing'
  const undo: UndoProgress = { ...rest, at, ...(pending && { deadline: at + UNDO_TIMEOUT }) }
  const next =
    to.status === 'undone'
      ? moved(action, { name: 'undone', at, by: to.by }, at)
      : moved(action, { ...action.state, undo }, at)
  const payload: NewPayload | undefined =
    error === undefined
      ? undefined
      : { kind: `undo:${next.version}`, body: { error }, subjects: action.subjects }
  await move(stages, action, next, transitionRecord('undo', next, { status: to.status }, payload))
  return next as InState<'succeeded'>
}
