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

/** How many actions that wait no longer are remembered, so that an old reading does not announce them again. */
const MAX_GONE = 10_000

/** Tells the channels what waits. A channel that fails is a fault for the log; the action waits all the same. */
export class Announcer {
  readonly #channels: readonly ApprovalChannel[]
  readonly #onFault: (error: unknown) => void
  readonly #owns: (action: Action) => boolean
  /** Versions that were announced, by action. */
  readonly #waiting = new Map<string, number>()
  readonly #gone = new Map<string, number>()

  /** `owns`: whether this process tells of the action; of several replicas only one does. */
  constructor(
    channels: readonly ApprovalChannel[],
    onFault: (error: unknown) => void,
    owns: (action: Action) => boolean = () => true,
  ) {
    this.#channels = channels
    this.#onFault = onFault
    this.#owns = owns
  }

  get isNeeded(): boolean {
    return this.#channels.length > 0
  }

  /** To be told every durable step of every action; `before` is what the step replaced. */
  moved(action: Action, before?: Action): void {
    if (this.#channels.length === 0) return
    if (isIn(action, 'held')) {
      if (this.#owns(action)) this.#announce(action)
    } else if (this.#waiting.has(action.id) || (before?.state.name === 'held' && this.#owns(action))) {
      this.#settle(action)
    }
  }

  /**
   * Brings what was announced in line with what the store has: what was held before this process began, and what
   * other replicas moved. `held`: every action that waits now and is this process's to tell of.
   */
  async reconcile(
    held: readonly InState<'held'>[],
    read: (id: string) => Promise<Action | undefined>,
  ): Promise<void> {
    const now = new Set<string>()
    for (const action of held) {
      now.add(action.id)
      if ((this.#gone.get(action.id) ?? 0) < action.version) this.#announce(action)
    }
    for (const id of Array.from(this.#waiting.keys())) {
      if (now.has(id)) continue
      const action = await read(id)
      if (action !== undefined && !isIn(action, 'held')) this.#settle(action)
    }
  }

  #announce(action: InState<'held'>): void {
    if ((this.#waiting.get(action.id) ?? 0) >= action.version) return
    this.#waiting.set(action.id, action.version)
    for (const channel of this.#channels) channel.waiting(action).catch(this.#onFault)
  }

  #settle(action: Action): void {
    if ((this.#gone.get(action.id) ?? 0) >= action.version) return
    this.#waiting.delete(action.id)
    this.#gone.set(action.id, action.version)
    for (const oldest of this.#gone.keys()) {
      if (this.#gone.size <= MAX_GONE) break
      this.#gone.delete(oldest)
    }
    for (const channel of this.#channels) channel.settled(action).catch(this.#onFault)
  }
}
