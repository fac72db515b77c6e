import type { Action, InState } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import { isJsonObject } from '../../action/json.ts'
import type { ApprovalChannel } from '../../flow/approve/announcer.ts'
import type { Alert, AlertChannel } from '../alert.ts'
import { visible } from '../approval-view.ts'
import { Outbox } from '../outbox.ts'
import type { OutboxOptions } from '../outbox.ts'
import { blotted, linkTo, stillWaiting } from '../reach.ts'
import type { Reach } from '../reach.ts'
import { SentLog } from '../sent-log.ts'
import { alertMessage } from './alert-blocks.ts'
import { questionMessage, settledMessage } from './blocks.ts'
import type { Message } from './blocks.ts'
import { SlackApi, SlackRefused } from './slack-api.ts'

export interface SlackOptions {
  readonly channel: string
  readonly token: string
  readonly apiUrl: string
  readonly outbox?: Partial<OutboxOptions>
}

/** Where the message of a step lies, and which version of the action it shows. */
interface Posted {
  readonly channel: string
  readonly ts: string
  readonly version: number
}

const METADATA = 'belay_approval'
const HISTORY_PAGES = 10

/**
 * One message for each step that waits, changed as votes come in and closed when the step is decided, wherever that
 * happened. Which messages were posted is remembered in the data folder; where that is lost, they are searched for by
 * their metadata before anything is posted twice.
 */
export class SlackChannel implements ApprovalChannel, AlertChannel {
  readonly name = 'slack'
  readonly api: SlackApi
  readonly #reach: Reach
  readonly #options: SlackOptions
  readonly #outbox: Outbox
  readonly #sent: SentLog
  readonly #openedAt: number

