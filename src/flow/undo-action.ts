import type { Action, InState, UndoProgress } from '../action/action.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import { isJsonObject } from '../action/json.ts'
import { isIn, moved, wrongState } from '../action/lifecycle.ts'
import { BelayError } from '../errors/catalogue.ts'
import type { NewPayload } from '../storage/store.ts'
import type { Scope, UndoRule } from '../policy/policy.ts'
import { transitionRecord } from './audit/records.ts'
import { scopeOf } from './case.ts'
import { changesSince, renewed, UndoConflict, type Change } from './compare-current.ts'
import { askCurrent, callWebhook } from './contain/call-webhook.ts'
import { execute, OutcomeUnknown } from './contain/execute.ts'
import type { CurrentReader, Undoer } from './contain/undoers.ts'
import { keptFile } from './kept-files.ts'
import { storedInput } from './recall-action.ts'
import { move } from './settle-action.ts'
import type { Stages } from './stages.ts'

/** How long an undo may take, or an agent may take to do one that was asked of it. */
const UNDO_TIMEOUT = 60_000
/** How long what is there now may take to be told. */
const LOOK_TIMEOUT = 15_000

export interface UndoPlan {
  readonly succeeded: InState<'succeeded'>
  /** Inside Belay; `undefined`: the agent is asked. */
  readonly effect: Undoer | undefined
  /** When it will be too late, epoch ms. */
  readonly until: number
  readonly input: JsonObject
  readonly result: JsonValue
  /** What is there now; `null` when nobody can tell, or only the agent. */
  readonly current: JsonObject | null
  /** Whether what is there now was compared with what the action left. */
  readonly compared: boolean
  /** What it changed, as the policy names it. */
  readonly about: string | null
}

export interface HowToUndo {
  /** A person has seen what changed since, and says that it may be overwritten. */
  readonly overwrite?: boolean
  /** Whether the changes come from undos or actions that are dealt with before this one. */
  readonly isOurs?: (about: string | null, changed: readonly Change[]) => boolean
}

/**
 * Undoes a succeeded action within its window and condition, if nothing has changed since: by a function of this
 * process, by the policy's webhook, from the kept copy of a file, else by asking the agent, which reports back. The intent is on disk before the
 * undo is tried. `left` tells what is there afterwards, where the undo said so.
 */
export async function undoAction(
  stages: Stages,
  action: Action,
  by: string,
  how: HowToUndo = {},
): Promise<{ readonly action: Action; readonly left: JsonObject | null; readonly about: string | null }> {
  const { succeeded, effect, input, result, current, about } = await planUndo(stages, action, how)
  const intent = await progress(
    stages,
    succeeded,
    {
      status: effect === undefined ? 'requested' : 'executing',
      by,
      ...(how.overwrite === true && { overwrite: true }),
    },
    { ...(current !== null && { current }) },
  )
  if (effect === undefined) return { action: intent, left: null, about }

  const at = stages.store.now()
  const executing = {
    ...intent,
    state: { name: 'executing' as const, startedAt: at, deadline: at + UNDO_TIMEOUT },
  }
  const done = await execute(
    executing,
    input,
    (given, context) =>
      effect(given, result, {
        ...context,
        // Not the effect's own key: an outside service would take the undo for a repeat of the effect.
        idempotencyKey: `${action.id}:undo`,
        ...(current !== null && { current }),
      }),
    at,
  )
  const { outcome, error } = done.report
  const after = await progress(
    stages,
    intent,
    {
      status: outcome === 'succeeded' ? 'undone' : outcome,
      by,
      ...(how.overwrite === true && { overwrite: true }),
    },
    { ...(error !== undefined && { error: error.slice(0, 1000) }) },
  )
  return {
    action: after,
    left: 'value' in done && isJsonObject(done.report.result) ? done.report.result : null,
    about,
  }
}

/** What an undo would do now. Throws `undo:…` with the reason why not. */
export async function planUndo(stages: Stages, action: Action, how: HowToUndo = {}): Promise<UndoPlan> {
  if (!isIn(action, 'succeeded')) throw wrongState(action, 'undoing', 'succeeded')
  const { undo } = action.state
  if (undo !== undefined && (undo.status === 'requested' || undo.status === 'executing')) {
    throw new BelayError('undo:in_progress', { id: action.id, state: undo.status })
  }
  const rule = stages.policies.current().action(action.name)?.undo ?? null
  if (rule === null) throw new BelayError('undo:not_declared', { action: action.name })
  const until = action.state.at + rule.within
  if (stages.store.now() > until)
    throw new BelayError('undo:too_late', { id: action.id, until: new Date(until).toISOString() })

  const input = (await storedInput(stages, action)) ?? {}
  const result = await storedResult(stages, action)
  const own = stages.undoers.undoer(action) ?? (rule.webhook === null ? undefined : callWebhook(rule.webhook))
  const kept = own === undefined ? await keptFile(stages, action) : null
  const effect = own ?? kept?.undo
  const overwrite = how.overwrite === true
  const current = await look(stages, action, rule, { input, result, overwrite }, kept?.current)
  const about = aboutOf(stages, action, rule, input)
  const against = kept === null ? { rule, result } : { rule: { ...rule, unchanged: null }, result: kept.left }
  const compared =
    current !== null && refuseChanged(action, against.rule, { result: against.result, current, about }, how)
  refuseCondition(stages, action, rule, input, renewed(result, current))
  return { succeeded: action, effect, until, input, result, current, compared, about }
}

