import type { JsonObject } from '../../action/json.ts'
import type { Alert } from '../alert.ts'
import { clip, timeWords, visible } from '../approval-view.ts'
import { context, escaped, header, plain, type Message } from './blocks.ts'

export const ACKNOWLEDGE = 'belay_acknowledge'
export const PAUSE = 'belay_pause'

/** More would not fit into a message: each has four blocks. */
const MOST = 12

/** What is told together. An operator may take note of each, and pause the agent that it is about. */
export function alertMessage(alerts: readonly Alert[]): Message {
  const shown = alerts.slice(0, MOST)
  const more = alerts.length - shown.length
  return {
    text: escaped(clip(shown.map(({ title }) => visible(title)).join(' · '), 1_000)),
    blocks: [
      ...shown.flatMap((alert) => [
        header(visible(alert.title)),
        plain(clip(alert.facts.map((fact) => visible(fact)).join(' '), 2_000)),
        context([clip(`${timeWords(alert.at)} · To act: ${visible(toAct(alert))}`, 1_000)]),
        ...(alert.alarm === undefined ? [] : [buttons(alert, alert.alarm)]),
      ]),
      ...(more > 0 ? [plain(`… and ${more} more.`)] : []),
    ],
  }
}

function toAct({ act, link }: Alert): string {
  return link === undefined ? act : `${act} · ${link}`
}

function buttons({ agent, kind }: Alert, alarm: string): JsonObject {
  const acknowledge: JsonObject = {
    type: 'button',
    action_id: ACKNOWLEDGE,
    text: { type: 'plain_text', text: 'Acknowledge', emoji: false },
    value: alarm,
  }
  // What is told of a stop needs no second one.
  if (agent === undefined || kind === 'agent') return { type: 'actions', elements: [acknowledge] }
  const name = clip(visible(agent), 40)
  const pause: JsonObject = {
    type: 'button',
    action_id: PAUSE,
    style: 'danger',
    text: { type: 'plain_text', text: `Pause ${name}`, emoji: false },
    value: alarm,
    confirm: {
      title: { type: 'plain_text', text: 'Pause the agent?', emoji: false },
      text: { type: 'plain_text', text: `${name} may do nothing until somebody lets it.`, emoji: false },
      confirm: { type: 'plain_text', text: 'Pause', emoji: false },
      deny: { type: 'plain_text', text: 'Cancel', emoji: false },
      style: 'danger',
    },
  }
  return { type: 'actions', elements: [acknowledge, pause] }
}