  constructor(reach: Reach, options: SlackOptions) {
    this.#reach = reach
    this.#options = options
    this.api = new SlackApi({ url: options.apiUrl, token: options.token })
    this.#sent = new SentLog(reach.data, 'slack', reach.onFault)
    this.#outbox = new Outbox({
      onFault: (error) => this.fault(error),
      onSent: reach.onSent,
      ...options.outbox,
    })
    this.#openedAt = reach.now()
  }

  async waiting(held: InState<'held'>): Promise<void> {
    const { id: approvalId, step, actionDigest } = held.state.approval
    const key = keyOf(held.id, approvalId, step)
    this.#outbox.post({
      wanted: async () =>
        (await stillWaiting(this.#reach, { approvalId, step, digest: actionDigest })) !== undefined,
      send: () => this.#show(held, key),
    })
    this.#closeOthers(held, key)
  }

  async settled(action: Action): Promise<void> {
    this.#closeOthers(action, null)
  }

  alert(alerts: readonly Alert[]): void {
    const { text, blocks } = alertMessage(alerts)
    this.#outbox.post({
      send: async () => {
        await this.api.call('chat.postMessage', { channel: this.#options.channel, text, blocks, ...QUIETLY })
      },
    })
  }

  async close(): Promise<void> {
    await this.#outbox.close()
    this.#sent.flush()
  }

  /** Resolves when nothing is left to send. */
  idle(): Promise<void> {
    return this.#outbox.idle()
  }

  fault(error: unknown): void {
    this.#reach.onFault(new Error(`slack: ${blotted(error, [this.#options.token])}`))
  }

  async #show(before: InState<'held'>, key: string): Promise<void> {
    // As it is now: votes may have come in while this waited to be sent.
    const now = await this.#reach.byApproval(before.state.approval.id)
    const held = now?.state.name === 'held' ? (now as InState<'held'>) : before
    if (keyOf(held.id, held.state.approval.id, held.state.approval.step) !== key) return
    const posted = this.#posted(key) ?? (await this.#find(held, key))
    if (posted !== undefined && posted.version >= held.version) return
    const message = questionMessage(await this.#reach.view(held), linkTo(this.#reach, held))
    if (posted !== undefined && (await this.#update(posted, message))) {
      this.#sent.set(key, { channel: posted.channel, ts: posted.ts, version: held.version })
      return
    }
    const { channel, ts } = await this.api.call('chat.postMessage', {
      channel: this.#options.channel,
      text: message.text,
      blocks: message.blocks,
      metadata: { event_type: METADATA, event_payload: { key } },
      ...QUIETLY,
    })
    if (typeof channel !== 'string' || typeof ts !== 'string') throw new Error('chat.postMessage: no ts')
    this.#sent.set(key, { channel, ts, version: held.version })
    this.#sent.set('channel', channel)
    // It may have been decided while it was being posted, when there was no message yet to close.
    const after = await this.#reach.byApproval(held.state.approval.id)
    if (after !== undefined && !waitsAt(after, key)) this.#closeOthers(after, null)
  }

  /** Closes the messages of the action's steps other than the one that waits. */
  #closeOthers(action: Action, waiting: string | null): void {
    for (const key of this.#sent.keysFrom(`${action.id} `)) {
      if (key === waiting) continue
      const posted = this.#posted(key)
      if (posted === undefined) continue
      this.#outbox.post({
        send: async () => {
          const sentence = `The agent ${visible(action.agent)} asked to run ${visible(action.name)}.`
          await this.#update(posted, settledMessage(action, sentence))
          this.#sent.delete(key)
        },
      })
    }
  }

  /** `false` when there is no such message any more. */
  async #update({ channel, ts }: Posted, { text, blocks }: Message): Promise<boolean> {
    try {
      await this.api.call('chat.update', { channel, ts, text, blocks })
      return true
    } catch (error) {
      if (error instanceof SlackRefused && error.code === 'message_not_found') return false
      throw error
    }
  }

  #posted(key: string): Posted | undefined {
    const entry = this.#sent.get(key)
    if (entry === undefined || !isJsonObject(entry)) return undefined
    const { channel, ts, version } = entry
    if (typeof channel !== 'string' || typeof ts !== 'string' || typeof version !== 'number') return undefined
    return { channel, ts, version }
  }

  /** A message that was posted before this process began and of which nothing is remembered. */
  async #find(held: InState<'held'>, key: string): Promise<Posted | undefined> {
    if (held.updatedAt >= this.#openedAt) return undefined
    const remembered = this.#sent.get('channel')
    const channel = typeof remembered === 'string' ? remembered : this.#options.channel
    if (!/^[CGD][A-Z0-9]{5,}$/.test(channel)) return undefined
    try {
      let cursor = ''
      for (let page = 0; page < HISTORY_PAGES; page++) {
        const answer = await this.api.ask('conversations.history', {
          channel,
          oldest: String(Math.floor(held.proposedAt / 1_000)),
          limit: '200',
          include_all_metadata: 'true',
          ...(cursor !== '' && { cursor }),
        })
        const ts = messageOf(answer, key)
        if (ts !== undefined) return { channel, ts, version: 0 }
        const meta = answer['response_metadata']
        cursor = isJsonObject(meta) && typeof meta['next_cursor'] === 'string' ? meta['next_cursor'] : ''
        if (cursor === '') return undefined
      }
    } catch (error) {
      // Without the right to read the channel, better told twice than not at all.
      if (!(error instanceof SlackRefused)) throw error
      this.fault(error)
    }
    return undefined
  }
}

/** Slack is not to fetch addresses that an agent wrote, nor to make links of them. */
const QUIETLY = { unfurl_links: false, unfurl_media: false, parse: 'none' } as const

function keyOf(actionId: string, approvalId: string, step: number): string {
  return `${actionId} ${approvalId} ${step}`
}

function waitsAt(action: Action, key: string): boolean {
  return (
    action.state.name === 'held' &&
    keyOf(action.id, action.state.approval.id, action.state.approval.step) === key
  )
}

function messageOf({ messages }: JsonObject, key: string): string | undefined {
  if (!Array.isArray(messages)) return undefined
  for (const message of messages) {
    if (!isJsonObject(message) || !isJsonObject(message['metadata'] ?? null)) continue
    const metadata = message['metadata'] as JsonObject
    const payload = metadata['event_payload']
    if (metadata['event_type'] !== METADATA || !isJsonObject(payload ?? null)) continue
    if ((payload as JsonObject)['key'] === key && typeof message['ts'] === 'string') return message['ts']
  }
  return undefined
}
