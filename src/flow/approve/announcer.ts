import type { Action, InState } from '../../action/action.ts'
import { isIn } from '../../action/lifecycle.ts'

/**
 * A way to reach people: Slack, e-mail, a web page. A view of approvals, never their record: a vote comes back
 * through `Flow.vote` with the approval's id and counts there or not at all.
 */
export interface ApprovalChannel {
  readonly name: string
  /** An action waits for people, or waits for the next step of its chain. May come again for the same step. */
  waiting(held: InState<'held'>): Promise<void>
  /** It waits no longer; `action.state` says why. */
  settled(action: Action): Promise<void>
}

/** Tells the channels what waits. A channel that fails is a fault for the log; the action waits all the same. */
export class Announcer {
  readonly #channels: readonly ApprovalChannel[]
  readonly #onFault: (error: unknown) => void
  readonly #waiting = new Set<string>()

  constructor(channels: readonly ApprovalChannel[], onFault: (error: unknown) => void) {
    this.#channels = channels
    this.#onFault = onFault
  }

  /** To be told every durable step of every action. */
  moved(action: Action): void {
    if (this.#channels.length === 0) return
    if (isIn(action, 'held')) {
      this.#waiting.add(action.id)
      for (const channel of this.#channels) channel.waiting(action).catch(this.#onFault)
    } else if (this.#waiting.delete(action.id)) {
      for (const channel of this.#channels) channel.settled(action).catch(this.#onFault)
    }
  }
}
