import type { Action, InState } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import type { ApprovalChannel } from '../../flow/approve/announcer.ts'
import type { Alert, AlertChannel } from '../alert.ts'
import { clip, costWords, fateOf, timeWords, visible } from '../approval-view.ts'
import type { ApprovalView } from '../approval-view.ts'
import { Later, Outbox } from '../outbox.ts'
import type { OutboxOptions } from '../outbox.ts'
import { blotted, linkTo, stillWaiting } from '../reach.ts'
import type { Reach } from '../reach.ts'
import { SentLog } from '../sent-log.ts'

export interface TeamsOptions {
  /** Of a workflow "When a Teams webhook request is received". Whoever has it may post there. */
  readonly url: string
  readonly outbox?: Partial<OutboxOptions>
}

/** Teams takes about 28 KB a message. */
const MAX_INPUT = 6_000
const TIMEOUT = 10_000

/**
 * Adaptive Cards through a workflow of Teams. Such a webhook takes messages and brings nothing back, so the card leads
 * to the console, where who decides is logged in.
 */
export class TeamsChannel implements ApprovalChannel, AlertChannel {
  readonly name = 'teams'
  readonly #reach: Reach
  readonly #options: TeamsOptions
  readonly #outbox: Outbox
  readonly #sent: SentLog

  constructor(reach: Reach, options: TeamsOptions) {
    this.#reach = reach
    this.#options = options
    this.#sent = new SentLog(reach.data, 'teams', reach.onFault)
    const { href, pathname, search } = new URL(options.url)
    this.#outbox = new Outbox({
      onFault: (error) =>
        reach.onFault(new Error(`teams: ${blotted(error, [href, pathname, search, options.url])}`)),
      onSent: reach.onSent,
      ...options.outbox,
    })
  }

  async waiting(held: InState<'held'>): Promise<void> {
    const { id: approvalId, step, actionDigest } = held.state.approval
    const joined = held.state.approval.steps[step]?.escalatedTo?.length ?? 0
    const key = `${held.id} ${approvalId} ${step} ${joined}`
    if (this.#sent.get(key) !== undefined) return
    this.#sent.set(key, 1)
    const about = { approvalId, step, digest: actionDigest }
    this.#outbox.post({
      wanted: async () => (await stillWaiting(this.#reach, about)) !== undefined,
      send: async () => this.#post(questionCard(await this.#reach.view(held), linkTo(this.#reach, held))),
    })
  }

  async settled(action: Action): Promise<void> {
    const told = this.#sent.keysFrom(`${action.id} `)
    for (const key of told) this.#sent.delete(key)
    if (told.length === 0) return
    const title = `${visible(action.agent)}: ${visible(action.name)}`
    const link = `${this.#reach.publicUrl()}/actions/${action.id}`
    this.#outbox.post({ send: () => this.#post(card(title, [fateOf(action)], [], link)) })
  }

  alert(alerts: readonly Alert[]): void {
    for (const { title, facts, act, at, link } of alerts) {
      const lines = [...facts.map((fact) => visible(fact)), `To act: ${visible(act)}`, timeWords(at)]
      this.#outbox.post({
        send: () =>
          this.#post(
            link === undefined
              ? card(visible(title), lines, [], this.#reach.publicUrl())
              : card(visible(title), lines, [], link, 'Acknowledge or pause'),
          ),
      })
    }
  }

  async close(): Promise<void> {
    await this.#outbox.close()
    this.#sent.flush()
  }

  idle(): Promise<void> {
    return this.#outbox.idle()
  }

  async #post(content: JsonObject): Promise<void> {
    const response = await fetch(this.#options.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        type: 'message',
        attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content }],
      }),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT),
    })
    await response.body?.cancel()
    if (response.ok) return
    const seconds = Number(response.headers.get('retry-after') ?? '')
    if (response.status === 429 && seconds > 0)
      throw new Later('rate limited', Math.min(seconds, 3_600) * 1_000)
    throw new Error(`the workflow answered ${response.status}`)
  }
}

function questionCard(view: ApprovalView, link: string): JsonObject {
  const facts: (readonly [string, string])[] = [
    ['Risk', view.risk],
    ['Why it is held', view.reasons.join(' ')],
    ...(view.agentReason === null ? [] : [['The agent says', clip(view.agentReason, 1_000)] as const]),
    ['Costs', costWords(view.costUsd)],
    ['Can be undone', view.undo],
    ['Who decides', `${view.group}, ${view.approved.length} of ${view.quorum} have approved`],
    ['Decide until', timeWords(view.expiresAt)],
  ]
  const input = clip(view.input, MAX_INPUT)
  return card(view.sentence, [...view.turns, input], facts, link)
}

/** Version 1.4, which Teams shows everywhere. Texts are marked so that nothing in them becomes a link or a format. */
function card(
  title: string,
  lines: readonly string[],
  facts: readonly (readonly [string, string])[],
  link: string,
  button = 'Look and decide',
): JsonObject {
  return {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body: [
      text(clip(title, 1_000), { weight: 'Bolder', size: 'Medium' }),
      ...lines.map((line) => text(line, {})),
      ...(facts.length === 0
        ? []
        : [
            {
              type: 'FactSet',
              facts: facts.map(([name, value]) => ({ title: name, value: unmarked(value) })),
            },
          ]),
    ],
    actions: [{ type: 'Action.OpenUrl', title: button, url: link }],
  }
}

function text(words: string, style: JsonObject): JsonObject {
  return { type: 'TextBlock', text: unmarked(words), wrap: true, ...style }
}

/** Text blocks read a part of Markdown: a backslash takes its signs their meaning. */
function unmarked(words: string): string {
  return words.replaceAll(/[\\`*_[\]()#+\-!>|~]/g, (sign) => `\\${sign}`)
}
