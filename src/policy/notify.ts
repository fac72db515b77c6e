import type { JsonObject, JsonValue } from '../action/json.ts'
import { isJsonObject } from '../action/json.ts'
import type { Report } from './compilation.ts'
import { parseDuration } from './duration.ts'
import type { DocumentPath } from './yaml-document.ts'

/** `notify:`. Secrets are as written: texts, or `$NAME` of an environment variable; never shown, never recorded. */
export interface NotifyRule {
  readonly slack: SlackRule | null
  readonly email: EmailRule | null
  readonly webhook: WebhookRule | null
  readonly teams: TeamsRule | null
  readonly discord: DiscordRule | null
  readonly quiet: QuietRule | null
  readonly alerts: AlertRule
  /** The address at which people reach Belay, without a slash at its end; `null`: the one it is bound to. */
  readonly publicUrl: string | null
}

export interface SlackRule {
  readonly channel: string
  readonly token: string
  readonly signingSecret: string
  /** With it, clicks come over a socket that Belay opens; `null`: over HTTP alone. */
  readonly appToken: string | null
  readonly apiUrl: string
  /** Slack user id → approver. Who is not here is looked up by e-mail address. */
  readonly people: Readonly<Record<string, string>>
}

export interface EmailRule {
  readonly to: readonly string[]
  /** Whether the members of the waiting step are told, each with a link of their own. */
  readonly approvers: boolean
  /** `null`: the user of the SMTP URL, where that is an address. */
  readonly from: string | null
  readonly smtp: string
  /** Signs the links; `null`: a key in the data folder. Replicas must share one. */
  readonly linkSecret: string | null
}

/** An app of Discord with a bot. */
export interface DiscordRule {
  readonly channel: string
  readonly token: string
  /** Hex; public. */
  readonly publicKey: string
  readonly apiUrl: string
  /** Discord user id → approver. */
  readonly people: Readonly<Record<string, string>>
}

/** A workflow of Teams that posts what comes to its address. */
export interface TeamsRule {
  readonly url: string
}

export interface WebhookRule {
  readonly url: string
  readonly secret: string
}

/** Minutes after midnight in `zone`; `from` may be later than `to`. */
export interface QuietRule {
  readonly from: number
  readonly to: number
  readonly zone: string
}

export interface AlertRule {
  /** Told when an action has been held for this long, ms. */
  readonly heldFor: number
  /** Share of failures among an agent's last finished actions. */
  readonly errorRate: number
  /** Share of a budget that is gone. */
  readonly budget: number
  /** Share of an agent's finished actions that ought to succeed; the rest may burn away evenly. */
  readonly success: number
}

/** What `notify:` may hold, after the schema was held against it. */
export interface NotifyEntry {
  readonly slack?: {
    readonly channel: string
    readonly token?: string
    readonly signing_secret?: string
    readonly app_token?: string
    readonly api_url?: string
    readonly people?: Readonly<Record<string, string>>
  }
  readonly email?: {
    readonly to?: readonly string[]
    readonly approvers?: boolean
    readonly from?: string
    readonly smtp?: string
    readonly link_secret?: string
    readonly public_url?: string
  }
  readonly webhook?: { readonly url: string; readonly secret?: string }
  readonly teams?: { readonly url?: string }
  readonly discord?: {
    readonly channel: string
    readonly token?: string
    readonly public_key: string
    readonly api_url?: string
    readonly people?: Readonly<Record<string, string>>
  }
  readonly quiet?: { readonly from: string; readonly to: string; readonly zone?: string }
  readonly alerts?: {
    readonly held_for?: string
    readonly error_rate?: number
    readonly budget?: number
    readonly success?: number
  }
  readonly public_url?: string
}

