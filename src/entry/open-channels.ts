import type { AlertChannel } from '../channels/alert.ts'
import type { ChannelBook } from '../channels/channel-desk.ts'
import { DiscordChannel } from '../channels/discord/discord-channel.ts'
import type { DiscordSide } from '../channels/discord/discord-door.ts'
import { ApprovalLinks, linkKey } from '../channels/email/approval-links.ts'
import { MailChannel } from '../channels/email/mail-channel.ts'
import { blotted } from '../channels/reach.ts'
import type { Reach } from '../channels/reach.ts'
import { SlackInteractions } from '../channels/slack/interactions.ts'
import { SlackSignatures } from '../channels/slack/signature.ts'
import { SlackChannel } from '../channels/slack/slack-channel.ts'
import type { SlackSide, SlackWork } from '../channels/slack/slack-door.ts'
import { SlackPeople } from '../channels/slack/slack-people.ts'
import { SlackSocket } from '../channels/slack/slack-socket.ts'
import { TeamsChannel } from '../channels/teams/teams-channel.ts'
import { WebhookChannel } from '../channels/webhook/webhook-channel.ts'
import type { ApprovalChannel } from '../flow/approve/announcer.ts'
import { isAddress } from '../policy/notify.ts'
import type { NotifyRule } from '../policy/notify.ts'

export const CHANNELS = ['slack', 'email', 'webhook', 'teams', 'discord'] as const
export type ChannelName = (typeof CHANNELS)[number]

/** Every channel that the policy names, opened. */
export interface Channels {
  readonly all: readonly (ApprovalChannel & AlertChannel & { close(): Promise<void> })[]
  readonly links: ApprovalLinks | undefined
  readonly slack: SlackSide | undefined
  readonly discord: DiscordSide | undefined
  /** What listens elsewhere; closed before the channels. */
  readonly sockets: readonly { close(): Promise<void> }[]
}

export const NO_CHANNELS: Channels = {
  all: [],
  links: undefined,
  slack: undefined,
  discord: undefined,
  sockets: [],
}

export interface OpeningOptions {
  readonly reach: Reach
  readonly book: ChannelBook
  /** Where the work of Slack's clicks is counted. */
  readonly work: SlackWork
  readonly note: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Opens what `notify:` names and has its secrets. What lacks something stays closed, and is noted. */
export function openChannels(rule: NotifyRule, options: OpeningOptions): Channels {
  const opening = new Opening(options)
  const slack = opening.slack(rule)
  const email = opening.email(rule)
  const webhook = opening.webhook(rule)
  const discord = opening.discord(rule)
  return {
    all: [slack?.channel, email?.channel, webhook, opening.teams(rule), discord?.channel].filter(
      (channel) => channel !== undefined,
    ),
    links: email?.links,
    slack: slack?.side,
    discord,
    sockets: slack?.socket === undefined ? [] : [slack.socket],
  }
}

class Opening {
  readonly #options: OpeningOptions

  constructor(options: OpeningOptions) {
    this.#options = options
  }

  webhook({ webhook }: NotifyRule): WebhookChannel | undefined {
    if (webhook === null) return undefined
    const reach = this.#watched('webhook')
    const secret = this.#secret('webhook', webhook.secret)
    return secret === undefined ? undefined : new WebhookChannel(reach, { url: webhook.url, secret })
  }

