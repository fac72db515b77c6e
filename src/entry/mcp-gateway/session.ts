import { randomUUID } from 'node:crypto'
import { isJsonObject, type JsonObject } from '../../action/json.ts'
import { findInjection } from '../../flow/verify/checks/injection/find-injection.ts'
import { textOf } from '../sdk/text-of.ts'
import type { ServerContext } from './server-context.ts'
import {
  CODE,
  META,
  errorResponse,
  idKey,
  metaOf,
  notification,
  paramsOf,
  withMeta,
  withParams,
  type Message,
  type Notification,
  type Request,
  type RequestId,
  type Response,
} from './message.ts'
import type { LinkEvents, ServerLink } from './server-link.ts'
import { judgeTask, judgeTaskNotification, serveToolCall } from './serve-tool-call.ts'
import { ToolCatalog } from './tool-catalog.ts'
import {
  lostSentence,
  subscriptionOf,
  UpstreamCalls,
  type Ended,
  type UpstreamCall,
} from './upstream-calls.ts'

/** A request of the client that waits for its answer. */
export interface ClientRequest {
  readonly message: Request
  /** Tells clients apart that share this session (MCP 2026-07-28 over HTTP); empty where one client has it alone. */
  readonly scope: string
  /** Aborts when the client no longer wants the answer. */
  readonly left: AbortSignal
  /** `null`: cancelled, no answer follows. */
  readonly answer: (response: Response | null) => void
  /** Where a transport has a stream for each request. */
  readonly channel: unknown
}

/** How messages reach the client that answer nothing. */
export interface ClientSide {
  /** `about`: the request that it belongs to, where that is known or likely. `false`: nobody can be reached. */
  deliver(message: JsonObject, about: ClientRequest | null, certain: boolean): boolean
}

interface Active extends ClientRequest {
  readonly abort: AbortController
  call: UpstreamCall | null
}

interface Asked {
  readonly respond: (response: Response) => void
  /** The server's progress token, or the id of its request. */
  readonly serverId: RequestId | null
  readonly token: RequestId | null
}

const MAX_ACTIVE = 1_000
const MAX_ASKED = 200
const MAX_WAITING = 200
/** How long a request waits for a server that is being started again. */
const RESTART_WAIT_MS = 10_000
const UNTIMED = new Set(['subscriptions/listen', 'tasks/result'])
const MAX_PAGES = 50

/**
 * What passes between one client and one server. Messages go through as they are, with ids and progress tokens of
 * ours in between; calls of tools, lists of tools and results of tasks are looked at.
 */
export class Session {
  readonly id = randomUUID()
  readonly context: ServerContext
  readonly agent: string
  readonly catalog: ToolCatalog
  readonly #client: ClientSide
  readonly #link: ServerLink
  readonly #calls = new UpstreamCalls()
  readonly #active = new Map<string, Active>()
  /** Requests to the client that wait for its answer, by our id. */
  readonly #asked = new Map<string, Asked>()
  readonly #stopListening: () => void
  /** Calls of tools that have not recorded yet what became of them. */
  readonly #running = new Set<Promise<void>>()
  #nextAsked = 1
  #initialize: JsonObject | null = null
  #initialized = false
  #logLevel: JsonObject | null = null
  readonly #subscribed = new Map<string, JsonObject>()
  /** `null` while the server is there and knows the session. */
  #waiting: { readonly go: () => void; readonly fail: (cause: string) => void }[] | null = null
  #listing: Promise<string | null> | null = null
  #closed = false
  /** Capabilities that the client declared at the handshake. */
  clientCapabilities: JsonObject = {}
  lastUse = performance.now()

