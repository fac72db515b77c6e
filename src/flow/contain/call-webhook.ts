import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { OutcomeUnknown } from './execute.ts'
import type { CurrentReader, EffectContext, Undoer } from './undoers.ts'

const MAX_ANSWER = 256 * 1024

/**
 * Undoes by `POST {id, input, result, current?}` with an `Idempotency-Key`. A 2xx answer is done, any other answer
 * says that it was not; no answer leaves it unknown. A JSON object in the answer tells what is there now. Redirects
 * are not followed: the policy names the address.
 */
export function callWebhook(url: string): Undoer {
  return async (input, result, context) => {
    let response: Response
    let answer: JsonObject | null
    try {
      response = await ask(url, input, result, context)
      // What is done is done, whatever the answer says beside its status.
      answer = await bodyOf(response).catch(() => null)
    } catch (error) {
      throw new OutcomeUnknown('the undo webhook did not answer', { cause: error })
    }
    if (!response.ok) throw new Error(`the undo webhook answered ${response.status}`)
    return answer
  }
}

/** Asks by `POST {id, input, result}` what has become of a result: a JSON object of at most 256 KB. */
export function askCurrent(url: string): CurrentReader {
  return async (input, result, context) => {
    const response = await ask(url, input, result, context)
    const answer = await bodyOf(response)
    if (!response.ok) throw new Error(`the webhook answered ${response.status}`)
    if (answer === null) throw new Error('the webhook did not answer a JSON object')
    return answer
  }
}

function ask(
  url: string,
  input: JsonObject,
  result: JsonValue,
  { id, idempotencyKey, signal, current }: EffectContext & { readonly current?: JsonObject },
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
    body: JSON.stringify({ id, input, result, ...(current !== undefined && { current }) }),
    redirect: 'error',
    signal,
  })
}

/** `null` for anything but a JSON object. Throws when it is too large or breaks off. */
async function bodyOf(response: Response): Promise<JsonObject | null> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body ?? []) {
    const bytes = part as Uint8Array
    size += bytes.length
    if (size > MAX_ANSWER) throw new Error(`the webhook answered more than ${MAX_ANSWER} bytes`)
    parts.push(bytes)
  }
  try {
    const value = JSON.parse(Buffer.concat(parts).toString('utf8')) as JsonValue
    return isJsonObject(value) ? value : null
  } catch {
    return null
  }
}
