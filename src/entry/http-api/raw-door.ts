import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { BelayError } from '../../errors/catalogue.ts'
import { checkLoopbackHost } from './loopback-host.ts'
import { PROBLEM_TYPE, asBelayError, problemOf } from './problem.ts'

/**
 * Answers requests of `node:http` by itself. The server has checked the Host header and bounds headers and
 * connections; authentication, bodies, and time-outs from the end of the headers on are the door's own.
 */
export interface RawDoor {
  /** `path` is the request target without its query. Called for every request: must be quick and not throw. */
  serves(path: string): boolean
  handle(request: IncomingMessage, response: ServerResponse): void
  /** Lets calls in flight end for a while, then stops them. Resolves when none is left. */
  close(): Promise<void>
}

/** Sends each request to the door that serves it, ahead of everything else that the server does. */
export class RawDoors {
  readonly #doors: readonly RawDoor[]
  readonly #onLoopback: boolean
  /** The request that each connection carries for a door now. */
  readonly #current = new WeakMap<Duplex, IncomingMessage>()
  #closing = false

  constructor(doors: readonly RawDoor[], { onLoopback }: { readonly onLoopback: boolean }) {
    this.#doors = doors
    this.#onLoopback = onLoopback
  }

  /** Whether a door has taken the request. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#doors.length === 0) return false
    const { url = '', socket } = request
    const query = url.indexOf('?')
    const path = query === -1 ? url : url.slice(0, query)
    const door = this.#doors.find((each) => each.serves(path))
    if (door === undefined) return false
    // An answer that can no longer be sent is no fault; whoever writes it sees the connection close.
    response.on('error', ignore)
    try {
      if (this.#onLoopback) checkLoopbackHost(request.headers.host)
      if (this.#closing) throw new BelayError('server:closing')
      this.#current.set(socket, request)
      // A model may think for minutes without a byte. Node puts the server's time-out back for the next request.
      socket.setTimeout(0)
      door.handle(request, response)
    } catch (error) {
      refuse(request, response, asBelayError(error, { id: randomUUID(), bodyLimit: 0 }))
    }
    return true
  }

  /**
   * Whether the body of a door's request is still arriving on this connection. The server's time-out for whole
   * requests does not count then: a door takes larger bodies, and watches their progress by itself.
   */
  isReceiving(socket: Duplex): boolean {
    const request = this.#current.get(socket)
    return request !== undefined && !request.complete && !request.destroyed
  }

  /** Resolves when the doors have closed, at the latest after `grace` ms: connections are cut soon after that. */
  async close(grace: number): Promise<void> {
    this.#closing = true
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, grace)
    await Promise.race([Promise.allSettled(this.#doors.map((door) => door.close())), late])
    clearTimeout(timer)
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, error: BelayError): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const body = JSON.stringify(problemOf(error, randomUUID()))
  response.writeHead(error.status, {
    'content-type': PROBLEM_TYPE,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    connection: 'close',
    ...(error.status === 503 ? { 'retry-after': '1' } : {}),
  })
  response.end(body)
  request.resume()
}

function ignore(): void {}
