import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { acceptSockets } from './slack-socket-server.ts'
import type { SocketSide } from './slack-socket-server.ts'
import { slackSignature } from '../../src/channels/slack/signature.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- what a payload holds is for the checks below to find out
type Any = any

export const BOT_TOKEN = 'xoxb-test-0123456789-abcdef'
export const SIGNING_SECRET = '8f742231b10e8888abcd99yyyzzz85a5'
export const APP_TOKEN = 'xapp-1-A0TEST-0123456789-abcdef'
export const TEAM = 'T0TEAM'
const CHANNEL = 'C0AGENTS1'

export interface SlackMessage {
  readonly ts: string
  blocks: Any[]
  text: string
  readonly metadata: Any
  updates: number
}

export interface SlackUser {
  readonly email?: string
  readonly team?: string
  readonly confirmed?: boolean
}

/** Slack as far as Belay uses it, strict where Slack is strict: tokens, content types, Block Kit's limits, trigger ids. */
export interface SlackStandIn {
  /** Socket mode: how many connections stand, and what was acknowledged. */
  readonly socket: SocketSide
  readonly url: string
  readonly messages: SlackMessage[]
  /** Every call, by method. */
  readonly calls: { readonly method: string; readonly body: Any; readonly error: string | null }[]
  /** What was said to one person only. */
  readonly replies: string[]
  readonly views: { readonly view: Any; readonly user: string }[]
  readonly users: Map<string, SlackUser>
  /** Answers of the next calls in the place of Slack's own: a status and its headers. */
  readonly failures: { readonly status: number; readonly headers?: Record<string, string> }[]
  /** Presses a button of a message, as Slack tells it. */
  click(user: string, message: SlackMessage, actionId: string, more?: PostOptions): Promise<Response>
  /** Sends in the newest dialog that this user has open. */
  submit(user: string, reason: string, more?: PostOptions): Promise<Response>
  /** Sends a payload, signed. */
  post(payload: unknown, more?: PostOptions): Promise<Response>
  /** Resolves when the condition holds, looked at after every call. */
  until(condition: () => boolean): Promise<void>
  close(): Promise<void>
}

export interface PostOptions {
  readonly secret?: string
  /** Seconds added to the timestamp. */
  readonly skew?: number
  readonly headers?: Record<string, string>
  /** Changes the body after it was signed. */
  readonly tamper?: (body: string) => string
  /** ms that the trigger id is old when it arrives. */
  readonly age?: number
  /** The exact request again. */
  readonly timestamp?: string
  readonly triggerId?: string
  /** Over the socket in the place of HTTP. */
  readonly overSocket?: boolean
}

