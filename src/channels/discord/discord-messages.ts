import type { Action } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import type { Alert } from '../alert.ts'
import { clip, costWords, fateOf, timeWords, visible } from '../approval-view.ts'
import type { ApprovalView } from '../approval-view.ts'

/** Longer arguments cannot be read here, and nobody approves what they could not read. */
export const MAX_INPUT = 3_000
/** A row of a message has five. */
const MOST_BUTTONS = 5
const MAX_URL = 512

/** What a button or a dialog says it is about: Discord keeps 100 characters. The digest is cut to 128 bits. */
export interface About {
  readonly verb: 'approve' | 'ask why to approve' | 'ask why to reject' | 'approve because' | 'reject because'
  readonly approvalId: string
  readonly step: number
  readonly digest: string
}

const VERBS: readonly (readonly [string, About['verb']])[] = [
  ['a', 'approve'],
  ['A', 'ask why to approve'],
  ['R', 'ask why to reject'],
  ['b', 'approve because'],
  ['s', 'reject because'],
]
const CUSTOM_ID = /^belay:([aARbs]):(apr_[0-9a-f-]{36}):(\d{1,3}):([0-9a-f]{32})$/

function customId(verb: About['verb'], { approvalId, step, digest }: Omit<About, 'verb'>): string {
  const letter = VERBS.find(([, name]) => name === verb)![0]
  return `belay:${letter}:${approvalId}:${step}:${shortDigest(digest)}`
}

export function aboutOf(text: unknown): About | undefined {
  const match = typeof text === 'string' ? CUSTOM_ID.exec(text) : null
  if (match === null) return undefined
  const verb = VERBS.find(([letter]) => letter === match[1])![1]
  return { verb, approvalId: match[2]!, step: Number(match[3]), digest: match[4]! }
}

/** `sha256:` and 64 digits to the first 32 of them; what is short stays as it is. */
export function shortDigest(digest: string): string {
  return digest.replace('sha256:', '').slice(0, 32)
}

export function questionMessage(view: ApprovalView, link: string): JsonObject {
  const fits = view.input.length <= MAX_INPUT
  const facts: (readonly [string, string])[] = [
    ['Why it is held', view.reasons.join(' ')],
    ...(view.agentReason === null ? [] : [['The agent says', view.agentReason] as const]),
    ['Risk', view.risk],
    ['Costs', costWords(view.costUsd)],
    ['Can be undone', view.undo],
    ['Who decides', `${view.group}: ${view.approved.length} of ${view.quorum} have approved`],
    ['Decide until', timeWords(view.expiresAt)],
    ...(view.turns.length === 0 ? [] : [['So far', view.turns.join(' ')] as const]),
  ]
  const button = (verb: About['verb'], label: string, style: number): JsonObject => ({
    type: 2,
    style,
    label,
    custom_id: customId(verb, view),
  })
  const approve =
    view.risk === 'high' ? button('ask why to approve', 'Approve…', 3) : button('approve', 'Approve', 3)
  return {
    content: unmarked(clip(view.sentence, 900)),
    embeds: [
      {
        description: `\`\`\`json\n${framed(clip(view.input, MAX_INPUT))}\n\`\`\``,
        fields: facts.map(([name, value]) => ({
          name,
          value: clip(unmarked(clip(value, 300)), 1_000),
          inline: value.length < 40,
        })),
      },
    ],
    components: [
      {
        type: 1,
        components: [
          ...(fits ? [approve] : []),
          button('ask why to reject', 'Reject…', 4),
          { type: 2, style: 5, label: 'See it whole', url: link },
        ],
      },
    ],
    allowed_mentions: { parse: [] },
  }
}

/** What the message becomes when nobody needs to decide in it any more. */
export function settledMessage(action: Action): JsonObject {
  const asked = `The agent ${visible(action.agent)} asked to run ${visible(action.name)}.`
  return {
    content: unmarked(clip(`${asked} ${fateOf(action)}`, 900)),
    embeds: [],
    components: [],
    allowed_mentions: { parse: [] },
  }
}

export function alertMessage(alerts: readonly Alert[]): JsonObject {
  const embeds = alerts.slice(0, 10).map((alert) => ({
    title: clip(unmarked(clip(visible(alert.title), 120)), 250),
    description: unmarked(clip(alert.facts.map((fact) => visible(fact)).join(' '), 200)),
    footer: { text: clip(`${timeWords(alert.at)} · To act: ${visible(alert.act)}`, 200) },
    ...(alert.link !== undefined && { url: alert.link }),
  }))
  const buttons = alerts.slice(0, MOST_BUTTONS).flatMap(({ link, title }) => {
    // A button of style 5 is a link: what is done there is done by who has logged in there.
    if (link === undefined || link.length > MAX_URL) return []
    const label = alerts.length === 1 ? 'Acknowledge or pause' : clip(visible(title), 80)
    return [{ type: 2, style: 5, label, url: link }]
  })
  const components = buttons.length === 0 ? [] : [{ type: 1, components: buttons }]
  return { embeds, components, allowed_mentions: { parse: [] } }
}

/** The dialog in which a decision gets its reason. */
export function reasonModal(about: About): JsonObject {
  const approve = about.verb === 'ask why to approve'
  const field = {
    type: 4,
    custom_id: 'reason',
    style: 2,
    label: approve ? 'Why may it run?' : 'Why not? The agent is told.',
    min_length: 3,
    max_length: 2_000,
    required: true,
  }
  return {
    custom_id: customId(approve ? 'approve because' : 'reject because', about),
    title: approve ? 'Approve' : 'Reject',
    components: [{ type: 1, components: [field] }],
  }
}

/** Discord reads Markdown and mentions: a backslash takes their signs the meaning. */
export function unmarked(words: string): string {
  return words.replaceAll(/[\\`*_~|<>[\]()#@:-]/g, (sign) => `\\${sign}`)
}

/** Nothing in it can end the frame. */
function framed(text: string): string {
  return text.replaceAll('`', '\\u{60}')
}
