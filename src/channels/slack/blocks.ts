import type { Action } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import { clip, costWords, fateOf, timeWords } from '../approval-view.ts'
import type { ApprovalView } from '../approval-view.ts'

/** Slack's limits (Block Kit reference). */
export const LIMITS = {
  section: 3_000,
  value: 2_000,
  messageBlocks: 50,
  modalBlocks: 100,
  privateMetadata: 3_000,
  header: 150,
  field: 2_000,
  input: 3_000,
} as const

/** Characters of the arguments in a message; longer ones are read whole in the dialog before deciding. */
const SHOWN_INPUT = 2_400
const CHUNK = 2_900
const MAX_CHUNKS = 80

export const APPROVE = 'belay_approve'
export const REJECT = 'belay_reject'
export const DECIDE = 'belay_decide'

/** What a button or a dialog says it is about. Stale when the step, or what would run, is another by now. */
export interface About {
  readonly approvalId: string
  readonly step: number
  readonly digest: string
}

export interface Message {
  /** What notifications and screen readers say. */
  readonly text: string
  readonly blocks: readonly JsonObject[]
}

/** Whether approving needs the dialog: to type a reason, or to read arguments that the message has no room for. */
export function needsDialog(view: ApprovalView): boolean {
  return view.risk === 'high' || view.input.length > SHOWN_INPUT
}

/** Arguments that not even the dialog has room for are decided where they can be read. */
function fitsDialog(view: ApprovalView): boolean {
  return view.input.length <= CHUNK * MAX_CHUNKS
}

/** The message of a step that waits. */
export function questionMessage(view: ApprovalView, link: string): Message {
  const cut = view.input.length > SHOWN_INPUT
  return {
    text: escaped(clip(`Approve? ${view.sentence}`, 1_000)),
    blocks: [
      header(`${view.effect === 'irreversible' ? 'Cannot be undone: ' : ''}approve ${view.action}?`),
      plain(view.sentence),
      preformatted(clip(view.input, SHOWN_INPUT)),
      ...(cut ? [plain(`Cut: ${view.input.length} characters in all. Approve… shows the rest.`)] : []),
      plain(clip(`Held because: ${view.reasons.join(' ')}`, LIMITS.section)),
      ...(view.agentReason === null ? [] : [plain(clip(`The agent says: ${view.agentReason}`, 1_500))]),
      ...(view.turns.length === 0 ? [] : [plain(clip(view.turns.join(' '), 1_500))]),
      facts(view),
      buttons(view),
      context([`${view.actionId} · ${view.digest.slice(0, 19)} · ${link}`]),
    ],
  }
}

/** What the message becomes when nobody needs to decide in it any more. */
export function settledMessage(action: Action, sentence: string): Message {
  const fate = fateOf(action)
  return {
    text: escaped(clip(`${fate} ${sentence}`, 1_000)),
    blocks: [plain(clip(sentence, LIMITS.section)), plain(clip(fate, LIMITS.section)), context([action.id])],
  }
}

/** The dialog in which a decision gets its reason. */
export function decisionModal(
  view: ApprovalView,
  outcome: 'approve' | 'reject',
  metadata: string,
): JsonObject {
  const approve = outcome === 'approve'
  const chunks = chunked(view.input)
  const needed = !approve || view.risk === 'high'
  return {
    type: 'modal',
    callback_id: DECIDE,
    private_metadata: metadata,
    title: { type: 'plain_text', text: approve ? 'Approve' : 'Reject', emoji: false },
    submit: { type: 'plain_text', text: approve ? 'Approve' : 'Reject', emoji: false },
    close: { type: 'plain_text', text: 'Back', emoji: false },
    blocks: [
      plain(view.sentence),
      ...(view.effect === 'irreversible' ? [plain('This cannot be undone.')] : []),
      ...(approve && view.risk === 'high' ? [plain('Its risk is high: write why.')] : []),
      ...chunks.slice(0, MAX_CHUNKS).map(preformatted),
      {
        type: 'input',
        block_id: 'reason',
        optional: !needed,
        label: {
          type: 'plain_text',
          text: approve ? 'Why may it run?' : 'Why not? The agent is told.',
          emoji: false,
        },
        element: {
          type: 'plain_text_input',
          action_id: 'reason',
          multiline: true,
          max_length: 2_000,
          ...(needed && { min_length: 3 }),
        },
      },
    ],
  }
}

