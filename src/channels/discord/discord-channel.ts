import type { Action, InState } from '../../action/action.ts'
import { isJsonObject } from '../../action/json.ts'
import type { ApprovalChannel } from '../../flow/approve/announcer.ts'
import type { Alert, AlertChannel } from '../alert.ts'
import { Outbox } from '../outbox.ts'
import type { OutboxOptions } from '../outbox.ts'
import { blotted, linkTo, stillWaiting } from '../reach.ts'
import type { Reach } from '../reach.ts'
import { SentLog } from '../sent-log.ts'
import { DiscordApi, DiscordRefused } from './discord-api.ts'
import { alertMessage, questionMessage, settledMessage } from './discord-messages.ts'

export interface DiscordOptions {
  /** Id of the channel. */
  readonly channel: string
  readonly token: string
  readonly apiUrl: string
  readonly outbox?: Partial<OutboxOptions>
}

interface Posted {
  readonly message: string
  readonly version: number
}

/** One message for each step that waits, changed as votes come in and closed when it is decided, wherever that was. */
export class DiscordChannel implements ApprovalChannel, AlertChannel {
  readonly name = 'discord'
  readonly api: DiscordApi
  readonly #reach: Reach
  readonly #options: DiscordOptions
  readonly #outbox: Outbox
  readonly #sent: SentLog

  constructor(reach: Reach, options: DiscordOptions) {
    this.#reach = reach
    this.#options = options
    this.api = new DiscordApi(options.apiUrl, options.token)
    this.#sent = new SentLog(reach.data, 'discord', reach.onFault)
    this.#outbox = new Outbox({
      onFault: (error) => this.fault(error),
      onSent: reach.onSent,
      ...options.outbox,
    })
  }

  async waiting(held: InState<'held'>): Promise<void> {
    const { id: approvalId, step, actionDigest } = held.state.approval
    const key = `${held.id} ${approvalId} ${step}`
    this.#outbox.post({
      wanted: async () =>
        (await stillWaiting(this.#reach, { approvalId, step, digest: actionDigest })) !== undefined,
      send: () => this.#show(approvalId, key),
    })
    this.#closeOthers(held, key)
  }

  async settled(action: Action): Promise<void> {
    this.#closeOthers(action, null)
  }

  alert(alerts: readonly Alert[]): void {
    const message = alertMessage(alerts)
    const path = `/channels/${this.#options.channel}/messages`
    this.#outbox.post({ send: async () => void (await this.api.call('POST', path, message)) })
  }

  async close(): Promise<void> {
    await this.#outbox.close()
    this.#sent.flush()
  }

  idle(): Promise<void> {
    return this.#outbox.idle()
  }

  fault(error: unknown): void {
    this.#reach.onFault(new Error(`discord: ${blotted(error, [this.#options.token])}`))
  }

  async #show(approvalId: string, key: string): Promise<void> {
    // As it is now: votes may have come in while this waited to be sent.
    const now = await this.#reach.byApproval(approvalId)
    if (now?.state.name !== 'held') return
    const held = now as InState<'held'>
    if (`${held.id} ${held.state.approval.id} ${held.state.approval.step}` !== key) return
    const posted = this.#posted(key)
    if (posted !== undefined && posted.version >= held.version) return
    const message = questionMessage(await this.#reach.view(held), linkTo(this.#reach, held))
    const path = `/channels/${this.#options.channel}/messages`
    if (posted !== undefined && (await this.#change(`${path}/${posted.message}`, message))) {
      this.#sent.set(key, { message: posted.message, version: held.version })
      return
    }
    const { id } = await this.api.call('POST', path, message)
    if (typeof id !== 'string') throw new Error('the message has no id')
    this.#sent.set(key, { message: id, version: held.version })
    // It may have been decided while it was being posted, when there was no message yet to close.
    const after = await this.#reach.byApproval(approvalId)
    if (after !== undefined && after.state.name !== 'held') this.#closeOthers(after, null)
  }

  #closeOthers(action: Action, waiting: string | null): void {
    for (const key of this.#sent.keysFrom(`${action.id} `)) {
      const posted = key === waiting ? undefined : this.#posted(key)
      if (posted === undefined) continue
      const path = `/channels/${this.#options.channel}/messages/${posted.message}`
      this.#outbox.post({
        send: async () => {
          await this.#change(path, settledMessage(action))
          this.#sent.delete(key)
        },
      })
    }
  }

  /** `false` when there is no such message any more. */
  async #change(path: string, message: ReturnType<typeof settledMessage>): Promise<boolean> {
    try {
      await this.api.call('PATCH', path, message)
      return true
    } catch (error) {
      if (error instanceof DiscordRefused && error.status === 404) return false
      throw error
    }
  }

  #posted(key: string): Posted | undefined {
    const entry = this.#sent.get(key)
    if (entry === undefined || !isJsonObject(entry)) return undefined
    const { message, version } = entry
    return typeof message === 'string' && typeof version === 'number' ? { message, version } : undefined
  }
}
