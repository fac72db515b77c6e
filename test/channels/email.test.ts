import { hash } from 'node:crypto'
import { request } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import { MAIL_PASSWORD, startMailServer } from '../setup/mail-server.ts'
import type { MailServer, ReceivedMail } from '../setup/mail-server.ts'
import { peoplePolicy, servePeople } from '../setup/served-people.ts'
import type { ServedPeople } from '../setup/served-people.ts'

let mail: MailServer
let served: ServedPeople

const policy = (more = ''): string => peoplePolicy(`  email: { ${more} }`)

beforeEach(async () => {
  mail = await startMailServer()
  served = await servePeople(policy(), { env: { SMTP_URL: mail.url } })
})
afterEach(async () => {
  await served.close()
  await mail.close()
})

const stateOf = async (id: string): Promise<Action['state']['name']> =>
  (await served.harness.store.action(id))!.state.name
const linkIn = ({ text }: ReceivedMail): string => /http:\S+\/approve\/\S+/.exec(text)![0]
const mailTo = (person: string, from = 0): ReceivedMail =>
  mail.mails.slice(from).find(({ to }) => to[0] === person)!

async function asked(
  action: string,
  input = { text: 'hello' },
  more = {},
  mails = 2,
): Promise<[Action, string]> {
  const count = mail.mails.length
  const { action: held } = await served.propose(action, input, more)
  await mail.until(() => mail.mails.length === count + mails)
  return [held, linkIn(mailTo('lead@example.com', count))]
}

interface Page {
  readonly status: number
  readonly text: string
  readonly headers: Headers
}
async function get(link: string): Promise<Page> {
  const answer = await fetch(link, { redirect: 'manual' })
  return { status: answer.status, text: await answer.text(), headers: answer.headers }
}
async function decide(
  link: string,
  fields: Record<string, string>,
  { form, headers = {} }: { form?: string; headers?: Record<string, string> } = {},
): Promise<Page> {
  const field = form ?? /name="form" value="([^"]+)"/.exec((await get(link)).text)?.[1] ?? ''
  const answer = await fetch(link, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams({ form: field, ...fields }).toString(),
  })
  return { status: answer.status, text: await answer.text(), headers: answer.headers }
}

describe('the message', () => {
  test('goes to each member, with a link of their own, as text and as HTML', async () => {
    await asked(
      'note.publish',
      { text: '<b>hi</b> & "bye"' },
      { reason: 'a customer asked', confidence: 0.25 },
    )
    expect(mail.mails.map(({ to }) => to)).toEqual([['lead@example.com'], ['second@example.com']])
    const [first, second] = mail.mails as [ReceivedMail, ReceivedMail]
    expect(linkIn(first)).not.toBe(linkIn(second))
    for (const { header, text, html } of [first, second]) {
      expect(header).toMatchObject({ from: 'Belay <belay@example.com>', 'auto-submitted': 'auto-generated' })
      for (const words of ['note.publish', 'a customer asked', '25 %', 'within 1 hour']) {
        expect(text).toContain(words)
        expect(html).toContain(words)
      }
      expect(text).toContain('<b>hi</b> & \\"bye\\"')
      expect(html).toContain('&lt;b&gt;hi&lt;/b&gt; &amp; \\&quot;bye\\&quot;')
    }
  })

  test('cannot be given headers or recipients by what an agent writes', async () => {
    const evil = 'x\r\nBcc: evil@example.com\r\n\r\n<script>'
    await served.close()
    served = await servePeople(
      policy().replace(
        'note.add: {',
        "'note.*': { effect: write, approve: [{ by: [editors] }] }\n  note.add: {",
      ),
      { env: { SMTP_URL: mail.url } },
    )
    await served.propose(`note.${'y'.repeat(100)}`, { text: evil }, { reason: evil })
    await mail.until(() => mail.mails.length === 2)
    for (const { to, header, html, raw } of mail.mails) {
      expect(to).toHaveLength(1)
      expect(Object.keys(header)).not.toContain('bcc')
      expect(raw.split('\r\n\r\n')[0]).not.toContain('evil@')
      expect(html).not.toContain('<script>')
    }
  })

  test('is sent again when the server turns it away for now, and nobody is told twice after a restart', async () => {
    mail.failNext = 1
    await asked('note.publish')
    await served.restart()
    await served.propose('note.publish')
    await mail.until(() => mail.mails.length === 4)
    expect(new Set(mail.mails.map(({ header }) => header['message-id'])).size).toBe(4)
    expect(served.faults.join()).not.toContain(MAIL_PASSWORD)
  })

  test('to somebody who may not decide has no link', async () => {
    await served.close()
    served = await servePeople(policy('to: [ops@example.com, Second@example.com]'), {
      env: { SMTP_URL: mail.url },
    })
    await served.propose('note.publish')
    await mail.until(() => mail.mails.length === 2)
    expect(mailTo('ops@example.com').text).not.toContain('/approve/')
    expect(mailTo('second@example.com').text).toContain('/approve/')
  })
})

