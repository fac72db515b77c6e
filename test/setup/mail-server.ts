import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

export interface ReceivedMail {
  readonly to: readonly string[]
  readonly from: string
  /** As it came over the wire. */
  readonly raw: string
  readonly header: Readonly<Record<string, string>>
  readonly text: string
  readonly html: string
}

export interface MailServer {
  readonly url: string
  readonly mails: ReceivedMail[]
  /** How many of the next messages are turned away for now (451). */
  failNext: number
  until(condition: () => boolean): Promise<void>
  close(): Promise<void>
}

export const MAIL_PASSWORD = 'p4ssw0rd-of-the-mail'

/** A real SMTP server that keeps what it gets. */
export async function startMailServer(): Promise<MailServer> {
  const watchers = new Set<() => void>()
  const mails: ReceivedMail[] = []
  const smtp = new SMTPServer({
    authOptional: false,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onAuth: ({ username, password }, _session, done) =>
      username === 'belay@example.com' && password === MAIL_PASSWORD
        ? done(null, { user: username })
        : done(new Error('wrong password')),
    onData(stream, session, done) {
      const parts: Buffer[] = []
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.on('end', () => {
        if (server.failNext > 0) {
          server.failNext--
          done(Object.assign(new Error('try again later'), { responseCode: 451 }))
        } else {
          const { mailFrom, rcptTo } = session.envelope
          const from = mailFrom === false ? '' : mailFrom.address
          mails.push({
            from,
            to: rcptTo.map(({ address }) => address),
            ...parsed(Buffer.concat(parts).toString('utf8')),
          })
          done()
        }
        for (const watcher of watchers) watcher()
      })
    },
  })
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve))
  const { port } = smtp.server.address() as AddressInfo
  const server: MailServer = {
    url: `smtp://belay%40example.com:${MAIL_PASSWORD}@127.0.0.1:${port}`,
    mails,
    failNext: 0,
    until: (condition) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`no mail: ${condition.toString()}`)), 60_000)
        const look = (): void => {
          if (!condition()) return
          watchers.delete(look)
          clearTimeout(late)
          resolve()
        }
        watchers.add(look)
        look()
      }),
    close: () => new Promise((resolve) => smtp.close(() => resolve())),
  }
  return server
}

function parsed(raw: string): Pick<ReceivedMail, 'raw' | 'header' | 'text' | 'html'> {
  const split = raw.indexOf('\r\n\r\n')
  const header = headerOf(raw.slice(0, split))
  const boundary = /boundary="?([^";]+)/.exec(header['content-type'] ?? '')?.[1] ?? ''
  const parts = raw.slice(split).split(`--${boundary}`)
  const part = (type: string): string => {
    const found = parts.find((one) => one.toLowerCase().includes(`content-type: ${type}`)) ?? ''
    const at = found.indexOf('\r\n\r\n')
    return decoded(
      found.slice(at + 4),
      headerOf(found.slice(0, at).trim())['content-transfer-encoding'] ?? '',
    )
  }
  return { raw, header, text: part('text/plain'), html: part('text/html') }
}

function headerOf(text: string): Record<string, string> {
  const header: Record<string, string> = {}
  for (const line of text.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const colon = line.indexOf(':')
    header[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  return header
}

function decoded(body: string, encoding: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8')
  if (encoding !== 'quoted-printable') return body
  const bytes = body
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
