import type { Action } from '../action/action.ts'
import { isIn } from '../action/lifecycle.ts'
import { BelayError } from '../errors/catalogue.ts'
import type { UndoPreview, UndoSummary, WhatToUndo } from './flow.ts'
import type { Stages } from './stages.ts'
import { planUndo, undoAction } from './undo-action.ts'

/** In reverse order of time; one that cannot be undone is named and does not stop the rest. */
export async function undoAll(stages: Stages, what: WhatToUndo, by: string): Promise<UndoSummary> {
  const undone: string[] = []
  const requested: string[] = []
  const refused: { id: string; code: string; message: string }[] = []
  for await (const action of actionsOf(stages, what)) {
    try {
      const after = await undoAction(stages, action, by)
      if (after.state.name === 'undone') undone.push(action.id)
      else if (isIn(after, 'succeeded') && after.state.undo?.status === 'requested') requested.push(action.id)
      else
        refused.push({
          id: action.id,
          code: 'undo:failed',
          message: `The undo ended as ${isIn(after, 'succeeded') ? after.state.undo?.status : after.state.name}.`,
        })
    } catch (error) {
      refused.push(refusalOf(action.id, error))
    }
  }
  return { undone, requested, refused }
}

/** What `undoAll` would do now, and nothing of it done. Names at most `MOST` actions; `more` says that there are others. */
export async function previewUndo(stages: Stages, what: WhatToUndo): Promise<UndoPreview> {
  const undoable: UndoPreview['undoable'][number][] = []
  const refused: { id: string; code: string; message: string }[] = []
  for await (const action of actionsOf(stages, what)) {
    if (undoable.length + refused.length >= MOST) return { undoable, refused, more: true }
    try {
      const { effect, until } = await planUndo(stages, action)
      undoable.push({
        id: action.id,
        name: action.name,
        how: effect === undefined ? 'agent' : 'belay',
        until,
      })
    } catch (error) {
      refused.push(refusalOf(action.id, error))
    }
  }
  return { undoable, refused, more: false }
}

const MOST = 1_000

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

async function* actionsOf({ store }: Stages, what: WhatToUndo): AsyncGenerator<Action> {
  if ('ids' in what) {
    // Ids are ordered by time: newest first here too.
    for (const id of Array.from(new Set(what.ids)).sort().reverse()) {
      const action = await store.action(id)
      if (action === undefined) throw new BelayError('action:not_found', { id })
      yield action
    }
    return
  }
  let before: string | undefined
  for (;;) {
    const page = await store.actions({ ...what, ...(before !== undefined && { before }), limit: 200 })
    for (const action of page) if (!NOTHING_TO_UNDO.includes(action.state.name)) yield action
    before = page.at(-1)?.id
    if (before === undefined) return
  }
}

function refusalOf(id: string, error: unknown): UndoSummary['refused'][number] {
  if (!(error instanceof BelayError)) throw error
  return { id, code: error.code, message: error.message }
}
