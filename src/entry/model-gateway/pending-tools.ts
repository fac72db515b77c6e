import type { Flow } from '../../flow/flow.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { ModelRequest } from './model-call.ts'

const MOST = 20_000
const KEPT_RESULT = 16_384

/**
 * Tool calls that the policy let through and whose outcome is owed: the agent carries them out and tells the model in
 * its next request. Kept in memory alone: after a restart the outcome of such a call becomes unknown at its deadline.
 */
export class PendingTools {
  readonly #actions = new Map<string, string>()
  readonly #flow: Flow
  readonly #onFault: (error: unknown) => void

  constructor(flow: Flow, onFault: (error: unknown) => void) {
    this.#flow = flow
    this.#onFault = onFault
  }

  add(agent: string, session: string | undefined, callId: string, actionId: string): void {
    if (this.#actions.size >= MOST) this.#actions.delete(this.#actions.keys().next().value as string)
    this.#actions.set(keyOf(agent, session, callId), actionId)
  }

  /** Reports what the request says of earlier calls. An outcome never delays or refuses the call that tells it. */
  report(agent: string, session: string | undefined, results: ModelRequest['toolResults']): void {
    for (const { callId, text, failed } of results) {
      const key = keyOf(agent, session, callId)
      const action = this.#actions.get(key)
      if (action === undefined) continue
      this.#actions.delete(key)
      const result = { text: text.slice(0, KEPT_RESULT).toWellFormed() }
      this.#flow
        .report(
          action,
          failed ? { outcome: 'failed', error: 'the tool failed', result } : { outcome: 'succeeded', result },
        )
        .catch((error: unknown) => {
          if (!(error instanceof BelayError) || error.status !== 409) this.#onFault(error)
        })
    }
  }
}

/** Ids that a protocol lacks are counted in each answer anew: only a session tells two conversations apart. */
function keyOf(agent: string, session: string | undefined, callId: string): string {
  return JSON.stringify([agent, session ?? null, callId])
}