export async function startSlack(belay: () => string): Promise<SlackStandIn> {
  const triggers = new Map<string, number>()
  let clock = 0
  const watchers = new Set<() => void>()
  const slack = {
    messages: [] as SlackMessage[],
    calls: [] as { method: string; body: Any; error: string | null }[],
    replies: [] as string[],
    views: [] as { view: Any; user: string }[],
    users: new Map<string, SlackUser>(),
    failures: [] as { status: number; headers?: Record<string, string> }[],
  }
  const triggerUser = new Map<string, string>()

  const methods: Record<string, (body: Any) => Any> = {
    'auth.test': () => ({ ok: true, team_id: TEAM, user_id: 'UBOT' }),
    'chat.postMessage': (body) => {
      if (body.channel !== '#agents' && body.channel !== CHANNEL) return refused('channel_not_found')
      const fault = faultInBlocks(body.blocks, 50)
      if (fault !== null) return refused('invalid_blocks', fault)
      const ts = `${1_900_000_000 + ++clock}.000100`
      slack.messages.push({ ts, blocks: body.blocks, text: body.text, metadata: body.metadata, updates: 0 })
      return { ok: true, channel: CHANNEL, ts }
    },
    'chat.update': (body) => {
      if (body.channel !== CHANNEL) return refused('channel_not_found')
      const fault = faultInBlocks(body.blocks, 50)
      if (fault !== null) return refused('invalid_blocks', fault)
      const message = slack.messages.find(({ ts }) => ts === body.ts)
      if (message === undefined) return refused('message_not_found')
      message.blocks = body.blocks
      message.text = body.text
      message.updates++
      return { ok: true, channel: CHANNEL, ts: body.ts }
    },
    'views.open': (body) => {
      const issued = triggers.get(body.trigger_id)
      if (issued === undefined) return refused('invalid_trigger_id')
      triggers.delete(body.trigger_id)
      if (performance.now() - issued > 3_000) return refused('expired_trigger_id')
      const fault = faultInView(body.view)
      if (fault !== null) return refused('invalid_arguments', fault)
      slack.views.push({ view: body.view, user: triggerUser.get(body.trigger_id) ?? '' })
      return { ok: true, view: { id: 'V1' } }
    },
    'apps.connections.open': () => ({ ok: true, url: `${origin.replace('http', 'ws')}/link/?ticket=1` }),
    'users.info': ({ user: id }) => {
      const user = slack.users.get(id)
      if (user === undefined) return refused('user_not_found')
      return {
        ok: true,
        user: {
          id,
          team_id: user.team ?? TEAM,
          deleted: false,
          is_bot: false,
          is_email_confirmed: user.confirmed ?? true,
          profile: { email: user.email },
        },
      }
    },
    'conversations.history': (body) => {
      if (body.channel !== CHANNEL) return refused('channel_not_found')
      const found = slack.messages.map(({ ts, metadata }) => ({ ts, metadata }))
      return { ok: true, messages: found.toReversed(), response_metadata: { next_cursor: '' } }
    },
  }
  const forms = new Set(['users.info', 'conversations.history'])

  const server = createServer((request, response) => {
    void (async () => {
      const text = await bodyOf(request)
      const path = request.url ?? ''
      if (path.startsWith('/actions/')) {
        slack.replies.push((JSON.parse(text) as { text: string }).text)
        response.end('ok')
      } else {
        const method = path.replace('/api/', '')
        const failure = slack.failures.shift()
        if (failure !== undefined) {
          response.writeHead(failure.status, failure.headers).end('{"ok":false,"error":"ratelimited"}')
        } else {
          const isForm = (request.headers['content-type'] ?? '').startsWith(
            'application/x-www-form-urlencoded',
          )
          const body: Any = isForm ? Object.fromEntries(new URLSearchParams(text)) : JSON.parse(text)
          const answer: Any =
            request.headers.authorization !==
            `Bearer ${method === 'apps.connections.open' ? APP_TOKEN : BOT_TOKEN}`
              ? refused('invalid_auth')
              : forms.has(method) && !isForm
                ? refused('invalid_arguments')
                : (methods[method]?.(body) ?? refused('unknown_method'))
          slack.calls.push({ method, body, error: answer.ok === true ? null : answer.error })
          response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
        }
      }
      for (const watcher of watchers) watcher()
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const sockets = acceptSockets(server)
  const post: SlackStandIn['post'] = async (payload, more = {}) => {
    if (more.overSocket === true) return sockets.deliver(payload)
    const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString()
    const timestamp = more.timestamp ?? String(Math.floor(Date.now() / 1_000) + (more.skew ?? 0))
    const signature = slackSignature(more.secret ?? SIGNING_SECRET, timestamp, Buffer.from(body))
    return fetch(`${belay()}/slack/interactions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-slack-request-timestamp': timestamp,
        'x-slack-signature': signature,
        ...more.headers,
      },
      body: more.tamper?.(body) ?? body,
    })
  }
  return {
    ...slack,
    socket: sockets,
    url: `${origin}/api`,
    post,
    click(user, message, actionId, more = {}) {
      const button = buttonsOf(message).find(({ action_id }) => action_id === actionId)
      if (button === undefined) throw new Error(`the message has no ${actionId}`)
      const trigger = more.triggerId ?? randomBytes(8).toString('hex')
      triggers.set(trigger, performance.now() - (more.age ?? 0))
      triggerUser.set(trigger, user)
      return post(
        {
          type: 'block_actions',
          user: { id: user, team_id: TEAM },
          team: { id: TEAM },
          trigger_id: trigger,
          response_url: `${origin}/actions/${trigger}`,
          container: { type: 'message', message_ts: message.ts, channel_id: CHANNEL },
          actions: [{ type: 'button', action_id: actionId, value: button.value, block_id: 'belay_decision' }],
        },
        more,
      )
    },
    submit(user, reason, more = {}) {
      const open = slack.views.findLast((one) => one.user === user)
      if (open === undefined) throw new Error(`no dialog is open for ${user}`)
      return post(
        {
          type: 'view_submission',
          user: { id: user, team_id: TEAM },
          nonce: randomBytes(4).toString('hex'),
          view: { ...open.view, state: { values: { reason: { reason: { value: reason } } } } },
        },
        more,
      )
    },
    until: (condition) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(
          () => reject(new Error(`Slack waited in vain for ${condition.toString()}`)),
          60_000,
        )
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

export function buttonsOf({ blocks }: SlackMessage): Any[] {
  return blocks.filter(({ type }) => type === 'actions').flatMap(({ elements }) => elements as Any[])
}

function refused(error: string, detail?: string): Any {
  return { ok: false, error, ...(detail !== undefined && { response_metadata: { messages: [detail] } }) }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}

/** What Slack would refuse in blocks, by the limits of its Block Kit reference. */
export function faultInBlocks(blocks: Any, max: number): string | null {
  if (!Array.isArray(blocks) || blocks.length === 0) return 'no blocks'
  if (blocks.length > max) return `more than ${max} blocks`
  for (const [index, block] of blocks.entries()) {
    const fault = faultInBlock(block)
    if (fault !== null) return `blocks[${index}]: ${fault}`
  }
  return null
}

function faultInBlock(block: Any): string | null {
  if (block.block_id !== undefined && block.block_id.length > 255) return 'block_id'
  switch (block.type) {
    case 'header':
      return faultInText(block.text, 150)
    case 'section':
      if (block.fields !== undefined) {
        if (block.fields.length > 10 || block.fields.length === 0) return 'fields'
        return block.fields.map((field: Any) => faultInText(field, 2_000)).find(Boolean) ?? null
      }
      return faultInText(block.text, 3_000)
    case 'context':
      if (block.elements.length > 10 || block.elements.length === 0) return 'elements'
      return block.elements.map((element: Any) => faultInText(element, 3_000)).find(Boolean) ?? null
    case 'rich_text': {
      const [frame] = block.elements
      if (frame?.type !== 'rich_text_preformatted') return 'rich text'
      return frame.elements.every(({ type, text }: Any) => type === 'text' && text.length > 0)
        ? null
        : 'rich text of nothing'
    }
    case 'actions':
      if (block.elements.length > 25 || block.elements.length === 0) return 'elements'
      for (const { type, action_id, value, text } of block.elements) {
        if (type !== 'button' || action_id.length > 255 || value.length > 2_000) return 'button'
        const fault = faultInText(text, 75)
        if (fault !== null) return fault
      }
      return null
    case 'input':
      if (block.element.type !== 'plain_text_input' || block.element.max_length > 3_000) return 'input'
      return faultInText(block.label, 2_000)
    default:
      return `unknown type ${block.type}`
  }
}

function faultInText(text: Any, max: number): string | null {
  if (text?.type !== 'plain_text' && text?.type !== 'mrkdwn') return 'text type'
  if (typeof text.text !== 'string' || text.text.length === 0) return 'text of nothing'
  return text.text.length > max ? `text of ${text.text.length}, at most ${max}` : null
}

function faultInView(view: Any): string | null {
  if (view?.type !== 'modal') return 'type'
  if (view.private_metadata.length > 3_000 || view.callback_id.length > 255) return 'metadata'
  if (JSON.stringify(view).length > 250_000) return 'view_too_large'
  for (const text of [view.title, view.submit, view.close]) {
    const fault = faultInText(text, 24)
    if (fault !== null || text.type !== 'plain_text') return fault ?? 'title'
  }
  return faultInBlocks(view.blocks, 100)
}
