import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

// oxlint-disable-next-line typescript/no-explicit-any -- what a payload holds is for the checks below to find out
type Any = any

export const DISCORD_TOKEN = 'MTA.test.0123456789abcdef'
export const CHANNEL = '1100000000000000001'

export interface DiscordMessage {
  readonly id: string
  body: Any
}

export interface DiscordStandIn {
  readonly url: string
  /** Hex, as the developer portal shows it. */
  readonly publicKey: string
  readonly messages: DiscordMessage[]
  /** What was said to one person only. */
  readonly replies: string[]
  readonly refused: string[]
  /** Presses a button, by the beginning of its label; answers what Belay answered. */
  click(user: string, message: DiscordMessage, label: string, more?: SendOptions): Promise<Response>
  /** Sends in the dialog of an answer. */
  submit(user: string, modal: Any, reason: string, more?: SendOptions): Promise<Response>
  send(interaction: Any, more?: SendOptions): Promise<Response>
  until(condition: () => boolean): Promise<void>
  close(): Promise<void>
}

export interface SendOptions {
  readonly forged?: boolean
  /** Seconds added to the timestamp. */
  readonly skew?: number
}

/** Discord as far as Belay uses it, strict where Discord is strict: the bot's token, lengths, components, signatures. */
export async function startDiscord(belay: () => string): Promise<DiscordStandIn> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const other = generateKeyPairSync('ed25519').privateKey
  const messages: DiscordMessage[] = []
  const replies: string[] = []
  const refused: string[] = []
  const watchers = new Set<() => void>()
  let next = 2_000

  const server = createServer((request, response) => {
    void (async () => {
      const body = JSON.parse(await bodyOf(request))
      const path = (request.url ?? '').replace('/api', '')
      const answer = (status: number, value: Any): void => {
        if (status >= 400) refused.push(`${request.method} ${path}: ${value.message}`)
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
      }
      const fault = faultIn(body)
      const [, id] = /^\/channels\/1100000000000000001\/messages(?:\/(\d+))?$/.exec(path) ?? []
      if (request.headers.authorization !== `Bot ${DISCORD_TOKEN}`)
        answer(401, { message: '401: Unauthorized' })
      else if (fault !== null) answer(400, { message: fault })
      else if (/^\/webhooks\/\d+\/[\w.-]+\/messages\/@original$/.test(path) && request.method === 'PATCH') {
        replies.push(body.content)
        answer(200, { id: '1' })
      } else if (path === `/channels/${CHANNEL}/messages` && request.method === 'POST') {
        const message = { id: String(next++), body }
        messages.push(message)
        answer(200, { id: message.id })
      } else if (id !== undefined && request.method === 'PATCH') {
        const message = messages.find((one) => one.id === id)
        if (message === undefined) answer(404, { message: 'Unknown Message' })
        else {
          message.body = body
          answer(200, { id })
        }
      } else answer(404, { message: 'Not Found' })
      for (const watcher of watchers) watcher()
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const send: DiscordStandIn['send'] = (interaction, more = {}) => {
    const body = JSON.stringify({ application_id: '42', token: 'tok.en-1', ...interaction })
    const time = String(Math.floor(Date.now() / 1_000) + (more.skew ?? 0))
    const signature = sign(null, Buffer.from(time + body), more.forged === true ? other : privateKey)
    return fetch(`${belay()}/discord/interactions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-signature-ed25519': signature.toString('hex'),
        'x-signature-timestamp': time,
      },
      body,
    })
  }
  return {
    url: `${origin}/api`,
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex'),
    messages,
    replies,
    refused,
    send,
    click(user, { body }, label, more) {
      const button = buttonsIn(body).find((one) => one.label.startsWith(label))
      if (button === undefined) throw new Error(`the message has no ${label}`)
      return send({ type: 3, member: { user: { id: user } }, data: { custom_id: button.custom_id } }, more)
    },
    submit(user, modal, reason, more) {
      const components = [{ type: 1, components: [{ type: 4, custom_id: 'reason', value: reason }] }]
      const data = { custom_id: modal.data.custom_id, components }
      return send({ type: 5, member: { user: { id: user } }, data }, more)
    },
    until: (condition) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`waited in vain for ${condition.toString()}`)), 60_000)
        const look = (): void => {
          if (!condition()) return
          watchers.delete(look)
          clearTimeout(late)
          resolve()
        }
        watchers.add(look)
        look()
      }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

export function buttonsIn(body: Any): Any[] {
  return (body.components ?? []).flatMap((row: Any) => row.components as Any[])
}

/** What Discord would refuse, by the limits of its reference. */
function faultIn(body: Any): string | null {
  if ((body.content ?? '').length > 2_000) return 'content'
  const embeds: Any[] = body.embeds ?? []
  if (embeds.length > 10) return 'embeds'
  let all = 0
  for (const { title = '', description = '', fields = [], footer } of embeds) {
    if (title.length > 256 || description.length > 4_096 || fields.length > 25) return 'embed'
    for (const { name, value } of fields)
      if (name.length === 0 || name.length > 256 || value.length === 0 || value.length > 1_024) return 'field'
    const texts = [
      title,
      description,
      footer?.text ?? '',
      ...fields.flatMap(({ name, value }: Any) => [name, value]),
    ]
    all += texts.join('').length
  }
  if (all > 6_000) return 'embeds of more than 6000 characters'
  for (const row of body.components ?? [])
    for (const { style, label, custom_id, url } of row.components)
      if (label.length > 80 || (style === 5 ? custom_id !== undefined || !url : custom_id.length > 100))
        return 'button'
  if (body.allowed_mentions?.parse?.length !== 0) return 'mentions are allowed'
  return null
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}
