import type { Action } from '../action/action.ts'
import { isIn } from '../action/lifecycle.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import { BelayError } from '../errors/catalogue.ts'
import { isLeftBy, UndoConflict } from './compare-current.ts'
import type { HowToUndoMany, UndoPreview, UndoSummary, WhatToUndo } from './flow.ts'
import { recall } from './recall-action.ts'
import type { Stages } from './stages.ts'
import { planUndo, undoAction } from './undo-action.ts'

/** At most so many are named. */
const MOST = 1_000
/** Effects of a session that are looked at: the newest. */
const LONGEST_SESSION = 10_000
/** How long the agent is waited for that was asked to undo one action of a session. */
const AGENT_WAIT = 30_000

type Refused = UndoSummary['refused'][number]

/**
 * In reverse order of time. Of what an agent did since a time, one that cannot be undone is named and does not stop
 * the rest. A session is a chain: there it stops, because what came before may be what the later rests on, unless
 * `past` says to go on. Whatever was undone stays so; asked again, it goes on from there.
 */
export async function undoAll(
  stages: Stages,
  what: WhatToUndo,
  by: string,
  { overwrite = [], past = !('session' in what) }: HowToUndoMany = {},
): Promise<UndoSummary> {
  const undone: string[] = []
  const requested: string[] = []
  const refused: Refused[] = []
  const left: string[] = []
  /** What is there now of each thing, by the undos so far. */
  const leftBy = new Map<string, JsonObject>()
  let stoppedAt: string | null = null
  const seen = new Set(overwrite)
  for await (const action of actionsOf(stages, what)) {
    if (stoppedAt !== null) {
      if (left.length < MOST) left.push(action.id)
      continue
    }
    const outcome = await undoOne(action)
    if (outcome === 'stop' && !past) stoppedAt = action.id
  }
  return { undone, requested, refused, left, stoppedAt }

  async function undoOne(action: Action): Promise<'done' | 'stop'> {
    try {
      const done = await undoAction(stages, action, by, {
        overwrite: seen.has(action.id),
        isOurs: (about, changed) => {
          const latest = about === null ? undefined : leftBy.get(about)
          return latest !== undefined && isLeftBy(latest, changed)
        },
      })
      // The one before may rest on this one: it is not begun while this one is still under way.
      const after = 'session' in what ? await answered(stages, done.action) : done.action
      if (after.state.name === 'undone') {
        undone.push(action.id)
        if (done.about !== null && done.left !== null) leftBy.set(done.about, done.left)
        return 'done'
      }
      if (isIn(after, 'succeeded') && after.state.undo?.status === 'requested') requested.push(action.id)
      else refused.push(endedAs(after))
    } catch (error) {
      refused.push(refusalOf(action, error))
    }
    return 'stop'
  }
}

/** What `undoAll` would do now, and nothing of it done. Names at most `MOST` actions; `more` says that there are others. */
export async function previewUndo(
  stages: Stages,
  what: WhatToUndo,
  { overwrite = [], past = !('session' in what) }: HowToUndoMany = {},
): Promise<UndoPreview> {
  const undoable: UndoPreview['undoable'][number][] = []
  const refused: Refused[] = []
  /** What the later actions left, which would be undone by then. */
  const later: { readonly about: string; readonly result: JsonValue }[] = []
  const seen = new Set(overwrite)
  let stopsAt: string | null = null
  for await (const action of actionsOf(stages, what)) {
    if (undoable.length + refused.length >= MOST) return { undoable, refused, more: true, stopsAt }
    try {
      const { effect, until, compared, result, about } = await planUndo(stages, action, {
        overwrite: seen.has(action.id),
        // As when it is done: without `about` nobody can tell that both are about the same thing.
        isOurs: (own, changed) => later.some((one) => one.about === own && isLeftBy(one.result, changed)),
      })
      if (about !== null) later.push({ about, result })
      undoable.push({
        id: action.id,
        name: action.name,
        how: effect === undefined ? 'agent' : 'belay',
        until,
        compared,
      })
    } catch (error) {
      refused.push(refusalOf(action, error))
      if (!past) stopsAt ??= action.id
    }
  }
  return { undoable, refused, more: false, stopsAt }
}

/** States in which nothing took effect, or nothing is left of it: these are not worth a refusal. */
const NOTHING_TO_UNDO: readonly string[] = [
  'denied',
  'held',
  'ready',
  'expired',
  'cancelled',
  'undone',
  'failed',
]

async function* actionsOf(stages: Stages, what: WhatToUndo): AsyncGenerator<Action> {
  const { store } = stages
  if ('ids' in what) {
    // Ids are ordered by time: newest first here too.
    for (const id of [...new Set(what.ids)].toSorted().toReversed()) {
      const action = await store.action(id)
      if (action === undefined) throw new BelayError('action:not_found', { id })
      yield action
    }
    return
  }
  if ('session' in what) yield* await effectsOf(stages, what)
  else
    for await (const action of pagesOf(stages, what))
      if (!NOTHING_TO_UNDO.includes(action.state.name)) yield action
}

/** What a session changed, the last effect first: what waited for a person took effect later than it was proposed. */
async function effectsOf(
  stages: Stages,
  what: { readonly agent: string; readonly session: string },
): Promise<readonly Action[]> {
  const effects: Action[] = []
  for await (const action of pagesOf(stages, what)) {
    if (NOTHING_TO_UNDO.includes(action.state.name) || changesNothing(stages, action)) continue
    if (effects.push(action) === LONGEST_SESSION) break
  }
  const at = ({ state, updatedAt }: Action): number => ('at' in state ? state.at : updatedAt)
  return effects.sort((a, b) => at(b) - at(a) || (a.id < b.id ? 1 : -1))
}

async function* pagesOf(
  { store }: Stages,
  what: {
    readonly agent: string
    readonly action?: string
    readonly since?: number
    readonly session?: string
  },
): AsyncGenerator<Action> {
  let before: string | undefined
  for (;;) {
    const page = await store.actions({ ...what, ...(before !== undefined && { before }), limit: 200 })
    yield* page
    before = page.at(-1)?.id
    if (before === undefined) return
  }
}

/** Reading leaves nothing behind, and neither does asking a model: a session is full of both. */
function changesNothing(stages: Stages, action: Action): boolean {
  const declared = stages.policies.current().action(action.name)?.undo != null
  return !declared && (action.effect === 'read' || action.interceptionPoint !== 'pre_tool_call')
}

/** The action when the agent has answered, or as it is when that takes too long. */
async function answered(stages: Stages, action: Action): Promise<Action> {
  const until = performance.now() + AGENT_WAIT
  let now = action
  for (;;) {
    const left = until - performance.now()
    if (!isIn(now, 'succeeded') || now.state.undo?.status !== 'requested' || left <= 0) return now
    const changed = stages.waiters.wait(now.id, left)
    const latest = await recall(stages, now.id)
    if (latest.version === now.version) await changed
    else stages.waiters.notify(now.id)
    now = await recall(stages, now.id)
  }
}

function endedAs(after: Action): Refused {
  const status = isIn(after, 'succeeded') ? after.state.undo?.status : after.state.name
  return { id: after.id, name: after.name, code: 'undo:failed', message: `The undo ended as ${status}.` }
}

function refusalOf({ id, name }: Action, error: unknown): Refused {
  if (!(error instanceof BelayError)) throw error
  const changed = error instanceof UndoConflict ? { changed: error.changed } : {}
  return { id, name, code: error.code, message: error.message, ...changed }
}