describe('the page', () => {
  test('only shows, however often it is fetched; its form decides once', async () => {
    const [held, link] = await asked('note.publish')
    const version = held.version
    for (let i = 0; i < 3; i++) expect((await get(link)).status).toBe(200)
    expect((await served.harness.store.action(held.id))!.version).toBe(version)
    const answer = await decide(link, { outcome: 'approve' })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, new URL(link).pathname])
    expect(await stateOf(held.id)).toBe('ready')
    expect((await get(link)).text).toContain('approved by lead@example.com')
    // The other member's link says what became of it.
    const other = await get(linkIn(mailTo('second@example.com')))
    expect(other.text).toContain('This is decided')
    expect(other.text).not.toContain('<form')
  })

  test('shows the exact arguments, escaped, without scripts, and fits phones and readers', async () => {
    const text = '</pre><script>alert(1)</script>\u202e\u200b<img src=x onerror=alert(1)>'
    const [, link] = await asked('note.publish', { text }, { reason: '"><form action=//evil>' })
    const { text: page, headers } = await get(link)
    expect(page).not.toMatch(/<script|<img|<form action/i)
    expect(page).toContain('&lt;/pre&gt;&lt;script&gt;alert(1)')
    expect(page).toContain('\\u{202e}\\u{200b}')
    expect(page).toContain('<html lang="en">')
    expect(page).toContain('<label for="reason"')
    expect(page).toContain('name="viewport"')
    expect(page).toContain('prefers-color-scheme: dark')
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)![1]!
    const policyOfPage = headers.get('content-security-policy')!
    expect(policyOfPage).toContain("default-src 'none'")
    expect(policyOfPage).toContain(`'sha256-${hash('sha256', style, 'base64')}'`)
    expect(policyOfPage).toContain("form-action 'self'; frame-ancestors 'none'")
    expect(headers.get('referrer-policy')).toBe('same-origin')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test('wants a reason to reject, and for what cannot be undone to approve too; what was typed stays', async () => {
    const [held, link] = await asked('note.publish')
    expect((await decide(link, { outcome: 'reject', reason: ' ' })).status).toBe(422)
    expect(await stateOf(held.id)).toBe('held')
    expect((await decide(link, { outcome: 'reject', reason: 'not today' })).status).toBe(303)
    expect(await stateOf(held.id)).toBe('denied')

    const [money, pay] = await asked('money.send')
    const page = await decide(pay, { outcome: 'approve', reason: '"<' })
    expect([page.status, page.text.includes('&quot;&lt;')]).toEqual([422, true])
    expect(await stateOf(money.id)).toBe('held')
    expect((await decide(pay, { outcome: 'approve', reason: 'checked it' })).status).toBe(303)
    expect(await stateOf(money.id)).toBe('ready')
  })

  test('says so where a step has passed, where a vote is in, and where it was withdrawn', async () => {
    const [both, link] = await asked('note.both')
    await decide(link, { outcome: 'approve' })
    expect((await get(link)).text).toContain('Your approval is recorded')
    await served.harness.flow.cancel(both.id, 'admin')
    expect((await get(link)).text).toContain('withdrawn by admin')
    expect((await decide(link, { outcome: 'approve' })).text).toContain('did not come from the page')

    const [, chain] = await asked('note.chain')
    const open = /name="form" value="([^"]+)"/.exec((await get(chain)).text)![1]!
    await decide(linkIn(mailTo('second@example.com', 2)), { outcome: 'approve' })
    await mail.until(() => mail.mails.some(({ to }) => to[0] === 'boss@example.com'))
    expect((await get(chain)).text).toContain('It waits for bosses (step 2 of 2)')
    expect((await decide(chain, { outcome: 'approve' }, { form: open })).text).toContain(
      'It waits for bosses',
    )
  })
})

