import type { Action } from '../action/action.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import { BelayError } from '../errors/catalogue.ts'
import { copyFile, digestNow, putBack, type FileCopy } from './contain/file-copy.ts'
import type { CurrentReader, Undoer } from './contain/undoers.ts'
import { keepBeside } from './keep-recording.ts'
import type { Stages } from './stages.ts'

const BEFORE = 'file:before'
const AFTER = 'file:after'

/** What could not be kept, and why. */
interface NotKept {
  readonly why: string
}

interface Left {
  readonly digest: string
}

/**
 * Keeps the file that an action is about to change, where the policy lets such actions be undone and nobody else does:
 * no function of this process, no webhook. `null`: nobody knows where it lies. Rejects when nothing could be recorded.
 */
export async function keepFile(stages: Stages, action: Action, path: string | null): Promise<void> {
  if (!isKept(stages, action) || (await stored<FileCopy>(stages, action, BEFORE)) !== null) return
  const kept: FileCopy | NotKept =
    path === null ? { why: 'its path is relative, to a folder that nobody told' } : told(() => copyFile(path))
  await keep(stages, action, BEFORE, kept)
}

/** Keeps what the action has left of the file, so that an undo can tell what somebody did since. */
export async function keepLeftFile(stages: Stages, action: Action): Promise<void> {
  const before = isKept(stages, action) ? await stored<FileCopy>(stages, action, BEFORE) : null
  if (before === null || 'why' in before || (await stored<Left>(stages, action, AFTER)) !== null) return
  const left = told((): Left => ({ digest: digestNow(before) }))
  await keep(stages, action, AFTER, left)
}

export interface KeptFile {
  /** As a result would tell what the action left. */
  readonly left: JsonObject
  readonly current: CurrentReader
  readonly undo: Undoer
}

/** How the file of an action is put back; `null`: the action is none of those. Throws `undo:not_kept`. */
export async function keptFile(stages: Stages, action: Action): Promise<KeptFile | null> {
  const copy = await stored<FileCopy>(stages, action, BEFORE)
  if (copy === null) return null
  const left = (await stored<Left>(stages, action, AFTER)) ?? { why: 'what it left was not seen' }
  if ('why' in copy) throw notKept(action, copy.why)
  if ('why' in left) throw notKept(action, left.why)
  // Also where the hook is called on another machine, on which the file lies.
  if (left.digest === copy.digest)
    throw notKept(action, `it has changed nothing at ${copy.path} on ${copy.host}`)
  return {
    left: { digest: left.digest },
    current: () => ({ digest: digestNow(copy) }),
    undo(_input, _result, { current }) {
      const seen = current?.['digest']
      if (typeof seen !== 'string') throw new Error('what is there now could not be read')
      putBack(copy, seen)
      return { digest: copy.digest }
    },
  }
}

function isKept(stages: Stages, action: Action): boolean {
  const rule = stages.policies.current().action(action.name)?.undo ?? null
  return rule !== null && rule.webhook === null && stages.undoers.undoer(action) === undefined
}

function notKept({ id }: Action, cause: string): BelayError {
  return new BelayError('undo:not_kept', { id, cause })
}

function told<T>(look: () => T): T | NotKept {
  try {
    return look()
  } catch (error) {
    return { why: error instanceof Error ? error.message.slice(0, 300) : 'it cannot be read' }
  }
}

async function keep(stages: Stages, action: Action, kind: string, body: object): Promise<void> {
  const payload = { kind, body: { ...body } as unknown as JsonValue, subjects: action.subjects }
  await keepBeside(stages, action, { door: 'hook', kept: kind }, payload)
}

/** `null`: none. */
async function stored<T>(stages: Stages, { id }: Action, kind: string): Promise<T | NotKept | null> {
  const payload = (await stages.store.payloads(id)).find((one) => one.kind === kind)
  if (payload === undefined) return null
  return payload.text === null ? { why: 'it was erased' } : (JSON.parse(payload.text) as T | NotKept)
}
