import type { JsonObject } from '../action/json.ts'
import { described, duration, listOf, map, text } from './schema-words.ts'

const TIME = '^([01][0-9]|2[0-3]):[0-5][0-9]$'

const share = (description: string): JsonObject => ({
  description,
  type: 'number',
  exclusiveMinimum: 0,
  maximum: 1,
})
const url = (description: string): JsonObject => ({ description, type: 'string', pattern: '^https?://' })
const secret = (description: string): JsonObject => ({
  description: `${description} Better $NAME of an environment variable than the secret itself.`,
  type: 'string',
  minLength: 1,
  maxLength: 1000,
})

export const notifySchema: JsonObject = described(
  'How people are reached.',
  map({
    slack: described(
      'Approvals and alerts in a Slack channel, with buttons.',
      map(
        {
          channel: { ...text('Channel, for example #agents, or its id.'), maxLength: 100 },
          token: secret('The bot token. Default: $SLACK_BOT_TOKEN.'),
          signing_secret: secret('The signing secret of the Slack app. Default: $SLACK_SIGNING_SECRET.'),
          app_token: secret(
            'An app-level token (xapp-…): socket mode, for where Slack cannot reach Belay. The signing secret is not needed then.',
          ),
          api_url: url('Default: https://slack.com/api.'),
          people: {
            description:
              'Approvers by Slack user id. Others are found by the e-mail address of their profile.',
            type: 'object',
            propertyNames: { type: 'string', pattern: '^[UW][A-Z0-9]{1,30}$' },
            additionalProperties: { type: 'string', minLength: 1, maxLength: 200 },
          },
        },
        ['channel'],
      ),
    ),
    email: described(
      'Approvals and alerts by e-mail.',
      map({
        to: listOf('Who is told beside the approvers, and gets the alerts.', text('An address.')),
        approvers: {
          description:
            'Whether each member of the waiting step gets a message with a link of their own. Default: only when `to` is not given; members that `to` names get theirs in any case.',
          type: 'boolean',
        },
        from: text('Sender. Default: the user of the SMTP URL.'),
        smtp: secret('smtp:// or smtps:// URL of the mail server. Default: $SMTP_URL.'),
        link_secret: secret(
          'Signs the links. Default: a key in the data folder; replicas need a common one.',
        ),
        public_url: url('The address at which approvers reach Belay.'),
      }),
    ),
    webhook: described(
      'CloudEvents to an address of yours, signed as Standard Webhooks.',
      map(
        {
          url: url('Where they go.'),
          secret: secret('Signs each event. Default: $BELAY_WEBHOOK_SECRET.'),
        },
        ['url'],
      ),
    ),
    discord: described(
      'Approvals and alerts in a Discord channel, with buttons.',
      map(
        {
          channel: { description: 'Id of the channel.', type: 'string', pattern: '^[0-9]{1,25}$' },
          token: secret('The token of the bot. Default: $DISCORD_BOT_TOKEN.'),
          public_key: {
            description: 'The public key of the app, with which Discord signs clicks.',
            type: 'string',
            pattern: '^[0-9a-fA-F]{64}$',
          },
          api_url: url('Default: https://discord.com/api/v10.'),
          people: {
            description: 'Approvers by Discord user id. Nobody else decides there.',
            type: 'object',
            propertyNames: { type: 'string', pattern: '^[0-9]{1,25}$' },
            additionalProperties: { type: 'string', minLength: 1, maxLength: 200 },
          },
        },
        ['channel', 'public_key'],
      ),
    ),
    teams: described(
      'Approvals and alerts as cards in Microsoft Teams, with a link to decide in the console.',
      map({
        url: secret('The address of a workflow that a webhook request starts. Default: $TEAMS_WEBHOOK_URL.'),
      }),
    ),
    quiet: described(
      'When alerts wait until morning. Approvals and stops never do.',
      map(
        {
          from: { description: 'HH:MM.', type: 'string', pattern: TIME },
          to: { description: 'HH:MM.', type: 'string', pattern: TIME },
          zone: text('IANA time zone. Default: UTC.'),
        },
        ['from', 'to'],
      ),
    ),
    alerts: described(
      'What is worth a message.',
      map({
        held_for: duration('Something waits for a person for this long. Default: 1h.'),
        error_rate: share("Share of failures among an agent's last 50 finished actions. Default: 0.2."),
        budget: share('Share of a budget that is spent or reserved. Default: 0.8.'),
        success: {
          description:
            "Share of an agent's actions that ought to succeed: who fails more is told of, the faster the sooner. Default: 0.99.",
          type: 'number',
          exclusiveMinimum: 0,
          exclusiveMaximum: 1,
        },
      }),
    ),
    public_url: url(
      'The address at which people reach Belay. Default: that of people, else the one it is bound to.',
    ),
  }),
)
