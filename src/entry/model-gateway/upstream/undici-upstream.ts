import type { Socket } from 'node:net'
import { Client, Pool, buildConnector } from 'undici'
import type { Dispatcher, buildConnector as Connecting } from 'undici'
import { Exchange } from './exchange.ts'
import { outgoingHeaders, routeOf, targetOf } from './provider-route.ts'
import type { Upstream, UpstreamCall, UpstreamListener, UpstreamRequest } from './upstream.ts'

export interface UndiciUpstreamOptions {
  /** Connections to one provider; one carries one call at a time. Default 256. */
  readonly connections?: number
  /** Calls that may wait for a connection to one provider; more fail at once. Default 1,024. */
  readonly waiting?: number
  /** Most bytes of one answer, decoded. Default 64 MiB. */
  readonly maxAnswer?: number
  /** How long an idle connection is kept when the provider does not say, ms. Default 30 s. */
  readonly keepAlive?: number
  /** Certificates to trust in place of the system's: for a provider with a certificate of one's own. */
  readonly ca?: string
}

const MAX_ANSWER = 64 * 1024 * 1024
const MAX_ANSWER_HEADERS = 65_536
/** On top of the time-out of the connection itself, whose timer is coarse. */
const CONNECT_SLACK_MS = 1_000
/** Policies that come and go leave pools behind: past this many the idle ones are closed. */
const MAX_ORIGINS = 64

/** Calls providers over HTTP/1.1 with kept connections. One for the process. */
export class UndiciUpstream implements Upstream {
  readonly #options: UndiciUpstreamOptions
  readonly #origins = new Map<string, OriginPool>()
  #closed = false

  constructor(options: UndiciUpstreamOptions = {}) {
    this.#options = options
  }

  /** Never throws and never calls the listener before it has returned. */
  call(request: UpstreamRequest, listener: UpstreamListener): UpstreamCall {
    const { provider, method } = request
    let pool: OriginPool | null = null
    const exchange = new Exchange(listener, {
      provider: provider.name,
      method,
      maxAnswer: this.#options.maxAnswer ?? MAX_ANSWER,
      released: () => pool?.release(exchange),
    })
    if (this.#closed) {
      exchange.giveUp('aborted', 'is not called any more: Belay is closing')
      return exchange
    }
    try {
      const route = routeOf(provider)
      const path = targetOf(route, request.path)
      if (path === undefined) {
        exchange.giveUp('protocol', 'has no such path below its base URL')
        return exchange
      }
      pool = this.#poolOf(route.origin, provider.timeouts.connect)
      exchange.startWithin(provider.timeouts.connect + CONNECT_SLACK_MS)
      pool.run(exchange, {
        path,
        method,
        headers: outgoingHeaders(provider, route, request.headers),
        body: request.body,
        headersTimeout: provider.timeouts.firstByte,
        bodyTimeout: provider.timeouts.idle,
      })
    } catch {
      exchange.giveUp('protocol', 'has a base URL or key that cannot be used')
    }
    return exchange
  }

  /** Stops the calls in flight and closes all connections. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#origins.values()].map((pool) => pool.close()))
    this.#origins.clear()
  }

  #poolOf(origin: string, connectTimeout: number): OriginPool {
    const key = `${origin} ${connectTimeout}`
    let pool = this.#origins.get(key)
    if (pool !== undefined) return pool
    if (this.#origins.size >= MAX_ORIGINS) this.#closeIdle()
    pool = new OriginPool(origin, connectTimeout, this.#options)
    this.#origins.set(key, pool)
    return pool
  }

  #closeIdle(): void {
    for (const [key, pool] of this.#origins) {
      if (!pool.idle) continue
      this.#origins.delete(key)
      // An idle pool has nothing that its end could fail.
      void pool.close()
    }
  }
}

/** The connections to one origin, and who waits for one: first come, first served. */
class OriginPool {
  readonly #pool: Pool
  readonly #connections: number
  readonly #mayWait: number
  readonly #running = new Set<Exchange>()
  readonly #waiting = new Map<Exchange, Dispatcher.DispatchOptions>()

  constructor(origin: string, connectTimeout: number, options: UndiciUpstreamOptions) {
    this.#connections = options.connections ?? 256
    this.#mayWait = options.waiting ?? 1_024
    const connect = buildConnector({
      timeout: connectTimeout,
      // Said, so that no environment variable can switch the check of certificates off.
      rejectUnauthorized: true,
      allowH2: false,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    })
    this.#pool = new Pool(origin, {
      connections: this.#connections,
      pipelining: 1,
      allowH2: false,
      connect,
      keepAliveTimeout: options.keepAlive ?? 30_000,
      maxHeaderSize: MAX_ANSWER_HEADERS,
      factory: (to, clientOptions) => new Connection(to, { ...clientOptions, connect }, connect),
    })
  }

  get idle(): boolean {
    return this.#running.size === 0 && this.#waiting.size === 0
  }

  run(exchange: Exchange, options: Dispatcher.DispatchOptions): void {
    if (this.#running.size < this.#connections) this.#start(exchange, options)
    else if (this.#waiting.size < this.#mayWait) this.#waiting.set(exchange, options)
    else exchange.giveUp('connect', 'has too many calls waiting for it')
  }

  release(exchange: Exchange): void {
    if (this.#waiting.delete(exchange) || !this.#running.delete(exchange)) return
    for (const [next, options] of this.#waiting) {
      if (this.#running.size >= this.#connections) return
      this.#waiting.delete(next)
      this.#start(next, options)
    }
  }

  async close(): Promise<void> {
    for (const exchange of [...this.#waiting.keys(), ...this.#running]) exchange.abort()
    await this.#pool.destroy()
  }

  #start(exchange: Exchange, options: Dispatcher.DispatchOptions): void {
    this.#running.add(exchange)
    this.#pool.dispatch(options, exchange)
  }
}

/** A client of the pool that tells an exchange on which socket it runs. */
class Connection extends Client {
  socket: Socket | null = null

  constructor(origin: URL, options: object, connect: Connecting.connector) {
    super(origin, {
      ...options,
      connect: (to, callback) => {
        connect(to, (...result) => {
          this.socket = result[1]
          callback(...result)
        })
      },
    })
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (handler instanceof Exchange) handler.connection = this
    return super.dispatch(options, handler)
  }
}