describe('what is not from the page or not a link of ours', () => {
  test.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['an origin that hides', { origin: 'null' }],
  ])('decides nothing: %s', async (_what, headers) => {
    const [held, link] = await asked('note.publish')
    expect((await decide(link, { outcome: 'approve' }, { headers })).status).toBe(403)
    expect(await stateOf(held.id)).toBe('held')
  })

  test('a form without its field, of another link, as JSON or too long decides nothing', async () => {
    const [held, link] = await asked('note.publish')
    const other = linkIn(mailTo('second@example.com'))
    const foreign = /name="form" value="([^"]+)"/.exec((await get(other)).text)![1]!
    expect((await decide(link, { outcome: 'approve' }, { form: '' })).status).toBe(403)
    expect((await decide(link, { outcome: 'approve' }, { form: foreign })).status).toBe(403)
    expect(
      (await decide(link, { outcome: 'approve' }, { headers: { 'content-type': 'application/json' } }))
        .status,
    ).toBe(400)
    expect((await decide(link, { outcome: 'approve', reason: 'x'.repeat(40_000) })).status).toBe(413)
    expect(await stateOf(held.id)).toBe('held')
  })

  test('a link whose claims or seal were changed leads nowhere', async () => {
    const [, link] = await asked('note.publish')
    const [said, seal] = link.split('/approve/')[1]!.split('.') as [string, string]
    const claims = JSON.parse(Buffer.from(said, 'base64url').toString()) as unknown[]
    const base = `${served.server.url}/approve/`
    const forged = Buffer.from(JSON.stringify(claims.with(2, 'boss@example.com'))).toString('base64url')
    for (const token of [
      `${forged}.${seal}`,
      `${said}.${'A'.repeat(43)}`,
      said,
      `${said}.`,
      '%00',
      'x'.repeat(400),
    ]) {
      const page = await get(base + token)
      expect([page.status, page.text.includes('<form')]).toEqual([404, false])
    }
  })

  test('whoever asked is sent no link, however the name is written', async () => {
    await served.propose('note.publish', { text: 'x' }, { proposedBy: 'Lead@example.com' })
    await mail.until(() => mail.mails.length === 1)
    await served.propose('note.publish', { text: 'y' })
    await mail.until(() => mail.mails.length === 3)
    expect(mail.mails.map(({ to }) => to.join())).toEqual([
      'second@example.com',
      'lead@example.com',
      'second@example.com',
    ])
  })

  test('the page comes under any name of the server; the API does not', async () => {
    const [, link] = await asked('note.publish')
    const { port, pathname } = new URL(link)
    const under = (path: string): Promise<number> =>
      new Promise((resolve, reject) => {
        request({ host: '127.0.0.1', port, path, headers: { host: 'belay.example.com' } }, (answer) => {
          answer.resume()
          resolve(answer.statusCode ?? 0)
        })
          .on('error', reject)
          .end()
      })
    expect([await under(pathname), await under('/v1/approvals')]).toEqual([200, 403])
  })
})
