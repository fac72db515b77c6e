// A campaign that may be recalled while less than a tenth of its readers have opened it. The mails go through a real
// mail server; readers open them by fetching the picture in them; how many have is asked for before each undo.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'
import { SMTPServer } from 'smtp-server'
import { Belay, BelayError } from '../src/index.ts'

const READERS = Array.from({ length: 20 }, (_, n) => `reader-${n}@example.com`)

const received: string[] = []
const mailServer = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  onData(stream, _session, done) {
    let mail = ''
    stream.on('data', (part: Buffer) => (mail += part.toString('utf8')))
    stream.on('end', () => {
      received.push(mail)
      done()
    })
  },
})
await new Promise<void>((resolve) => mailServer.listen(0, '127.0.0.1', resolve))
const smtp = createTransport(`smtp://127.0.0.1:${(mailServer.server.address() as AddressInfo).port}`)

const opened = new Map<string, Set<string>>()
const tracking = createServer((request, response) => {
  const [, campaign = '', reader = ''] = (request.url ?? '').split('/')
  opened.get(campaign)?.add(reader)
  response.end()
})
await new Promise<void>((resolve) => tracking.listen(0, '127.0.0.1', resolve))
const pixels = `http://127.0.0.1:${(tracking.address() as AddressInfo).port}`

async function mailAll(subject: string, body: (reader: string) => string): Promise<void> {
  for (const to of READERS) await smtp.sendMail({ from: 'news@example.com', to, subject, html: body(to) })
}

/** The first `count` readers open the mail. */
async function open(campaign: string, count: number): Promise<void> {
  for (const reader of READERS.slice(0, count)) await fetch(`${pixels}/${campaign}/${reader}`)
}

const mailsOf = (subject: string): number =>
  received.filter((mail) => mail.includes(`Subject: ${subject}`)).length

const data = mkdtempSync(join(tmpdir(), 'belay-example-'))
const belay = await Belay.open({ config: join(import.meta.dirname, 'belay.yaml'), data })

try {
  const sendCampaign = belay.guard('mail.campaign', {
    async run({ campaign }: { campaign: string }, { id }) {
      opened.set(campaign, new Set())
      await mailAll(campaign, (reader) => `<img src="${pixels}/${campaign}/${reader}">`)
      return { action: id, sent: READERS.length, opened_ratio: 0 }
    },
    current: ({ campaign }) => ({ opened_ratio: (opened.get(campaign)?.size ?? 0) / READERS.length }),
    undo: ({ campaign }) => mailAll(`Please disregard ${campaign}`, () => 'It was sent by mistake.'),
  })

  const spring = await sendCampaign({ campaign: 'Spring' }, { agent: 'marketer' })
  await open('Spring', 1)
  assert.equal((await belay.undo(spring.action)).state, 'undone')
  assert.equal(mailsOf('Please disregard Spring'), READERS.length, 'every reader got the withdrawal')

  const summer = await sendCampaign({ campaign: 'Summer' }, { agent: 'marketer' })
  await open('Summer', 2)
  await assert.rejects(
    belay.undo(summer.action),
    (error) => error instanceof BelayError && error.code === 'undo:condition',
  )
  assert.equal(mailsOf('Please disregard Summer'), 0, 'too many have read it')
  console.log('ok: recalled what 5% had opened, not what 10% had')
} finally {
  await belay.close()
  smtp.close()
  tracking.closeAllConnections()
  tracking.close()
  await new Promise<void>((resolve) => mailServer.close(() => resolve()))
  rmSync(data, { recursive: true, force: true })
}
