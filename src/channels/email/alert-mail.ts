import type { Alert } from '../alert.ts'
import { clip, timeWords, visible } from '../approval-view.ts'
import type { MailText } from './approval-mail.ts'
import { html } from './html.ts'

/** What is told together. A link leads to each alarm; what is done there is done by who has logged in there. */
export function alertMail(alerts: readonly Alert[]): MailText {
  const title =
    alerts.length === 1 ? (alerts[0]?.title ?? '') : `${alerts.length} alerts: ${alerts[0]?.title ?? ''} …`
  const parts = alerts.map((alert) => ({
    head: visible(alert.title),
    link: alert.link ?? null,
    lines: [
      timeWords(alert.at),
      ...alert.facts.map((fact) => visible(fact)),
      `To act: ${visible(alert.act)}`,
    ],
  }))
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="color-scheme" content="light dark" />
        <title>Belay</title>
      </head>
      <body style="font:16px/1.5 system-ui,sans-serif">
        ${parts.map(
          ({ head, lines, link }) =>
            html`<h2 style="font-size:18px">${head}</h2>
              ${lines.map((one) => html`<p>${one}</p>`)}
              ${link === null ? null : html`<p><a href="${link}">Acknowledge it or pause its agent</a></p>`}`,
        )}
      </body>
    </html>`
  return {
    subject: clip(`Belay: ${visible(title)}`, 150),
    text: parts
      .map(({ head, lines, link }) => {
        const told = link === null ? lines : [...lines, `Acknowledge it or pause its agent: ${link}`]
        return `${head}\n${told.join('\n')}\n`
      })
      .join('\n'),
    html: page.html,
  }
}
