import { hash } from 'node:crypto'
import type { createTransport } from 'nodemailer'
import type { Action, InState } from '../../action/action.ts'
import type { ApprovalChannel } from '../../flow/approve/announcer.ts'
import { isAddress } from '../../policy/notify.ts'
import type { Alert, AlertChannel } from '../alert.ts'
import { visible } from '../approval-view.ts'
import { Outbox, Undeliverable } from '../outbox.ts'
import type { OutboxOptions } from '../outbox.ts'
import { blotted, stillWaiting } from '../reach.ts'
import type { Reach } from '../reach.ts'
import { SentLog } from '../sent-log.ts'
import { alertMail } from './alert-mail.ts'
import type { ApprovalLinks } from './approval-links.ts'
import { approvalMail } from './approval-mail.ts'
import type { MailText } from './approval-mail.ts'

export interface MailOptions {
  /** `smtp://` or `smtps://`, with user and password where the server asks for them. */
  readonly smtp: string
  readonly from: string
  readonly to: readonly string[]
  readonly approvers: boolean
  readonly links: ApprovalLinks
  readonly outbox?: Partial<OutboxOptions>
}

/** Mails the members of the waiting step, each a link of their own. What has been sent is not sent again after a restart. */
export class MailChannel implements ApprovalChannel, AlertChannel {
  readonly name = 'email'
  readonly #reach: Reach
  readonly #options: MailOptions
  readonly #outbox: Outbox
  readonly #sent: SentLog
  readonly #asked = new Set<string>()
  #transport: Promise<ReturnType<typeof createTransport>> | undefined

  constructor(reach: Reach, options: MailOptions) {
    this.#reach = reach
    this.#options = options
    this.#sent = new SentLog(reach.data, 'email', reach.onFault)
    this.#outbox = new Outbox({
      concurrency: 2,
      onFault: (error) => this.#fault(error),
      onSent: reach.onSent,
      ...options.outbox,
    })
  }

  /** Loaded with the first message: a harness that mails nobody starts faster and stays smaller. */
  #mailer(): Promise<ReturnType<typeof createTransport>> {
    this.#transport ??= import('nodemailer').then((nodemailer) =>
      nodemailer.createTransport({
        url: this.#options.smtp,
        pool: true,
        maxConnections: 2,
        connectionTimeout: 10_000,
        greetingTimeout: 10_000,
        socketTimeout: 30_000,
        // Nothing in a message is ever read from a file or an address.
        disableFileAccess: true,
        disableUrlAccess: true,
      }),
    )
    return this.#transport
  }

  async waiting(held: InState<'held'>): Promise<void> {
    const members = (await this.#reach.view(held)).deciders.filter(isAddress)
    const lower = (address: string): string => address.toLowerCase()
    const named = new Set(this.#options.to.map(lower))
    const deciders = members.filter((member) => this.#options.approvers || named.has(lower(member)))
    const known = new Set(deciders.map(lower))
    for (const person of deciders) this.#ask(held, person, true)
    for (const person of this.#options.to) if (!known.has(lower(person))) this.#ask(held, person, false)
  }

  async settled(action: Action): Promise<void> {
    // The link says what became of it. Forgetting needs the approval's id, which a settled action may no longer carry.
    for (const key of this.#sent.keysFrom(`${action.id} `)) this.#sent.delete(key)
    for (const key of this.#asked) if (key.startsWith(`${action.id} `)) this.#asked.delete(key)
  }

  alert(alerts: readonly Alert[]): void {
    const mail = alertMail(alerts)
    const everyone = alerts.flatMap(({ people = [] }) => people.filter(isAddress))
    for (const address of new Set([...this.#options.to, ...everyone]))
      this.#outbox.post({ send: () => this.#send(address, mail) })
  }

  async close(): Promise<void> {
    await this.#outbox.close()
    this.#sent.flush()
    ;(await this.#transport)?.close()
  }

  /** For tests: resolves when nothing is left to send. */
  idle(): Promise<void> {
    return this.#outbox.idle()
  }

  #ask(held: InState<'held'>, person: string, decides: boolean): void {
    const { approval } = held.state
    const { id: approvalId, step, actionDigest, expiresAt } = approval
    const key = `${held.id} ${approvalId} ${step} ${person}`
    // The same step may be told again before the first message has left.
    if (this.#sent.get(key) !== undefined || this.#asked.has(key)) return
    this.#asked.add(key)
    const about = { approvalId, step, digest: actionDigest }
    this.#outbox.post({
      wanted: async () => (await stillWaiting(this.#reach, about)) !== undefined,
      send: async () => {
        const token = this.#options.links.token({ approvalId, step, person, actionDigest, expiresAt })
        const link = decides ? `${this.#reach.publicUrl()}/approve/${token}` : null
        await this.#send(person, approvalMail(await this.#reach.view(held), link), `${approvalId}.${step}`)
        this.#sent.set(key, 1)
      },
    })
  }

  async #send(to: string, mail: MailText, about?: string): Promise<void> {
    const { from } = this.#options
    // Whatever came from outside stays one line, and one recipient.
    if (!isAddress(to) || !isAddress(from)) throw new Undeliverable('an address is not one')
    const domain = from.slice(from.lastIndexOf('@') + 1)
    try {
      const mailer = await this.#mailer()
      await mailer.sendMail({
        from: { name: 'Belay', address: from },
        to: { name: '', address: to },
        envelope: { from, to: [to] },
        subject: visible(mail.subject),
        text: mail.text,
        html: mail.html,
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
        ...(about !== undefined && {
          messageId: `<${about}.${hash('sha256', to, 'hex').slice(0, 16)}@${domain}>`,
        }),
      })
    } catch (error) {
      // A permanent answer (RFC 5321, 4.2.1) to this recipient; a wrong password may be put right.
      const { responseCode, code } = error as { responseCode?: number; code?: string }
      if (code === 'EENVELOPE' && responseCode !== undefined && responseCode >= 500)
        throw new Undeliverable(`the mail server refused a recipient (${responseCode})`)
      throw error
    }
  }

  #fault(error: unknown): void {
    const secrets = [this.#options.smtp]
    if (URL.canParse(this.#options.smtp)) {
      const { password, username } = new URL(this.#options.smtp)
      secrets.push(password, decodeURIComponent(password), username, decodeURIComponent(username))
    }
    this.#reach.onFault(new Error(`email: ${blotted(error, secrets)}`))
  }
}
