import { resolve } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Action, InState, ProposalPayload } from '../action/action.ts'
import { BelayError } from '../errors/catalogue.ts'
import type { AlertChannel } from '../channels/alert.ts'
import { AlertDesk } from '../channels/alert-desk.ts'
import { AlertWatch } from '../channels/alert-watch.ts'
import { viewOf } from '../channels/approval-view.ts'
import { ChannelBook } from '../channels/channel-desk.ts'
import type { ChannelDesk, ChannelStatus } from '../channels/channel-desk.ts'
import { approvalDoor } from '../channels/email/approval-door.ts'
import { ApprovalLinks, linkKey } from '../channels/email/approval-links.ts'
import { MailChannel } from '../channels/email/mail-channel.ts'
import type { Reach } from '../channels/reach.ts'
import { SlackInteractions } from '../channels/slack/interactions.ts'
import { SlackSignatures } from '../channels/slack/signature.ts'
import { SlackChannel } from '../channels/slack/slack-channel.ts'
import { slackDoor, SlackWork } from '../channels/slack/slack-door.ts'
import type { SlackSide } from '../channels/slack/slack-door.ts'
import { SlackPeople } from '../channels/slack/slack-people.ts'
import { WebhookChannel } from '../channels/webhook/webhook-channel.ts'
import type { ApprovalChannel } from '../flow/approve/announcer.ts'
import type { WitnessState } from '../flow/audit/transparency/seek-witnesses.ts'
import { isAddress } from '../policy/notify.ts'
import type { NotifyRule } from '../policy/notify.ts'
import type { Harness } from './harness.ts'

export interface PeopleReachOptions {
  readonly data: string
  readonly onFault: (error: unknown) => void
  /** Something that whoever runs Belay should know: a secret that is missing. */
  readonly note: (text: string) => void
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Every channel that the policy names, opened. */
interface Channels {
  readonly all: readonly (ApprovalChannel & AlertChannel & { close(): Promise<void> })[]
  readonly links: ApprovalLinks | undefined
  readonly slack: SlackSide | undefined
}

const NONE: Channels = { all: [], links: undefined, slack: undefined }
/** How often held actions and kept alerts are looked at, ms. */
const TICK = 15_000
const MAX_HELD = 1_000
const CHANNELS = ['slack', 'email', 'webhook'] as const

/**
 * The policy's `notify:` as one channel of the flow: opens what is configured, opens it anew when the policy changes,
 * and serves the doors through which decisions come back.
 */
export class PeopleReach implements ApprovalChannel, ChannelDesk {
  readonly name = 'people'
  readonly #options: PeopleReachOptions
  readonly #work = new SlackWork()
  /** What was announced and still waits, so that a channel that a new policy adds hears of it too. */
  readonly #waiting = new Map<string, InState<'held'>>()
  readonly #desk: AlertDesk
  readonly #book = new ChannelBook(() => this.#opened?.reach.now() ?? Date.now())
  #channels: Channels = NONE
  #opened: { readonly harness: Harness; readonly reach: Reach; readonly watch: AlertWatch } | undefined
  #configured = ''
  #changing: Promise<void> = Promise.resolve()
  #stop: (() => void)[] = []
  #closed = false