/**
 * What the agent that was asked to undo says is there now, before it does. The undo ends as failed when that has
 * changed since or the condition does not hold any more; else it is still `requested`, and the agent goes on.
 */
export async function checkRequested(stages: Stages, action: Action, current: JsonObject): Promise<Action> {
  if (!isIn(action, 'succeeded') || action.state.undo?.status !== 'requested')
    throw wrongState(action, 'telling what is there now', 'succeeded')
  const { undo } = action.state
  const rule = stages.policies.current().action(action.name)?.undo ?? null
  try {
    if (rule === null) throw new BelayError('undo:not_declared', { action: action.name })
    const input = (await storedInput(stages, action)) ?? {}
    const result = await storedResult(stages, action)
    refuseChanged(action, rule, { result, current, about: null }, { overwrite: undo.overwrite === true })
    refuseCondition(stages, action, rule, input, renewed(result, current))
    return action
  } catch (error) {
    if (!(error instanceof BelayError)) throw error
    return progress(
      stages,
      action,
      { status: 'failed', by: undo.by },
      { error: error.message.slice(0, 1000), current },
    )
  }
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
  const { error } = report
  return progress(stages, action, { status, by: undo.by }, { ...(error !== undefined && { error }) })
}

/** What is there now. What cannot be told refuses, unless a person takes that on; a condition needs to know it. */
async function look(
  stages: Stages,
  action: InState<'succeeded'>,
  rule: UndoRule,
  known: { readonly input: JsonObject; readonly result: JsonValue; readonly overwrite: boolean },
  ofKept: CurrentReader | undefined,
): Promise<JsonObject | null> {
  const reader =
    ofKept ?? stages.undoers.reader(action) ?? (rule.current === null ? undefined : askCurrent(rule.current))
  if (reader === undefined) return null
  const looking = {
    id: action.id,
    state: { name: 'executing' as const, startedAt: 0, deadline: LOOK_TIMEOUT },
  }
  const done = await execute(
    looking,
    known.input,
    (input, context) => reader(input, known.result, { ...context, idempotencyKey: `${action.id}:current` }),
    0,
  )
  if (
    'value' in done &&
    isJsonObject(done.report.result) &&
    done.report.result['belay_omitted'] === undefined
  )
    return done.report.result
  if (known.overwrite && rule.when === null) return null
  throw new BelayError('undo:unchecked', { id: action.id, cause: causeOf(done) })
}

function causeOf(done: Awaited<ReturnType<typeof execute>>): string {
  if ('value' in done) return 'no object was told'
  const { error } = done
  const inner = error instanceof OutcomeUnknown && error.cause instanceof Error ? error.cause : error
  return (inner instanceof Error ? inner.message : String(inner)).slice(0, 300).toWellFormed()
}

function refuseChanged(
  action: Action,
  rule: UndoRule,
  now: { readonly result: JsonValue; readonly current: JsonObject; readonly about: string | null },
  { overwrite = false, isOurs }: HowToUndo,
): boolean {
  const changed = changesSince(now.result, now.current, rule.unchanged)
  if (changed === null) return false
  if (changed.length > 0 && !overwrite && isOurs?.(now.about, changed) !== true)
    throw new UndoConflict(action.id, changed)
  return true
}

function refuseCondition(
  stages: Stages,
  action: Action,
  rule: UndoRule,
  input: JsonObject,
  result: JsonValue,
): void {
  if (rule.when === null) return
  let holds = false
  try {
    holds = rule.when.evaluate(scopeFor(stages, action, input, result))
  } catch {
    // A condition that cannot be evaluated does not hold.
  }
  if (!holds) throw new BelayError('undo:condition', { id: action.id, when: rule.when.source })
}

function aboutOf(stages: Stages, action: Action, rule: UndoRule, input: JsonObject): string | null {
  try {
    return rule.about === null
      ? null
      : JSON.stringify(rule.about.evaluate(scopeFor(stages, action, input, null)))
  } catch {
    return null
  }
}

function scopeFor(stages: Stages, action: Action, input: JsonObject, result: JsonValue): Scope {
  const now = stages.store.now()
  const proposal = {
    agent: action.agent,
    action: action.name,
    input,
    ...(action.session !== null && { session: action.session }),
  }
  return scopeOf(
    { proposal, input, cost: action.cost, rule: stages.policies.current().action(action.name) },
    now,
    stages.history.view(action.agent, now),
    stages.monitor.agents.get(action.agent).state,
    result,
  )
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
  to: Pick<UndoProgress, 'status' | 'by' | 'overwrite'>,
  told: { readonly error?: string; readonly current?: JsonObject } = {},
): Promise<InState<'succeeded'>> {
  const at = stages.store.now()
  const pending = to.status === 'requested' || to.status === 'executing'
  const undo: UndoProgress = { ...to, at, ...(pending && { deadline: at + UNDO_TIMEOUT }) }
  const next =
    to.status === 'undone'
      ? moved(action, { name: 'undone', at, by: to.by }, at)
      : moved(action, { ...action.state, undo }, at)
  const payload: NewPayload | undefined =
    Object.keys(told).length === 0
      ? undefined
      : { kind: `undo:${next.version}`, body: { ...told }, subjects: action.subjects }
  const body = { status: to.status, ...(to.overwrite === true && { overwrite: true }) }
  await move(stages, action, next, transitionRecord('undo', next, body, payload))
  return next as InState<'succeeded'>
}