  slack({ slack }: NotifyRule):
    | {
        readonly channel: SlackChannel
        readonly side: SlackSide | undefined
        readonly socket: SlackSocket | undefined
      }
    | undefined {
    if (slack === null) return undefined
    const reach = this.#watched('slack')
    const token = this.#secret('slack', slack.token)
    if (token === undefined) return undefined
    const appToken = slack.appToken === null ? null : this.#secret('slack', slack.appToken)
    if (appToken === undefined) return undefined
    // Where clicks come over the socket, the door for them is only open when it can tell who knocks.
    const signing =
      appToken === null ? this.#secret('slack', slack.signingSecret) : this.#valueOf(slack.signingSecret)
    if (appToken === null && signing === undefined) return undefined
    const { apiUrl } = slack
    const channel = new SlackChannel(reach, { channel: slack.channel, token, apiUrl })
    const people = new SlackPeople(channel.api, slack.people, reach.now)
    const interactions = new SlackInteractions({ reach, channel, people, apiUrl })
    const socket =
      appToken === null
        ? undefined
        : new SlackSocket({
            apiUrl,
            appToken,
            take: (payload) => interactions.take(payload),
            work: this.#options.work,
            onFault: (error) => channel.fault(new Error(blotted(error, [appToken]))),
          })
    const side =
      signing === undefined
        ? undefined
        : { signatures: new SlackSignatures(signing, reach.now), interactions }
    return { channel, side, socket }
  }

  discord({ discord }: NotifyRule): DiscordSide | undefined {
    if (discord === null) return undefined
    const reach = this.#watched('discord')
    const token = this.#secret('discord', discord.token)
    if (token === undefined) return undefined
    const { channel, apiUrl, publicKey, people } = discord
    return { reach, publicKey, people, channel: new DiscordChannel(reach, { channel, token, apiUrl }) }
  }

  teams({ teams }: NotifyRule): TeamsChannel | undefined {
    if (teams === null) return undefined
    const reach = this.#watched('teams')
    const url = this.#secret('teams', teams.url)
    if (url === undefined) return undefined
    if (URL.parse(url)?.protocol !== 'https:' && !/^http:\/\/(127\.0\.0\.1|localhost)[:/]/.test(url))
      return this.#lacks('teams', 'notify.teams.url is no https address; nobody is told there')
    return new TeamsChannel(reach, { url })
  }

  email({ email }: NotifyRule): { readonly channel: MailChannel; readonly links: ApprovalLinks } | undefined {
    if (email === null) return undefined
    const reach = this.#watched('email')
    const smtp = this.#secret('email', email.smtp)
    if (smtp === undefined) return undefined
    if (!URL.canParse(smtp) || !/^smtps?:$/.test(new URL(smtp).protocol))
      return this.#lacks('email', 'notify.email.smtp is no smtp:// or smtps:// URL; nobody is told by e-mail')
    const from = email.from ?? decodeURIComponent(new URL(smtp).username)
    if (!isAddress(from))
      return this.#lacks('email', 'notify.email.from is missing; nobody is told by e-mail')
    const linkSecret = email.linkSecret === null ? null : this.#secret('email', email.linkSecret)
    if (linkSecret === undefined) return undefined
    if (linkSecret !== null && linkSecret.length < 32)
      return this.#lacks(
        'email',
        'notify.email.link_secret needs at least 32 characters; nobody is told by e-mail',
      )
    const links = new ApprovalLinks(linkSecret === null ? linkKey(reach.data) : Buffer.from(linkSecret))
    const { to, approvers } = email
    return { channel: new MailChannel(reach, { smtp, from, to, approvers, links }), links }
  }

  /** Its deliveries and faults are remembered under the channel's name. */
  #watched(name: ChannelName): Reach {
    const { book, reach } = this.#options
    book.opening(name)
    return {
      ...reach,
      onSent: () => book.delivered(name),
      onFault: (error) => {
        book.failed(name, error)
        reach.onFault(error)
      },
    }
  }

  #lacks(name: ChannelName, what: string): undefined {
    this.#options.book.missing(name, what)
    this.#options.note(what)
    return undefined
  }

  /** What `$NAME` stands for; notes and answers `undefined` where it stands for nothing. */
  #secret(channel: ChannelName, written: string): string | undefined {
    const value = this.#valueOf(written)
    if (value !== undefined) return value
    const variable = written.slice(1)
    return this.#lacks(
      channel,
      `notify.${channel}: set the environment variable ${variable}; nobody is told there`,
    )
  }

  #valueOf(written: string): string | undefined {
    if (!written.startsWith('$')) return written
    const value = this.#options.env[written.slice(1)]
    return value === '' ? undefined : value
  }
}
