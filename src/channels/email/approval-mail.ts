import { clip, costWords, timeWords } from '../approval-view.ts'
import type { ApprovalView } from '../approval-view.ts'
import { whoDecides } from './approval-page.ts'
import { html } from './html.ts'
import type { Html } from './html.ts'

export interface MailText {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** Characters of the arguments in a message; the page behind the link has all of them. */
const MAX_INPUT = 4_000

/** The message that asks for a decision. `link` is `null` for somebody who is told but may not decide. */
export function approvalMail(view: ApprovalView, link: string | null): MailText {
  const subject = clip(
    `Approve? ${view.agent}: ${view.action}${view.effect === 'irreversible' ? ' (cannot be undone)' : ''}`,
    150,
  )
  const input = clip(view.input, MAX_INPUT)
  const cut = input === view.input ? '' : `Cut: ${view.input.length} characters in all.`
  const facts = [
    `Why it is held: ${view.reasons.join(' ')}`,
    ...(view.agentReason === null ? [] : [`What the agent says: ${clip(view.agentReason, 1_000)}`]),
    `Confidence: ${view.confidence === null ? 'not given' : `${Math.round(view.confidence * 100)} %`}`,
    `Costs: ${costWords(view.costUsd)}`,
    `Can be undone: ${view.undo}`,
    `Risk: ${view.risk}`,
    `Who decides: ${whoDecides(view)}`,
    ...view.turns,
    ...(view.escalation === null
      ? []
      : [
          `If nobody decides by ${timeWords(view.escalation.at)}, ${view.escalation.to.join(', ')} may as well.`,
        ]),
    `Decide until: ${timeWords(view.expiresAt)}`,
  ]
  const ask =
    link === null
      ? `You are told; ${view.group} decides (${view.approvalId}).`
      : 'See it whole and decide here. The link is yours alone: who has it can decide in your name.'
  const text = [
    view.sentence,
    '',
    'Exact arguments:',
    input,
    cut,
    '',
    ...facts,
    '',
    ask,
    link ?? '',
    '',
  ].join('\n')
  const button: Html | null =
    link === null
      ? null
      : html`<p>
          <a
            href="${link}"
            style="display:inline-block;padding:12px 24px;border:2px solid #146c2e;border-radius:6px;color:#146c2e;font-weight:600;text-decoration:none"
            >Look and decide</a
          >
        </p>`
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${subject}</title>
      </head>
      <body style="font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:0 auto;padding:16px">
        <p style="font-size:18px"><strong>${view.sentence}</strong></p>
        <p>Exact arguments:</p>
        <pre
          style="white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid #999;border-radius:6px;padding:12px;font:14px/1.45 ui-monospace,monospace"
        >
${input}</pre>
        ${cut === '' ? null : html`<p>${cut}</p>`} ${facts.map((fact) => html`<p>${fact}</p>`)}
        <p>${ask}</p>
        ${button}
      </body>
    </html>`
  return { subject, text, html: page.html }
}
