import { createHash, randomBytes } from 'node:crypto'
import type { Action } from '../action/action.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import type { Recording } from '../action/recording.ts'
import type { NewPayload } from '../storage/store.ts'
import { recall } from './recall-action.ts'
import type { Stages } from './stages.ts'

/** Every payload kind of a recording begins so; one action may have several. */
export const RECORDING = 'recording:'
/** Payloads of how a page looked before and after a call begin so. */
export const PICTURE = 'picture:'

/** Keeps a recording beside an action. */
export async function keepRecording(stages: Stages, id: string, recording: Recording): Promise<void> {
  const action = await recall(stages, id)
  const { door, answer, withheld, masked } = recording
  const said = {
    door,
    started_at: recording.startedAt,
    status: answer?.status ?? null,
    pieces: answer?.cuts.length ?? 0,
    withheld,
    masked: { request: masked.request, answer: masked.answer },
  }
  await keepBeside(stages, action, said, {
    kind: `${RECORDING}${randomBytes(6).toString('hex')}`,
    body: recording as unknown as JsonValue,
    subjects: action.subjects,
  })
}

/** Keeps a picture beside an action. */
export async function keepPicture(
  stages: Stages,
  id: string,
  when: 'before' | 'after',
  jpeg: Buffer,
): Promise<void> {
  const action = await recall(stages, id)
  const sha256 = createHash('sha256').update(jpeg).digest('hex')
  await keepBeside(
    stages,
    action,
    { door: 'browser', picture: when, bytes: jpeg.length, sha256 },
    {
      kind: `${PICTURE}${when}`,
      body: { type: 'image/jpeg', base64: jpeg.toString('base64') },
      subjects: action.subjects,
    },
  )
}

/** A record of its own that changes nothing of the action; its payload is erased with the action's. */
export async function keepBeside(
  { store }: Pick<Stages, 'store'>,
  { id, agent, name, session }: Action,
  said: JsonObject,
  payload: NewPayload,
): Promise<void> {
  const body = { name, session_id: session, ...said }
  await store.commit({
    records: [{ kind: 'recording', at: store.now(), action: id, agent, body, payload }],
  })
}