  constructor(context: ServerContext, agent: string, client: ClientSide) {
    this.context = context
    this.agent = agent
    this.#client = client
    this.catalog = new ToolCatalog(context.pins, context.onNote)
    this.#stopListening = context.pins.onChange(() => this.#toolsChanged())
    const events: LinkEvents = {
      message: (message, relatedTo) => this.#fromServer(message, relatedTo),
      lost: (id, cause, reached) => void this.#calls.settle(id, { kind: 'lost', cause, reached }),
      down: (cause) => this.#down(cause),
      up: () => void this.#up(),
    }
    this.#link = context.open(events)
    if (!this.#link.alive) this.#waiting = []
  }

  get busy(): boolean {
    return this.#active.size > 0
  }

  /** A message of the client. `answer` is called once for a request, and never for anything else. */
  receive(message: Message, from: Omit<ClientRequest, 'message' | 'left'>): (() => void) | undefined {
    this.lastUse = performance.now()
    switch (message.kind) {
      case 'request':
        return this.#request(message.message, from)
      case 'notification':
        this.#notified(message.message, from.scope)
        return undefined
      case 'response':
        this.#answered(message.message)
        return undefined
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#stopListening()
    for (const active of this.#active.values()) active.abort.abort('the session was closed')
    this.#calls.loseAll('the session was closed')
    for (const { fail } of this.#waiting ?? []) fail('the session was closed')
    await Promise.all([this.#link.close(), ...this.#running])
  }

  /** Sends a request to the server in the name of a client's, once the server is there. */
  call(
    active: ClientRequest | null,
    message: JsonObject,
    options: { readonly timeout?: number; readonly headers?: Readonly<Record<string, string>> },
    end: (ended: Ended) => void,
  ): void {
    const owner = active as Active | null
    const go = (): void => {
      if (owner !== null && owner.left.aborted) return end({ kind: 'cancelled' })
      const call = this.#calls.send(
        this.#link,
        message,
        {
          owner,
          timeout: options.timeout ?? this.context.settings.timeout,
          ...(options.headers && { hints: { headers: options.headers } }),
          end,
        },
        () => this.#asked.size > 0,
      )
      if (call === null) end({ kind: 'lost', cause: 'too many requests wait for the server', reached: false })
      else if (owner !== null) owner.call = call
    }
    if (this.#waiting === null) return go()
    if (this.#waiting.length >= MAX_WAITING)
      return end({ kind: 'lost', cause: 'the server is not there', reached: false })
    let done = false
    const timer = setTimeout(() => entry.fail('the server is not there'), RESTART_WAIT_MS)
    const entry = {
      go: () => {
        clearTimeout(timer)
        if (!done) go()
        done = true
      },
      fail: (cause: string) => {
        clearTimeout(timer)
        if (!done) end({ kind: 'lost', cause, reached: false })
        done = true
      },
    }
    this.#waiting.push(entry)
  }

  /** The same, as a promise. */
  ask(
    active: ClientRequest | null,
    message: JsonObject,
    options: { readonly timeout?: number; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Ended> {
    return new Promise((resolve) => this.call(active, message, options, resolve))
  }

  /** Takes a request back from the server. */
  cancelCall(active: ClientRequest, reason: string): void {
    const { call } = active as Active
    if (call !== null) this.#calls.cancel(this.#link, call, reason)
  }

  /** The id by which the server knows a request of the client. */
  upstreamId(active: ClientRequest): number | null {
    return (active as Active).call?.id ?? null
  }

  /** Tells the client something about one of its requests. */
  tell(active: ClientRequest, method: string, params: JsonObject): void {
    this.#client.deliver(notification(method, params), active, true)
  }

  /** Asks the client something of our own. `undefined` when it cannot be reached or the signal aborts first. */
  askClient(
    active: ClientRequest,
    method: string,
    params: JsonObject,
    signal: AbortSignal,
  ): Promise<JsonObject | undefined> {
    return new Promise((resolve) => {
      const stop = (): void => {
        if (!this.#asked.delete(idKey(id))) return
        this.#client.deliver(notification('notifications/cancelled', { requestId: id }), active, true)
        resolve(undefined)
      }
      const id = this.#askedId({
        serverId: null,
        token: null,
        respond: ({ result }) => {
          signal.removeEventListener('abort', stop)
          resolve(isJsonObject(result) ? result : undefined)
        },
      })
      signal.addEventListener('abort', stop, { once: true })
      if (!this.#client.deliver({ jsonrpc: '2.0', id, method, params }, active, true)) stop()
    })
  }

  /** Makes sure that the tool's definition is known: lists the tools where they are not. A sentence when that fails. */
  async knowTools(active: ClientRequest): Promise<string | null> {
    if (!this.catalog.stale) return null
    this.#listing ??= this.#list(metaOf(paramsOf(active.message))).finally(() => (this.#listing = null))
    return this.#listing
  }

  async #list(meta: JsonObject): Promise<string | null> {
    const { progressToken: _, ...rest } = meta
    this.catalog.begin()
    this.catalog.stale = false
    let cursor: string | undefined
    for (let page = 0; page < MAX_PAGES; page++) {
      const params = { _meta: rest, ...(cursor !== undefined && { cursor }) }
      const ended = await this.ask(null, { method: 'tools/list', params })
      const result = ended.kind === 'response' ? ended.message['result'] : undefined
      if (!isJsonObject(result) || !Array.isArray(result['tools'])) {
        this.catalog.stale = true
        return 'the server does not list its tools'
      }
      await this.catalog.absorb(result['tools'] as readonly JsonObject[])
      const { nextCursor } = result
      if (typeof nextCursor !== 'string' || nextCursor === '') return null
      cursor = nextCursor
    }
    return null
  }

  #request(message: Request, from: Omit<ClientRequest, 'message' | 'left'>): (() => void) | undefined {
    const key = from.scope + idKey(message.id)
    if (this.#active.has(key) || this.#active.size >= MAX_ACTIVE || this.#closed) {
      const why = this.#active.has(key) ? 'the id is in use' : 'too many requests at the same time'
      from.answer(errorResponse(message.id, CODE.invalidRequest, why))
      return undefined
    }
    const abort = new AbortController()
    let answered = false
    const active: Active = {
      ...from,
      message,
      abort,
      left: abort.signal,
      call: null,
      answer: (response) => {
        if (answered) return
        answered = true
        this.#active.delete(key)
        from.answer(response)
      },
    }
    this.#active.set(key, active)
    const cancel = (): void => {
      if (answered) return
      abort.abort('the client has left')
      this.cancelCall(active, 'cancelled by the client')
    }
    // A tool call records what has become of it before it ends.
    if (message.method !== 'tools/call') abort.signal.addEventListener('abort', () => active.answer(null))
    if (message.method === 'tools/call') {
      const running = serveToolCall(this, active)
        .catch((error: unknown) => {
          this.context.onFault(error)
          active.answer(
            errorResponse(message.id, CODE.internal, 'Belay has a fault; the answer of the tool is lost'),
          )
        })
        .finally(() => this.#running.delete(running))
      this.#running.add(running)
    } else this.#forward(active)
    return cancel
  }

  #forward(active: Active): void {
    const { message } = active
    const { id, method } = message
    if (method === 'initialize') {
      this.#initialize = paramsOf(message)
      const { capabilities } = this.#initialize
      this.clientCapabilities = isJsonObject(capabilities) ? capabilities : {}
    }
    const timeout = UNTIMED.has(method) ? Infinity : this.context.settings.timeout
    this.call(active, message, { timeout }, (ended) => {
      if (ended.kind === 'cancelled') return
      if (ended.kind !== 'response') {
        active.answer(errorResponse(id, CODE.internal, lostSentence(this.context.name, ended)))
        return
      }
      const response = { ...ended.message, id }
      const looked = this.#look(active, response)
      if (!(looked instanceof Promise)) return active.answer(looked)
      looked.then(active.answer).catch((error: unknown) => {
        this.context.onFault(error)
        active.answer(errorResponse(id, CODE.internal, 'Belay has a fault; the answer was not passed on'))
      })
    })
  }

  /** Answers of the server that are not passed on as they are. */
  #look(active: Active, response: Response): Response | Promise<Response> {
    const { result } = response
    const { method } = active.message
    if (!isJsonObject(result)) return response
    switch (method) {
      case 'initialize': {
        const { protocolVersion } = result
        if (typeof protocolVersion === 'string') this.#link.negotiated(protocolVersion)
        return { ...response, result: announcing(this.#guidance(result)) }
      }
      case 'server/discover':
        return { ...response, result: this.#guidance(result) }
      case 'logging/setLevel':
        this.#logLevel = active.message
        return response
      case 'resources/subscribe':
        if (this.#subscribed.size < 1_000)
          this.#subscribed.set(textOf(paramsOf(active.message)['uri']), active.message)
        return response
      case 'resources/unsubscribe':
        this.#subscribed.delete(textOf(paramsOf(active.message)['uri']))
        return response
      case 'tools/list':
        return this.#filtered(response, result)
      case 'subscriptions/listen':
        return subscriptionOf(result) === undefined
          ? response
          : { ...response, result: withMeta(result, { [META.subscription]: response.id }) }
      case 'tasks/result':
      case 'tasks/get':
      case 'tasks/cancel':
        return judgeTask(this, active, response, result)
      default:
        return response
    }
  }

  async #filtered(response: Response, result: JsonObject): Promise<Response> {
    if (!Array.isArray(result['tools'])) return response
    const listed = result['tools'] as readonly JsonObject[]
    const tools = await this.catalog.absorb(listed)
    const { ttlMs } = result
    // Who may see a tool changes when a person decides, which the server knows nothing of.
    const fresh = tools.length < listed.length && typeof ttlMs === 'number'
    return {
      ...response,
      result: { ...result, tools, ...(fresh && { ttlMs: Math.min(ttlMs, 5_000), cacheScope: 'private' }) },
    }
  }

  /** `instructions` go into the model's prompt like the description of a tool. */
  #guidance(result: JsonObject): JsonObject {
    const { instructions } = result
    if (typeof instructions !== 'string' || findInjection(instructions).length === 0) return result
    this.context.onNote('its instructions are suspicious and were not passed on')
    const { instructions: _, ...rest } = result
    return rest
  }

  #notified(message: Notification, scope: string): void {
    const params = paramsOf(message)
    switch (message.method) {
      case 'notifications/cancelled': {
        const { requestId } = params
        if (typeof requestId !== 'string' && typeof requestId !== 'number') return
        const active = this.#active.get(scope + idKey(requestId))
        if (active === undefined || active.message.method === 'initialize') return
        const reason = typeof params['reason'] === 'string' ? params['reason'].slice(0, 1_000) : 'cancelled'
        active.abort.abort(reason)
        this.cancelCall(active, reason)
        return
      }
      case 'notifications/progress': {
        const { progressToken } = params
        const asked = typeof progressToken === 'number' ? this.#asked.get(idKey(progressToken)) : undefined
        if (asked?.token != null)
          this.#link.send(withParams(message, { ...params, progressToken: asked.token }))
        return
      }
      case 'notifications/initialized':
        this.#initialized = true
        this.#link.send(message)
        return
      default:
        if (this.#waiting === null) this.#link.send(message)
    }
  }

  /** The client's answer to a request of the server, or of ours. */
  #answered(message: Response): void {
    const asked = this.#asked.get(idKey(message.id))
    if (asked === undefined) return
    this.#asked.delete(idKey(message.id))
    asked.respond(message)
  }

  #askedId(asked: Asked): number {
    const id = this.#nextAsked++
    this.#asked.set(idKey(id), asked)
    return id
  }

  #fromServer({ kind, message }: Message, relatedTo: RequestId | undefined): void {
    const certain = this.#calls.get(relatedTo)
    if (kind === 'response') {
      if (!this.#calls.settle(message.id, { kind: 'response', message }))
        this.context.onNote('the server answered what nobody asked, or twice')
    } else if (kind === 'request') this.#askedByServer(message, certain)
    else this.#notifiedByServer(message, certain)
  }

  #askedByServer(message: Request, certain: UpstreamCall | undefined): void {
    if (this.#asked.size >= MAX_ASKED) {
      this.#link.send(errorResponse(message.id, CODE.internal, 'too many requests wait for the client'))
      return
    }
    const params = paramsOf(message)
    const { progressToken } = metaOf(params)
    const token =
      typeof progressToken === 'string' || typeof progressToken === 'number' ? progressToken : null
    const id = this.#askedId({
      serverId: message.id,
      token,
      respond: (response) => this.#link.send({ ...response, id: message.id }),
    })
    const sent = token === null ? message : withParams(message, withMeta(params, { progressToken: id }))
    const about = (certain ?? this.#calls.newest())?.owner as Active | undefined
    if (this.#client.deliver({ ...sent, id }, about ?? null, certain !== undefined)) return
    this.#asked.delete(idKey(id))
    this.#link.send(errorResponse(message.id, CODE.internal, 'the client cannot be reached'))
  }

  #notifiedByServer(message: Notification, certain: UpstreamCall | undefined): void {
    const params = paramsOf(message)
    switch (message.method) {
      case 'notifications/progress': {
        const call = this.#calls.get(params['progressToken'] as RequestId | undefined)
        const task =
          call === undefined ? this.context.tasks.byToken(this, params['progressToken']) : undefined
        const token = call?.token ?? task?.token
        if (token == null) return
        const owner = (call?.owner ?? null) as Active | null
        this.#client.deliver(
          withParams(message, { ...params, progressToken: token }),
          owner,
          call !== undefined,
        )
        return
      }
      case 'notifications/cancelled':
        this.#cancelledByServer(message, params)
        return
      case 'notifications/tools/list_changed':
        this.catalog.stale = true
        break
      case 'notifications/tasks':
      case 'notifications/tasks/status':
        judgeTaskNotification(this, message, params)
          .then((judged) => judged !== null && this.#pass(judged, certain))
          .catch(this.context.onFault)
        return
      default:
    }
    this.#pass(message, certain)
  }

  #pass(message: Notification, certain: UpstreamCall | undefined): void {
    const params = paramsOf(message)
    const listened = subscriptionOf(params)
    if (listened !== undefined) {
      const call = this.#calls.get(listened)
      const owner = call?.owner as Active | undefined
      if (owner === undefined) return
      const meta = { [META.subscription]: owner.message.id }
      this.#client.deliver(withParams(message, withMeta(params, meta)), owner, true)
      return
    }
    const owner = ((certain ?? this.#calls.newest())?.owner ?? null) as Active | null
    this.#client.deliver(message, owner, certain !== undefined)
  }

  #cancelledByServer(message: Notification, params: JsonObject): void {
    const { requestId } = params
    if (typeof requestId !== 'string' && typeof requestId !== 'number') return
    for (const [key, asked] of this.#asked) {
      if (asked.serverId !== requestId) continue
      this.#asked.delete(key)
      this.#client.deliver(withParams(message, { ...params, requestId: Number(key.slice(1)) }), null, false)
      return
    }
    // MCP 2026-07-28: a server that ends a subscription names the request that opened it.
    const call = this.#calls.get(requestId)
    if (call?.method !== 'subscriptions/listen') return
    const owner = call.owner as Active
    this.#client.deliver(withParams(message, { ...params, requestId: owner.message.id }), owner, true)
  }

  #toolsChanged(): void {
    if (this.#initialized && !this.#closed)
      this.#client.deliver(notification('notifications/tools/list_changed'), null, false)
  }

  #down(cause: string): void {
    this.#waiting ??= []
    this.catalog.stale = true
    for (const key of this.#asked.keys())
      this.#client.deliver(
        notification('notifications/cancelled', { requestId: Number(key.slice(1)) }),
        null,
        false,
      )
    this.#asked.clear()
    this.#calls.loseAll(cause)
  }

  /** A server that was started again learns what the one before knew. */
  async #up(): Promise<void> {
    const introduced = this.#initialize === null || (await this.#introduce(this.#initialize))
    const waiting = this.#waiting ?? []
    if (!introduced) {
      this.#waiting = []
      for (const { fail } of waiting) fail('the server was started again and refuses the session')
      return
    }
    this.#waiting = null
    for (const { go } of waiting) go()
    this.#toolsChanged()
  }

  #introduce(params: JsonObject): Promise<boolean> {
    return new Promise((resolve) => {
      this.#calls.send(
        this.#link,
        { method: 'initialize', params },
        {
          owner: null,
          timeout: this.context.settings.timeout,
          end: (ended) => {
            const result = ended.kind === 'response' ? ended.message['result'] : undefined
            if (!isJsonObject(result)) return resolve(false)
            if (typeof result['protocolVersion'] === 'string')
              this.#link.negotiated(result['protocolVersion'])
            this.#link.send(notification('notifications/initialized'))
            for (const again of [this.#logLevel, ...this.#subscribed.values()])
              if (again !== null)
                this.#calls.send(
                  this.#link,
                  again,
                  { owner: null, timeout: this.context.settings.timeout, end: () => undefined },
                  () => false,
                )
            resolve(true)
          },
        },
        () => false,
      )
    })
  }
}

/** The gateway hides and shows tools by itself, so the list may change whatever the server says. */
function announcing(result: JsonObject): JsonObject {
  const { capabilities } = result
  if (!isJsonObject(capabilities) || !isJsonObject(capabilities['tools'])) return result
  return {
    ...result,
    capabilities: { ...capabilities, tools: { ...capabilities['tools'], listChanged: true } },
  }
}
