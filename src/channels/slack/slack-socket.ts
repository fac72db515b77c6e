import type { JsonObject, JsonValue } from '../../action/json.ts'
import { isJsonObject } from '../../action/json.ts'
import type { Interaction } from './interactions.ts'
import { SlackApi } from './slack-api.ts'
import type { SlackWork } from './slack-door.ts'

export interface SlackSocketOptions {
  readonly apiUrl: string
  /** The app-level token (`xapp-…`) with the scope connections:write. */
  readonly appToken: string
  readonly take: (payload: JsonObject) => Interaction
  readonly work: SlackWork
  readonly onFault: (error: unknown) => void
  /** A connection is replaced after this long, ms: one that died in silence is noticed by nothing else. Default 5 min. */
  readonly renewal?: number
  /** Wait before a connection is tried again, ms; doubles up to 30 s. Default 1 s. */
  readonly delay?: number
}

const RENEWAL = 5 * 60_000
const MAX_DELAY = 30_000
const HELLO_WITHIN = 15_000
const MAX_MESSAGE = 4_000_000
const MAX_SEEN = 10_000

/**
 * Socket mode: Slack sends interactions over a WebSocket that we open, so that no address of ours needs to be reachable.
 * An envelope is acknowledged before anything is looked up, because Slack waits three seconds, and taken once.
 */
export class SlackSocket {
  readonly #options: SlackSocketOptions
  readonly #api: SlackApi
  readonly #open = new Set<WebSocket>()
  readonly #seen = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #attempt = 0
  #closed = false

  constructor(options: SlackSocketOptions) {
    this.#options = options
    this.#api = new SlackApi({ url: options.apiUrl, token: options.appToken })
    void this.#connect()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const socket of this.#open) socket.close()
    this.#open.clear()
  }

  async #connect(): Promise<void> {
    if (this.#closed) return
    try {
      const { url } = await this.#api.call('apps.connections.open', {})
      const socket = new WebSocket(this.#checked(url))
      if (this.#closed) return socket.close()
      this.#listen(socket)
    } catch (error) {
      this.#options.onFault(error)
      this.#later()
    }
  }

  #listen(socket: WebSocket): void {
    this.#open.add(socket)
    const silent = setTimeout(() => socket.close(), HELLO_WITHIN).unref()
    socket.addEventListener('message', ({ data }) => {
      const envelope = typeof data === 'string' ? envelopeOf(data) : undefined
      if (envelope === undefined) return
      if (envelope['type'] === 'hello') {
        clearTimeout(silent)
        this.#isCurrent(socket)
      } else if (envelope['type'] === 'disconnect') socket.close()
      else this.#take(socket, envelope)
    })
    socket.addEventListener('close', () => {
      clearTimeout(silent)
      // Only the last connection is replaced when it ends.
      if (this.#open.delete(socket) && this.#open.size === 0) this.#later()
    })
    socket.addEventListener('error', () => this.#options.onFault(new Error('the socket to Slack broke')))
  }

  /** The new connection stands: the one before has nothing more to bring. */
  #isCurrent(socket: WebSocket): void {
    this.#attempt = 0
    for (const other of this.#open) {
      if (other === socket) continue
      this.#open.delete(other)
      other.close()
    }
    this.#again(this.#options.renewal ?? RENEWAL)
  }

  #take(socket: WebSocket, envelope: JsonObject): void {
    const { envelope_id: id, type, payload } = envelope
    if (typeof id !== 'string' || id.length > 200) return
    const known = this.#seen.has(id)
    // Slack shows the person a failure; they press again.
    if (!known && this.#options.work.full) return
    const isInteraction = type === 'interactive' && payload !== undefined && isJsonObject(payload)
    const taken = isInteraction && !known ? this.#options.take(payload) : undefined
    const answer = taken?.acknowledgement ?? null
    socket.send(JSON.stringify({ envelope_id: id, ...(answer !== null && { payload: answer }) }))
    if (taken === undefined) return
    this.#seen.add(id)
    for (const oldest of this.#seen) {
      if (this.#seen.size <= MAX_SEEN) break
      this.#seen.delete(oldest)
    }
    this.#options.work.begin(taken.work)
  }

  #later(): void {
    const first = this.#options.delay ?? 1_000
    this.#again(Math.min(first * 2 ** Math.min(this.#attempt++, 10), MAX_DELAY))
  }

  #again(ms: number): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#connect(), ms).unref()
  }

  /** What comes over it is believed, so it is encrypted, save where the API itself is not. */
  #checked(url: JsonValue | undefined): string {
    const plain = this.#options.apiUrl.startsWith('http://')
    if (typeof url === 'string' && (url.startsWith('wss://') || (plain && url.startsWith('ws://'))))
      return url
    throw new Error('apps.connections.open: no wss address')
  }
}

function envelopeOf(text: string): JsonObject | undefined {
  if (text.length > MAX_MESSAGE) return undefined
  try {
    const value = JSON.parse(text) as JsonValue
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