const VARIABLE = /^\$[A-Za-z_][A-Za-z0-9_]*$/
const ADDRESS = /^[^\s@<>,;:"()[\]\\\p{Cc}]{1,64}@[A-Za-z0-9.-]{1,255}$/u

/** Compiles `notify:`. Faults never quote a secret. */
export function compileNotify(entry: NotifyEntry, report: Report): NotifyRule {
  const { slack, email, webhook, quiet, alerts = {} } = entry
  const publicUrl = entry.public_url ?? email?.public_url
  return Object.freeze({
    slack: slack === undefined ? null : compileSlack(slack, report),
    email: email === undefined ? null : compileEmail(email, report),
    webhook:
      webhook === undefined
        ? null
        : Object.freeze({
            url: plainUrl(webhook.url, ['notify', 'webhook', 'url'], report, true),
            secret: secretOf(
              webhook.secret,
              '$BELAY_WEBHOOK_SECRET',
              ['notify', 'webhook', 'secret'],
              report,
            ),
          }),
    discord: entry.discord === undefined ? null : compileDiscord(entry.discord, report),
    teams:
      entry.teams === undefined
        ? null
        : Object.freeze({
            url: secretOf(entry.teams.url, '$TEAMS_WEBHOOK_URL', ['notify', 'teams', 'url'], report),
          }),
    quiet: quiet === undefined ? null : compileQuiet(quiet, report),
    alerts: Object.freeze({
      heldFor: parseDuration(alerts.held_for) ?? 60 * 60_000,
      errorRate: alerts.error_rate ?? 0.2,
      budget: alerts.budget ?? 0.8,
      success: alerts.success ?? 0.99,
    }),
    publicUrl:
      publicUrl === undefined
        ? null
        : plainUrl(
            publicUrl,
            entry.public_url === undefined ? ['notify', 'email', 'public_url'] : ['notify', 'public_url'],
            report,
          ),
  })
}

function compileSlack(slack: NonNullable<NotifyEntry['slack']>, report: Report): SlackRule {
  const path: DocumentPath = ['notify', 'slack']
  return Object.freeze({
    channel: slack.channel,
    token: secretOf(slack.token, '$SLACK_BOT_TOKEN', [...path, 'token'], report),
    signingSecret: secretOf(
      slack.signing_secret,
      '$SLACK_SIGNING_SECRET',
      [...path, 'signing_secret'],
      report,
    ),
    appToken:
      slack.app_token === undefined ? null : secretOf(slack.app_token, '', [...path, 'app_token'], report),
    apiUrl: plainUrl(slack.api_url ?? 'https://slack.com/api', [...path, 'api_url'], report),
    people: Object.freeze({ ...slack.people }),
  })
}

function compileDiscord(discord: NonNullable<NotifyEntry['discord']>, report: Report): DiscordRule {
  const path: DocumentPath = ['notify', 'discord']
  return Object.freeze({
    channel: discord.channel,
    token: secretOf(discord.token, '$DISCORD_BOT_TOKEN', [...path, 'token'], report),
    publicKey: discord.public_key,
    apiUrl: plainUrl(discord.api_url ?? 'https://discord.com/api/v10', [...path, 'api_url'], report),
    people: Object.freeze({ ...discord.people }),
  })
}

function compileEmail(email: NonNullable<NotifyEntry['email']>, report: Report): EmailRule {
  const path: DocumentPath = ['notify', 'email']
  for (const [index, address] of (email.to ?? []).entries())
    if (!isAddress(address)) report([...path, 'to', index], 'policy:notify', 'an e-mail address', address)
  if (email.from !== undefined && !isAddress(email.from))
    report([...path, 'from'], 'policy:notify', 'an e-mail address', email.from)
  return Object.freeze({
    to: Object.freeze([...(email.to ?? [])]),
    approvers: email.approvers ?? email.to === undefined,
    from: email.from ?? null,
    smtp: secretOf(email.smtp, '$SMTP_URL', [...path, 'smtp'], report),
    linkSecret:
      email.link_secret === undefined
        ? null
        : secretOf(email.link_secret, '', [...path, 'link_secret'], report),
  })
}

function compileQuiet(quiet: NonNullable<NotifyEntry['quiet']>, report: Report): QuietRule {
  const zone = quiet.zone ?? 'UTC'
  try {
    Intl.DateTimeFormat('en', { timeZone: zone })
  } catch {
    report(['notify', 'quiet', 'zone'], 'policy:notify', 'an IANA time zone, for example Europe/Berlin', zone)
  }
  return Object.freeze({ from: minutes(quiet.from), to: minutes(quiet.to), zone })
}

function minutes(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
}

function secretOf(value: string | undefined, otherwise: string, path: DocumentPath, report: Report): string {
  if (value?.startsWith('$') === true && !VARIABLE.test(value))
    report(path, 'policy:notify', 'the secret, or $NAME of a variable', 'another $')
  return value ?? otherwise
}

/** Without a slash at its end. A user or password would end up in messages. */
function plainUrl(value: string, path: DocumentPath, report: Report, withQuery = false): string {
  if (!URL.canParse(value)) {
    report(path, 'policy:notify', 'a URL', 'none')
    return value
  }
  const parsed = new URL(value)
  if (parsed.username !== '' || parsed.password !== '')
    report(path, 'policy:notify', 'a URL without a user', 'a user or password')
  if (!withQuery && (parsed.search !== '' || parsed.hash !== ''))
    report(path, 'policy:notify', 'a URL without ? and #', 'one with them')
  return withQuery ? parsed.href : parsed.href.replace(/\/$/, '')
}

/** Whether a message can be sent there: one plain address, nothing that a mail header could be made of. */
export function isAddress(value: string): boolean {
  return value.length <= 254 && ADDRESS.test(value)
}

const SECRETS: Readonly<Record<string, readonly string[]>> = {
  slack: ['token', 'signing_secret', 'app_token'],
  email: ['smtp', 'link_secret'],
  // The path of a webhook is often all that protects it.
  webhook: ['secret', 'url'],
  teams: ['url'],
  discord: ['token'],
}

/** The file as it may be shown: literal secrets are hidden, `$NAME` stays. */
export function withoutNotifySecrets(content: JsonObject): JsonObject {
  const { notify } = content
  if (!isJsonObject(notify)) return content
  const shown = Object.entries(notify).map(([channel, entry]) => {
    const names = Object.hasOwn(SECRETS, channel) ? SECRETS[channel]! : []
    return [channel, isJsonObject(entry) ? hideIn(entry, names) : entry] as const
  })
  return { ...content, notify: Object.fromEntries(shown) }
}

function hideIn(entry: JsonObject, names: readonly string[]): JsonObject {
  const hidden = (value: JsonValue): JsonValue =>
    typeof value === 'string' && VARIABLE.test(value) ? value : '(hidden)'
  return Object.fromEntries(
    Object.entries(entry).map(([key, value]) => [key, names.includes(key) ? hidden(value) : value]),
  )
}