/** Slack's escapes in texts that it reads as mrkdwn: no links, mentions or channels made by what an agent wrote. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function facts(view: ApprovalView): JsonObject {
  const rows: (readonly [string, string])[] = [
    ['Confidence', view.confidence === null ? 'not given' : `${Math.round(view.confidence * 100)} %`],
    ['Costs', costWords(view.costUsd)],
    ['Can be undone', view.undo],
    ['Risk', view.risk],
    ['Decide until', timeWords(view.expiresAt)],
    ['Who decides', `${view.group}${view.steps > 1 ? ` (step ${view.step + 1} of ${view.steps})` : ''}`],
    [
      'Approved so far',
      `${view.approved.length} of ${view.quorum}${view.approved.length === 0 ? '' : `: ${view.approved.join(', ')}`}`,
    ],
    ...(view.escalation === null
      ? []
      : [['Else', `${view.escalation.to.join(', ')} from ${timeWords(view.escalation.at)}`] as const]),
    ...(view.next.length === 0 ? [] : [['Then', view.next.join(', then ')] as const]),
    ...(view.proposedBy === null ? [] : [['Asked for by', view.proposedBy] as const]),
  ]
  return {
    type: 'section',
    fields: rows.map(([name, value]) => ({
      type: 'plain_text',
      text: clip(`${name}: ${value}`, LIMITS.field),
      emoji: false,
    })),
  }
}

function buttons(view: ApprovalView): JsonObject {
  const value = aboutText({ approvalId: view.approvalId, step: view.step, digest: view.digest })
  const dialog = needsDialog(view)
  const approve: JsonObject = {
    type: 'button',
    action_id: APPROVE,
    style: 'primary',
    text: { type: 'plain_text', text: dialog ? 'Approve…' : 'Approve', emoji: false },
    value,
  }
  const reject: JsonObject = {
    type: 'button',
    action_id: REJECT,
    style: 'danger',
    text: { type: 'plain_text', text: 'Reject…', emoji: false },
    value,
  }
  // Nobody approves what they could not read.
  const elements = fitsDialog(view) ? [approve, reject] : [reject]
  return { type: 'actions', block_id: 'belay_decision', elements }
}

export function aboutText({ approvalId, step, digest }: About): string {
  return JSON.stringify({ a: approvalId, s: step, d: digest })
}

export function aboutOf(text: unknown): About | undefined {
  if (typeof text !== 'string' || text.length > LIMITS.privateMetadata) return undefined
  try {
    const { a, s, d } = JSON.parse(text) as Record<string, unknown>
    if (typeof a !== 'string' || typeof d !== 'string' || !Number.isSafeInteger(s)) return undefined
    return { approvalId: a, step: s as number, digest: d }
  } catch {
    return undefined
  }
}

export function header(text: string): JsonObject {
  return { type: 'header', text: { type: 'plain_text', text: clip(text, LIMITS.header), emoji: false } }
}

/** Text that Slack shows as it is: no formatting, no links, no emoji. */
export function plain(text: string): JsonObject {
  return { type: 'section', text: { type: 'plain_text', text: clip(text, LIMITS.section), emoji: false } }
}

export function context(texts: readonly string[]): JsonObject {
  return { type: 'context', elements: texts.map((text) => ({ type: 'plain_text', text, emoji: false })) }
}

/** A rich text: its content is never read as markup, so nothing in it can end the frame. */
function preformatted(text: string): JsonObject {
  return {
    type: 'rich_text',
    elements: [
      { type: 'rich_text_preformatted', elements: [{ type: 'text', text: text === '' ? ' ' : text }] },
    ],
  }
}

function chunked(text: string): string[] {
  const chunks: string[] = []
  for (let at = 0; at < text.length;) {
    let end = Math.min(at + CHUNK, text.length)
    // Not between the two halves of a character.
    if (end < text.length && /[\ud800-\udbff]/.test(text[end - 1]!)) end--
    chunks.push(text.slice(at, end))
    at = end
  }
  return chunks.length === 0 ? [''] : chunks
}
