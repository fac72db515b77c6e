import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTransport } from 'nodemailer'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../setup/http-server.ts'
import { startMailServer, type MailServer } from '../setup/mail-server.ts'

const PEOPLE = Array.from({ length: 20 }, (_, n) => `reader-${n}@example.com`)

/** A service that sends campaigns by SMTP, counts who opens them, and withdraws them by a second mail. */
class Campaigns {
  readonly #mail: ReturnType<typeof createTransport>
  readonly #opened = new Map<string, Set<string>>()
  readonly #server = createServer((request, response) => {
    void this.#serve(request.url ?? '', request).then(
      (answer) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer)),
      () => response.writeHead(500).end(),
    )
  })
  url = ''
  recalls = 0

  constructor(smtp: string) {
    this.#mail = createTransport(smtp)
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async send(
    campaign: string,
    subject: string,
  ): Promise<{ campaign: string; sent: number; opened_ratio: number }> {
    this.#opened.set(campaign, new Set())
    for (const to of PEOPLE) {
      const pixel = `${this.url}/opened/${campaign}/${to}`
      await this.#mail.sendMail({
        from: 'news@example.com',
        to,
        subject,
        text: subject,
        html: `<img src="${pixel}">`,
      })
    }
    return { campaign, sent: PEOPLE.length, opened_ratio: 0 }
  }

  close(): void {
    this.#mail.close()
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #serve(path: string, request: AsyncIterable<Buffer>): Promise<object> {
    const [, what = '', campaign = '', who = ''] = path.split('/')
    if (what === 'opened') {
      this.#opened.get(campaign)?.add(who)
      return {}
    }
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const body = JSON.parse(Buffer.concat(parts).toString()) as { result: { campaign: string } }
    const opened = this.#opened.get(body.result.campaign)?.size ?? 0
    if (what === 'recall') {
      this.recalls++
      for (const to of PEOPLE)
        await this.#mail.sendMail({
          from: 'news@example.com',
          to,
          subject: 'Please disregard our last mail',
          text: `We withdraw ${body.result.campaign}.`,
          html: '<p>We withdraw it.</p>',
        })
      return {}
    }
    return { opened_ratio: opened / PEOPLE.length }
  }
}

let mail: MailServer
let campaigns: Campaigns
let server: TestServer

beforeAll(async () => {
  mail = await startMailServer()
  campaigns = new Campaigns(mail.url)
  await campaigns.start()
  server = await startTestServer({
    policy: `
version: 1
agents: { marketer: {} }
actions:
  mail.campaign:
    effect: write
    undo:
      within: 24h
      when: 'result.opened_ratio < 0.10'
      current: ${campaigns.url}/current
      webhook: ${campaigns.url}/recall
`,
  })
})

afterAll(async () => {
  await server.close()
  campaigns.close()
  await mail.close()
})

async function sendCampaign(name: string): Promise<string> {
  const body = { agent: 'marketer', action: 'mail.campaign', input: { subject: name }, session: name }
  const { id } = (await server.call('POST', '/v1/actions', body)).body
  await server.call('POST', `/v1/actions/${id}/start`)
  const result = await campaigns.send(name, name)
  await server.call('POST', `/v1/actions/${id}/outcome`, { outcome: 'succeeded', result })
  return id
}

/** The first `count` readers open the mail: their programs fetch the picture in it. */
async function open(campaign: string, count: number): Promise<void> {
  const mails = mail.mails.filter(({ header }) => header['subject'] === campaign)
  expect(mails).toHaveLength(PEOPLE.length)
  for (const { html } of mails.slice(0, count)) await fetch(/src="([^"]+)"/.exec(html)?.[1] ?? '')
}

it('recalls a campaign that less than a tenth have opened, as it is when it is asked for', async () => {
  const id = await sendCampaign('Spring')
  await open('Spring', 1)
  const preview = await server.call('POST', '/v1/sessions/Spring/undo', { agent: 'marketer', preview: true })
  expect(preview.body.undoable).toMatchObject([{ id, how: 'belay', compared: false }])
  expect(campaigns.recalls).toBe(0)
  const undone = await server.call('POST', `/v1/actions/${id}/undo`)
  expect(undone.body.state).toBe('undone')
  const recalls = mail.mails.filter(({ header }) => header['subject']?.startsWith('Please disregard'))
  expect(recalls.map(({ to }) => to[0])).toEqual(PEOPLE)
})

it('does not recall what more have opened since, though none had when it was sent', async () => {
  const before = campaigns.recalls
  const id = await sendCampaign('Summer')
  await open('Summer', 2)
  const refused = await server.call('POST', `/v1/actions/${id}/undo`)
  expect(refused).toMatchObject({ status: 409, body: { code: 'undo:condition' } })
  const session = await server.call('POST', '/v1/sessions/Summer/undo', { agent: 'marketer' })
  expect(session.body).toMatchObject({
    undone: [],
    stopped_at: id,
    refused: [{ id, action: 'mail.campaign', code: 'undo:condition' }],
  })
  expect(campaigns.recalls).toBe(before)
})