  constructor(options: PeopleReachOptions) {
    this.#options = options
    this.#desk = new AlertDesk({
      channels: () => this.#channels.all,
      rule: () => this.#rule(),
      now: () => this.#opened?.reach.now() ?? Date.now(),
    })
  }

  /** `url`: where Belay is served, for links when the policy names no `public_url`. */
  open(harness: Harness, url: string): void {
    const reach = this.#reachOf(harness, url)
    const watch = new AlertWatch({
      rule: () => this.#rule(),
      raise: (alert) => this.#desk.raise(alert),
      over: (key) => this.#desk.over(key),
      budgetLeft: (agent, session) => harness.flow.budgetLeft(agent, session),
      publicUrl: reach.publicUrl,
      onFault: this.#options.onFault,
    })
    this.#opened = { harness, reach, watch }
    this.#stop.push(
      harness.flow.watchAgents((agent) => {
        if (this.#channels.all.length > 0 && harness.flow.speaks()) watch.agent(agent)
      }),
    )
    const timer = setInterval(() => void this.#tick(), TICK).unref()
    this.#stop.push(() => clearInterval(timer))
    this.policyChanged()
  }

  /** Opens the channels anew when `notify:` is another now. */
  policyChanged(): void {
    const opened = this.#opened
    if (opened === undefined || this.#closed) return
    const rule = this.#rule()
    const configured = JSON.stringify([rule.slack, rule.email, rule.webhook])
    if (configured === this.#configured) return
    this.#configured = configured
    this.#change(async () => {
      const before = this.#channels
      this.#channels = NONE
      await closeAll(before)
      this.#channels = this.#openChannels(rule, opened.reach)
      for (const held of this.#waiting.values()) this.#tell((channel) => channel.waiting(held))
    })
  }

  /** A witness of the ledger refuses: somebody rewrote it, set it back, or it cannot be asked. */
  witnessAlarm({ witness, origin, at, problem }: WitnessState): void {
    this.#desk.raise({
      kind: 'ledger',
      key: `ledger:${origin}:${witness}:${problem?.code ?? ''}`,
      urgent: problem?.code !== 'unreachable',
      title: `The witness ${witness} does not sign the ledger`,
      facts: [`${origin}: ${problem?.message ?? ''}.`],
      act: 'belay ledger verify --witness',
      at,
    })
  }

  /** To be told every recorded step. */
  moved(action: Action): void {
    if (this.#channels.all.length > 0) this.#opened?.watch.moved(action)
  }

  async waiting(held: InState<'held'>): Promise<void> {
    this.#waiting.set(held.id, held)
    await this.#changing
    this.#tell((channel) => channel.waiting(held))
  }

  async settled(action: Action): Promise<void> {
    this.#waiting.delete(action.id)
    await this.#changing
    this.#tell((channel) => channel.settled(action))
  }

  /** Serves what people's decisions come back through. */
  async doors(app: FastifyInstance): Promise<void> {
    await app.register(async (own) => slackDoor(own, { side: () => this.#channels.slack, work: this.#work }))
    const late = (): Reach => {
      if (this.#opened === undefined) throw new BelayError('server:busy', { max: '0' })
      return this.#opened.reach
    }
    await app.register(async (own) =>
      approvalDoor(own, {
        links: () => this.#channels.links,
        reach: {
          vote: (id, vote) => late().vote(id, vote),
          byApproval: (id) => late().byApproval(id),
          view: (held) => late().view(held),
          now: () => late().now(),
          publicUrl: () => late().publicUrl(),
          data: this.#options.data,
          onFault: this.#options.onFault,
        },
      }),
    )
  }

  /** Resolves when every decision that was acknowledged has been carried out. */
  settledWork(): Promise<void> {
    return this.#work.ended()
  }

  channels(): readonly ChannelStatus[] {
    const rule = this.#rule()
    const open = new Set(this.#channels.all.map(({ name }) => name))
    return CHANNELS.map((name) =>
      this.#book.status(name, { configured: rule[name] !== null, open: open.has(name) }),
    )
  }

  test(name: string, by: string): boolean {
    const channel = this.#channels.all.find((each) => each.name === name)
    if (channel === undefined) return false
    const at = this.#opened?.reach.now() ?? Date.now()
    const facts = [`${by} asked for it in the settings.`]
    const act = 'Nothing needs to be done: who reads this is reached.'
    const key = `test ${name} ${at}`
    channel.alert([{ kind: 'test', key, urgent: true, title: 'A test message from Belay', facts, act, at }])
    return true
  }

  /** Carries out the decisions that were acknowledged, and sends nothing more. */
  async close(): Promise<void> {
    this.#closed = true
    for (const stop of this.#stop) stop()
    this.#desk.close()
    await this.#work.ended()
    await this.#changing
    await closeAll(this.#channels)
    this.#channels = NONE
  }

  #rule(): NotifyRule {
    return this.#opened?.harness.policies.current().notify ?? NOTHING
  }

  #change(work: () => Promise<void>): void {
    this.#changing = this.#changing.then(work).catch(this.#options.onFault)
  }

  #tell(how: (channel: ApprovalChannel) => Promise<void>): void {
    for (const channel of this.#channels.all) how(channel).catch(this.#options.onFault)
  }

  #reachOf({ flow, store, policies }: Harness, url: string): Reach {
    const data = resolve(this.#options.data)
    return {
      data,
      vote: (id, vote) => flow.vote(id, vote),
      byApproval: (id) => store.actionByApproval(id),
      now: () => store.now(),
      publicUrl: () => policies.current().notify.publicUrl ?? policies.current().people.publicUrl ?? url,
      onFault: this.#options.onFault,
      async view(held) {
        const [input, payloads] = await Promise.all([flow.input(held), store.payloads(held.id)])
        const text = payloads.find(({ kind }) => kind === 'proposal')?.text
        const proposal = text == null ? null : (JSON.parse(text) as ProposalPayload)
        const undo = policies.current().action(held.name)?.undo ?? null
        return viewOf(held, {
          input,
          agentReason: proposal?.reason ?? null,
          undoWithin: undo?.within ?? null,
        })
      },
    }
  }

  #openChannels(rule: NotifyRule, common: Reach): Channels {
    const slack = this.#openSlack(rule, this.#watched('slack', common))
    const email = this.#openEmail(rule, this.#watched('email', common))
    const reach = this.#watched('webhook', common)
    const secret = rule.webhook === null ? undefined : this.#secret('webhook', rule.webhook.secret)
    const webhook =
      rule.webhook === null || secret === undefined
        ? undefined
        : new WebhookChannel(reach, { url: rule.webhook.url, secret })
    return {
      all: [slack?.channel, email?.channel, webhook].filter((channel) => channel !== undefined),
      links: email?.links,
      slack: slack?.side,
    }
  }

  /** Its deliveries and faults are remembered under the channel's name. */
  #watched(name: (typeof CHANNELS)[number], reach: Reach): Reach {
    this.#book.opening(name)
    return {
      ...reach,
      onSent: () => this.#book.delivered(name),
      onFault: (error) => {
        this.#book.failed(name, error)
        reach.onFault(error)
      },
    }
  }

  #lacks(name: (typeof CHANNELS)[number], what: string): undefined {
    this.#book.missing(name, what)
    this.#options.note(what)
    return undefined
  }

  #openSlack(
    { slack }: NotifyRule,
    reach: Reach,
  ): { readonly channel: SlackChannel; readonly side: SlackSide } | undefined {
    if (slack === null) return undefined
    const token = this.#secret('slack', slack.token)
    const signing = this.#secret('slack', slack.signingSecret)
    if (token === undefined || signing === undefined) return undefined
    const { apiUrl } = slack
    const channel = new SlackChannel(reach, { channel: slack.channel, token, apiUrl })
    const people = new SlackPeople(channel.api, slack.people, reach.now)
    const interactions = new SlackInteractions({ reach, channel, people, apiUrl })
    return { channel, side: { signatures: new SlackSignatures(signing, reach.now), interactions } }
  }

  #openEmail(
    { email }: NotifyRule,
    reach: Reach,
  ): { readonly channel: MailChannel; readonly links: ApprovalLinks } | undefined {
    if (email === null) return undefined
    const smtp = this.#secret('email', email.smtp)
    if (smtp === undefined) return undefined
    if (!URL.canParse(smtp) || !/^smtps?:$/.test(new URL(smtp).protocol)) {
      return this.#lacks('email', 'notify.email.smtp is no smtp:// or smtps:// URL; nobody is told by e-mail')
    }
    const from = email.from ?? decodeURIComponent(new URL(smtp).username)
    if (!isAddress(from)) {
      return this.#lacks('email', 'notify.email.from is missing; nobody is told by e-mail')
    }
    const linkSecret = email.linkSecret === null ? null : this.#secret('email', email.linkSecret)
    if (linkSecret === undefined) return undefined
    if (linkSecret !== null && linkSecret.length < 32) {
      return this.#lacks(
        'email',
        'notify.email.link_secret needs at least 32 characters; nobody is told by e-mail',
      )
    }
    const links = new ApprovalLinks(linkSecret === null ? linkKey(reach.data) : Buffer.from(linkSecret))
    const { to, approvers } = email
    return { channel: new MailChannel(reach, { smtp, from, to, approvers, links }), links }
  }

  /** What `$NAME` stands for; notes and answers `undefined` where it stands for nothing. */
  #secret(channel: (typeof CHANNELS)[number], written: string): string | undefined {
    if (!written.startsWith('$')) return written
    const value = (this.#options.env ?? process.env)[written.slice(1)]
    if (value !== undefined && value !== '') return value
    const variable = written.slice(1)
    return this.#lacks(
      channel,
      `notify.${channel}: set the environment variable ${variable}; nobody is told there`,
    )
  }

  async #tick(): Promise<void> {
    this.#desk.tell()
    const opened = this.#opened
    if (opened === undefined || this.#channels.all.length === 0 || !opened.harness.flow.speaks()) return
    try {
      const { store } = opened.harness
      opened.watch.held(await store.actions({ state: 'held', limit: MAX_HELD }), store.now())
    } catch (error) {
      this.#options.onFault(error)
    }
  }
}

const NOTHING: NotifyRule = {
  slack: null,
  email: null,
  webhook: null,
  quiet: null,
  alerts: { heldFor: Number.POSITIVE_INFINITY, errorRate: 1, budget: 1 },
  publicUrl: null,
}

async function closeAll({ all }: Channels): Promise<void> {
  await Promise.all(all.map((channel) => channel.close()))
}
