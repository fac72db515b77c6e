import type { JsonValue } from '../../action/json.ts'
import type { RecordedDoor, Recording } from '../../action/recording.ts'
import type { AnswerTape } from './answer-tape.ts'
import { maskAnswer, maskJson, maskText } from './mask-secrets.ts'

export interface RecordedRequest {
  readonly door: RecordedDoor
  readonly method: string
  readonly path: string
  /** The bytes of the body; `null` where there was none. */
  readonly body: Buffer | null
}

/** What is kept of a request and its answer, without the secrets in either; `null` when there was no answer. */
export function recordingOf(
  { door, method, path, body }: RecordedRequest,
  tape: AnswerTape,
): Recording | null {
  const answer = tape.answer()
  if (answer === null) return null
  const request = maskJson(bodyOf(body))
  const place = maskText(path)
  const common = {
    v: 1 as const,
    door,
    method,
    path: place.value,
    request: request.value,
    startedAt: tape.startedAt,
  }
  const inRequest = request.count + place.count
  if (answer === 'too_large')
    return { ...common, answer: null, withheld: 'too_large', masked: { request: inRequest, answer: 0 } }
  const masked = answer.encoding === 'utf8' ? maskAnswer(answer.body) : { value: answer.body, count: 0 }
  if (masked === null)
    return { ...common, answer: null, withheld: 'secret', masked: { request: inRequest, answer: 0 } }
  return {
    ...common,
    answer: { ...answer, body: masked.value },
    withheld: null,
    masked: { request: inRequest, answer: masked.count },
  }
}

/** JSON where it is JSON, else the text. */
export function bodyOf(body: Buffer | null): JsonValue {
  if (body === null || body.length === 0) return null
  const text = body.toString('utf8')
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return text
  }
}
