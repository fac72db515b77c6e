import { hash } from 'node:crypto'
import { costWords, timeWords, visible } from '../approval-view.ts'
import type { ApprovalView } from '../approval-view.ts'
import { html } from './html.ts'
import type { Html } from './html.ts'

const STYLE = `
:root { color-scheme: light dark; --ink: #1a1d21; --paper: #fff; --soft: #f1f3f5; --line: #c9ced6; --quiet: #525b66; --go: #146c2e; --stop: #b3261e; --warn: #8a4b00 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #17191c; --soft: #24282d; --line: #4a515a; --quiet: #aab2bd; --go: #7bd88f; --stop: #ff9b94; --warn: #ffc078 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 44rem; margin: 0 auto; padding: 1.25rem }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .75rem; overflow-wrap: anywhere }
h2 { font-size: 1rem; margin: 1.25rem 0 .35rem }
p { margin: .5rem 0; overflow-wrap: anywhere }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: .4rem; padding: .75rem; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font: .9rem/1.45 ui-monospace, monospace; max-height: 60vh; overflow: auto }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 1rem 0 }
dt { color: var(--quiet) } dd { margin: 0; overflow-wrap: anywhere }
ul { margin: .25rem 0; padding-left: 1.25rem }
form { margin: 1.25rem 0 0; border-top: 1px solid var(--line); padding-top: 1rem }
label { display: block; font-weight: 600 }
textarea { width: 100%; min-height: 5rem; margin: .35rem 0 1rem; padding: .6rem; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: .4rem }
button { font: inherit; font-weight: 600; min-height: 3rem; min-width: 9rem; padding: .6rem 1.4rem; margin: 0 .75rem .75rem 0; border-radius: .4rem; border: 2px solid; background: var(--paper); cursor: pointer }
button.go { color: var(--go) } button.stop { color: var(--stop) }
button:focus-visible, textarea:focus-visible, pre:focus-visible { outline: 3px solid currentColor; outline-offset: 2px }
.warn { color: var(--warn); font-weight: 600 } .wrong { color: var(--stop); font-weight: 600 } .quiet { color: var(--quiet) }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: .5rem } button { width: 100%; margin-right: 0 } }
`

/** No scripts, no frames, nothing from elsewhere; the form goes only back to where the page came from. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${hash('sha256', STYLE, 'base64')}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  'x-frame-options': 'DENY',
  // The address is the credential. `no-referrer` would make browsers send `Origin: null` with the form.
  'referrer-policy': 'same-origin',
  'x-robots-tag': 'noindex, nofollow',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** The page that asks one person for a decision. `wrong` says what was missing in what they sent. */
export function questionPage(
  view: ApprovalView,
  ask: {
    readonly person: string
    readonly formField: string
    readonly wrong?: string
    readonly reason?: string
  },
): string {
  const irreversible = view.effect === 'irreversible'
  const high = view.risk === 'high'
  return document(
    `Approve ${view.action}?`,
    html`<h1>${view.sentence}</h1>
      ${irreversible ? html`<p class="warn">This cannot be undone.</p>` : null}
      ${high ? html`<p class="warn">Its risk is high: to approve it, write why.</p>` : null}
      ${view.turns.map((turn) => html`<p>${turn}</p>`)}
      <h2 id="input">Exact arguments</h2>
      <pre tabindex="0" aria-labelledby="input">${view.input}</pre>
      <h2>Why it is held</h2>
      <ul>
        ${view.reasons.map((reason) => html`<li>${reason}</li>`)}
      </ul>
      ${
        view.agentReason === null
          ? null
          : html`<h2>What the agent says</h2>
              <p>${view.agentReason}</p>`
      }
      ${facts(view)}
      <form method="post">
        <input type="hidden" name="form" value="${ask.formField}" />
        ${ask.wrong === undefined ? null : html`<p class="wrong" role="alert" id="wrong">${ask.wrong}</p>`}
        <label for="reason"
          >Reason <span class="quiet">(needed to reject${high ? ' and to approve' : ''})</span></label
        >
        <textarea
          id="reason"
          name="reason"
          maxlength="2000"
          ${ask.wrong === undefined ? null : html` aria-describedby="wrong"`}
        >
${ask.reason ?? ''}</textarea>
        <button class="go" name="outcome" value="approve">Approve</button
        ><button class="stop" name="outcome" value="reject">Reject</button>
        <p class="quiet">
          You decide as ${visible(ask.person)}. Who has this link can decide in your name: do not pass it on.
        </p>
      </form>`,
  )
}

/** The page for a link with which nothing is left to decide. */
export function fatePage(title: string, sentences: readonly string[]): string {
  return document(
    title,
    html`<h1>${title}</h1>
      ${sentences.map((each) => html`<p>${each}</p>`)}`,
  )
}

function facts(view: ApprovalView): Html {
  const rows: (readonly [string, string])[] = [
    [
      'Confidence',
      view.confidence === null ? 'not given' : `${Math.round(view.confidence * 100)} % (as the agent claims)`,
    ],
    ['Costs', costWords(view.costUsd)],
    ['Can be undone', view.undo],
    ['Decide until', timeWords(view.expiresAt)],
    ['Risk', view.risk],
    ['Who decides', whoDecides(view)],
    ...(view.proposedBy === null ? [] : [['Asked for by', view.proposedBy] as const]),
    ['Action', view.actionId],
    ['Digest', view.digest],
  ]
  return html`<dl>
    ${rows.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`
}

/** The step that waits, how many of it have approved, and who comes after. */
export function whoDecides({ group, quorum, approved, next, step, steps }: ApprovalView): string {
  const chain = steps > 1 ? ` (step ${step + 1} of ${steps})` : ''
  const count = quorum > 1 ? `, ${approved.length} of ${quorum} have approved` : ''
  return `${group}${chain}${count}${next.length > 0 ? `; then ${next.join(', then ')}` : ''}`
}

function document(title: string, body: Html): string {
  // The style is written by us alone: escaped it would not have the digest that the policy names.
  const style: Html = { html: `<style>${STYLE}</style>` }
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Belay</title>
        ${style}
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html> `.html
}
