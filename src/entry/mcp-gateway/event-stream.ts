import type { ServerResponse } from 'node:http'
import type { JsonObject } from '../../action/json.ts'

const KEPT_EVENTS = 1_000
const KEPT_CHARACTERS = 4 * 1024 * 1024
const MAX_UNREAD = 64 * 1024 * 1024
const KEEP_ALIVE_MS = 15_000

/**
 * One stream of server-sent events. With `kept` its events have ids and are kept, so that a client whose connection
 * broke takes it up again (MCP 2025-11-25, Resumability); it lives on while no connection carries it.
 */
export class EventStream {
  readonly id: string
  readonly #kept: boolean
  readonly #events: { readonly number: number; readonly data: string }[] = []
  #characters = 0
  #next = 1
  #response: ServerResponse | null = null
  #timer: NodeJS.Timeout | null = null
  #ended = false

  constructor(id: string, { kept }: { readonly kept: boolean }) {
    this.id = id
    this.#kept = kept
  }

  get open(): boolean {
    return this.#response !== null
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Carries the stream from now on. `after`: the last event that the client has. */
  carry(
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
    options: { readonly after?: number; readonly prime?: boolean } = {},
  ): void {
    this.#response?.end()
    this.#response = response
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
      ...headers,
    })
    response.flushHeaders()
    response.once('close', () => {
      if (this.#response === response) this.#drop()
    })
    // An id before anything has happened, so that a client can come back for what will.
    if (options.prime === true) this.#write(`id: ${this.id}_0\ndata: \n\n`)
    for (const { number, data } of this.#events)
      if (number > (options.after ?? 0)) this.#write(this.#format(number, data))
    this.#timer = setInterval(() => this.#write(':\n\n'), KEEP_ALIVE_MS)
    if (this.#ended) this.#finish()
  }

  send(message: JsonObject): void {
    if (this.#ended) return
    const data = JSON.stringify(message)
    const number = this.#next++
    if (this.#kept) {
      this.#events.push({ number, data })
      this.#characters += data.length
      while (
        this.#events.length > KEPT_EVENTS ||
        (this.#characters > KEPT_CHARACTERS && this.#events.length > 1)
      )
        this.#characters -= this.#events.shift()!.data.length
    }
    this.#write(this.#format(number, data))
  }

  end(): void {
    this.#ended = true
    this.#finish()
  }

  #finish(): void {
    const response = this.#response
    this.#drop()
    response?.end()
  }

  #drop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#response = null
  }

  #format(number: number, data: string): string {
    return this.#kept ? `id: ${this.id}_${number}\ndata: ${data}\n\n` : `data: ${data}\n\n`
  }

  #write(text: string): void {
    const response = this.#response
    if (response === null || response.destroyed) return
    response.write(text)
    // A client that does not read is cut off; it may come back for what it missed.
    if (response.writableLength > MAX_UNREAD) response.destroy()
  }
}
