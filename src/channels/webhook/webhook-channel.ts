import { createHmac } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { Action, InState } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import type { ApprovalChannel } from '../../flow/approve/announcer.ts'
import type { Alert, AlertChannel } from '../alert.ts'
import { fateOf } from '../approval-view.ts'
import { Later, Outbox, Undeliverable } from '../outbox.ts'
import type { OutboxOptions } from '../outbox.ts'
import { blotted, linkTo } from '../reach.ts'
import type { Reach } from '../reach.ts'
import { SentLog } from '../sent-log.ts'

export interface WebhookOptions {
  readonly url: string
  /** `whsec_` and base64, or any text. */
  readonly secret: string
  readonly outbox?: Partial<OutboxOptions>
}

/** Characters of the arguments in an event. */
const MAX_INPUT = 64_000
const TIMEOUT = 10_000

/** Sends CloudEvents 1.0 (structured JSON), signed as Standard Webhooks 1.0.0. */
export class WebhookChannel implements ApprovalChannel, AlertChannel {
  readonly name = 'webhook'
  readonly #reach: Reach
  readonly #options: WebhookOptions
  readonly #key: Buffer
  readonly #outbox: Outbox
  readonly #sent: SentLog

  constructor(reach: Reach, options: WebhookOptions) {
    this.#reach = reach
    this.#options = options
    this.#key = webhookKey(options.secret)
    this.#sent = new SentLog(reach.data, 'webhook', reach.onFault)
    this.#outbox = new Outbox({
      onSent: reach.onSent,
      onFault: (error) => {
        const { origin, href, pathname } = new URL(options.url)
        const secrets = [options.secret, href, pathname]
        reach.onFault(new Error(`webhook ${origin}: ${blotted(error, secrets)}`))
      },
      ...options.outbox,
    })
  }

  async waiting(held: InState<'held'>): Promise<void> {
    const key = `${held.id} ${held.version}`
    if (this.#sent.get(key) !== undefined) return
    const view = await this.#reach.view(held)
    const fits = view.input.length <= MAX_INPUT
    this.#post('dev.belay.approval.waiting', held, {
      approval: view.approvalId,
      action_id: held.id,
      agent: held.agent,
      action: held.name,
      effect: held.effect,
      sentence: view.sentence,
      input: fits ? view.input : view.input.slice(0, MAX_INPUT).toWellFormed(),
      input_cut: !fits,
      reasons: held.reasons.map(({ code, message }) => ({ code, message })),
      agent_reason: view.agentReason,
      confidence: view.confidence,
      cost_usd: view.costUsd,
      undo: view.undo,
      step: view.step + 1,
      steps: view.steps,
      group: view.group,
      members: view.members,
      deciders: view.deciders,
      risk: view.risk,
      turns: view.turns,
      escalates_at: view.escalation === null ? null : new Date(view.escalation.at).toISOString(),
      url: linkTo(this.#reach, held),
      quorum: view.quorum,
      approved_by: view.approved,
      next: view.next,
      expires_at: new Date(view.expiresAt).toISOString(),
      digest: view.digest,
    })
    this.#sent.set(key, 1)
  }

  async settled(action: Action): Promise<void> {
    for (const key of this.#sent.keysFrom(`${action.id} `)) this.#sent.delete(key)
    this.#post('dev.belay.approval.settled', action, {
      action_id: action.id,
      agent: action.agent,
      action: action.name,
      state: action.state.name,
      sentence: fateOf(action),
    })
  }

  alert(alerts: readonly Alert[]): void {
    for (const { kind, title, facts, act, urgent, at, agent = null, alarm = null, link = null } of alerts)
      this.#send('dev.belay.alert', kind, at, { kind, title, facts, act, urgent, agent, alarm, link })
  }

  async close(): Promise<void> {
    await this.#outbox.close()
    this.#sent.flush()
  }

  idle(): Promise<void> {
    return this.#outbox.idle()
  }

  #post(type: string, action: Action, data: JsonObject): void {
    this.#send(type, action.id, action.updatedAt, data)
  }

  #send(type: string, subject: string, at: number, data: JsonObject): void {
    // One id for every attempt: receivers drop repeats by it.
    const id = `msg_${uuidv7()}`
    const body = JSON.stringify({
      specversion: '1.0',
      id,
      source: this.#reach.publicUrl(),
      type,
      subject,
      time: new Date(at).toISOString(),
      datacontenttype: 'application/json',
      data,
    })
    this.#outbox.post({ send: () => this.#attempt(id, body) })
  }

  async #attempt(id: string, body: string): Promise<void> {
    const timestamp = String(Math.floor(this.#reach.now() / 1_000))
    const response = await fetch(this.#options.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/cloudevents+json; charset=utf-8',
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': webhookSignature(this.#key, id, timestamp, body),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT),
    })
    await response.body?.cancel()
    if (response.ok) return
    const said = `the receiver answered ${response.status}`
    if (response.status === 429 || response.status === 503) {
      const seconds = Number(response.headers.get('retry-after') ?? '')
      if (seconds > 0) throw new Later(said, Math.min(seconds, 3_600) * 1_000)
    }
    // It says itself that it wants no more of these.
    if (response.status === 410) throw new Undeliverable(said)
    throw new Error(said)
  }
}

export function webhookKey(secret: string): Buffer {
  return secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret, 'utf8')
}

/** `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`. */
export function webhookSignature(key: Buffer, id: string, timestamp: string, body: string): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}
