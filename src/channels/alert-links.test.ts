import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { teamsWorkflow } from '../../test/setup/teams-workflow.ts'
import type { Alert } from './alert.ts'
import { alertMessage } from './discord/discord-messages.ts'
import { alertMail } from './email/alert-mail.ts'
import type { Reach } from './reach.ts'
import { TeamsChannel } from './teams/teams-channel.ts'

const LINK = 'https://belay.example.com/alarms/alm_1'
const alert = (more: Partial<Alert> = {}): Alert => ({
  kind: 'anomaly',
  key: 'k',
  urgent: true,
  agent: 'writer',
  title: 'writer <b>does not</b> behave as it does',
  facts: ['5,000 in 10 minutes'],
  act: 'belay agents pause writer',
  at: 0,
  ...more,
})

test('Discord shows a button that leads to each alarm, at most five, and none where nothing is kept', () => {
  const one = alertMessage([alert({ link: LINK })])
  expect(one['components']).toEqual([
    { type: 1, components: [{ type: 2, style: 5, label: 'Acknowledge or pause', url: LINK }] },
  ])
  expect(one['embeds']).toMatchObject([{ url: LINK }])
  const many = alertMessage(Array.from({ length: 8 }, (_, index) => alert({ link: `${LINK}${index}` })))
  const [row] = many['components'] as { components: { url: string; label: string }[] }[]
  expect(row!.components.map(({ url }) => url)).toEqual([0, 1, 2, 3, 4].map((index) => `${LINK}${index}`))
  for (const { label } of row!.components) expect(label.length).toBeLessThanOrEqual(80)
  expect(alertMessage([alert()])['components']).toEqual([])
  expect(alertMessage([alert({ link: `https://x/${'a'.repeat(600)}` })])['components']).toEqual([])
})

test('mails have a link as text and as markup, escaped', () => {
  const { text, html } = alertMail([alert({ link: `${LINK}?"><script>` })])
  expect(text).toContain(`Acknowledge it or pause its agent: ${LINK}`)
  expect(html).toContain(`<a href="${LINK}?&quot;&gt;&lt;script&gt;">`)
  expect(html).toContain('&lt;b&gt;does not')
  expect(alertMail([alert()]).html).not.toContain('<a ')
})

test('a card in Teams leads to its alarm', async () => {
  const { url, cards, close } = await teamsWorkflow()
  const data = mkdtempSync(join(tmpdir(), 'belay-teams-'))
  const reach = { data, publicUrl: () => 'https://belay.example.com', onFault: expect.unreachable }
  const channel = new TeamsChannel(reach as unknown as Reach, { url })
  try {
    channel.alert([alert({ link: LINK }), alert()])
    await channel.idle()
    expect(cards.map((card) => card.attachments[0].content.actions[0])).toEqual([
      { type: 'Action.OpenUrl', title: 'Acknowledge or pause', url: LINK },
      { type: 'Action.OpenUrl', title: 'Look and decide', url: 'https://belay.example.com' },
    ])
  } finally {
    await channel.close()
    close()
    rmSync(data, { recursive: true, force: true })
  }
})
