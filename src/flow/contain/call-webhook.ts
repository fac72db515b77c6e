import { OutcomeUnknown } from './execute.ts'
import type { Undoer } from './undoers.ts'

/**
 * Undoes by `POST {id, input, result}` with an `Idempotency-Key`. A 2xx answer is done, any other answer says
 * that it was not; no answer leaves it unknown. Redirects are not followed: the policy names the address.
 */
export function callWebhook(url: string): Undoer {
  return async (input, result, { id, idempotencyKey, signal }) => {
    let response: Response
    try {
      response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
        body: JSON.stringify({ id, input, result }),
        redirect: 'error',
        signal,
      })
    } catch (error) {
      throw new OutcomeUnknown('the undo webhook did not answer', { cause: error })
    }
    await response.body?.cancel()
    if (!response.ok) throw new Error(`the undo webhook answered ${response.status}`)
  }
}
