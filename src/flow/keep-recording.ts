import { createHash, randomBytes } from 'node:crypto'
import type { JsonValue } from '../action/json.ts'
import type { Recording } from '../action/recording.ts'
import { recall } from './recall-action.ts'
import type { Stages } from './stages.ts'

/** Every payload kind of a recording begins so; one action may have several. */
export const RECORDING = 'recording:'

/** Keeps a recording beside an action: a record of its own, whose payload is erased with the action's. */
export async function keepRecording(stages: Stages, id: string, recording: Recording): Promise<void> {
  const { store } = stages
  const action = await recall(stages, id)
  const { door, answer, withheld, masked } = recording
  await store.commit({
    records: [
      {
        kind: 'recording',
        at: store.now(),
        action: id,
        agent: action.agent,
        body: {
          name: action.name,
          session_id: action.session,
          door,
          started_at: recording.startedAt,
          status: answer?.status ?? null,
          pieces: answer?.cuts.length ?? 0,
          withheld,
          masked: { request: masked.request, answer: masked.answer },
        },
        payload: {
          kind: `${RECORDING}${randomBytes(6).toString('hex')}`,
          body: recording as unknown as JsonValue,
          subjects: action.subjects,
        },
      },
    ],
  })
}

/** Payloads of how a page looked before and after a call begin so. */
export const PICTURE = 'picture:'

/** Keeps a picture beside an action: a record of its own with its digest, whose payload is erased with the action's. */
export async function keepPicture(
  stages: Stages,
  id: string,
  when: 'before' | 'after',
  jpeg: Buffer,
): Promise<void> {
  const { store } = stages
  const action = await recall(stages, id)
  await store.commit({
    records: [
      {
        kind: 'recording',
        at: store.now(),
        action: id,
        agent: action.agent,
        body: {
          name: action.name,
          session_id: action.session,
          door: 'browser',
          picture: when,
          bytes: jpeg.length,
          sha256: createHash('sha256').update(jpeg).digest('hex'),
        },
        payload: {
          kind: `${PICTURE}${when}`,
          body: { type: 'image/jpeg', base64: jpeg.toString('base64') },
          subjects: action.subjects,
        },
      },
    ],
  })
}
