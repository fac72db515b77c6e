import type { ServerResponse } from 'node:http'
import { isJsonObject, type JsonObject } from '../../action/json.ts'
import { EventStream } from './event-stream.ts'
import { CODE, errorResponse, type Response } from './message.ts'

/** How long an answer may take before a stream is begun, so that the connection is seen to live. */
const PATIENCE_MS = 5_000

export interface ExchangeOptions {
  readonly response: ServerResponse
  readonly headers: Readonly<Record<string, string>>
  /** The client takes server-sent events. */
  readonly streams: boolean
  /** Status codes that go with errors (MCP 2026-07-28). */
  readonly statuses: boolean
  readonly prime: boolean
  readonly newStream: () => EventStream
}

/** The answer to one POST: a stream where the client takes one, begun no sooner than there is something to say. */
export class Exchange {
  readonly #options: ExchangeOptions
  readonly #patience: NodeJS.Timeout | null
  #stream: EventStream | null = null
  #done = false

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.#patience = options.streams ? setTimeout(() => void this.#begin(), PATIENCE_MS) : null
    options.response.once('close', () => this.#patience !== null && clearTimeout(this.#patience))
  }

  /** Whether something before the answer can still be sent. */
  get open(): boolean {
    return (
      !this.#done && this.#options.streams && (this.#stream !== null || !this.#options.response.destroyed)
    )
  }

  send(message: JsonObject): boolean {
    if (!this.open) return false
    this.#begin().send(message)
    return true
  }

  answer(message: Response | null): void {
    if (this.#done) return
    this.#done = true
    if (this.#patience !== null) clearTimeout(this.#patience)
    const { response, headers, statuses, streams } = this.#options
    // What was answered on a stream can be had again; where errors have a status it must stand in the headers.
    if (message !== null && streams && !statuses && this.#stream === null && !response.destroyed)
      this.#begin()
    if (this.#stream !== null) {
      if (message !== null) this.#stream.send(message)
      this.#stream.end()
    } else if (response.destroyed || response.headersSent) return
    else if (message === null) response.writeHead(202, headers).end()
    else sendJson(response, statuses ? statusOf(message) : 200, message, headers)
  }

  #begin(): EventStream {
    if (this.#stream === null) {
      const { response, headers, prime } = this.#options
      this.#stream = this.#options.newStream()
      if (!response.destroyed) this.#stream.carry(response, headers, { prime })
    }
    return this.#stream
  }
}

export function sendJson(
  response: ServerResponse,
  status: number,
  message: JsonObject,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return
  const body = JSON.stringify(message)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  response.end(body)
}

/** An error that answers no message in particular. */
export function sendError(
  response: ServerResponse,
  status: number,
  code: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const { id: _, ...error } = errorResponse('', code, message)
  sendJson(response, status, { ...error, id: null }, headers)
}

const STATUS: ReadonlyMap<unknown, number> = new Map([
  [CODE.methodNotFound, 404],
  [CODE.headerMismatch, 400],
  [CODE.missingCapability, 400],
  [CODE.unsupportedVersion, 400],
])

function statusOf({ error }: Response): number {
  return isJsonObject(error) ? (STATUS.get(error['code']) ?? 200) : 200
}
