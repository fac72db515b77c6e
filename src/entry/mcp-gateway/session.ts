import { randomUUID } from 'node:crypto'
import { isJsonObject, type JsonObject } from '../../action/json.ts'
import { ClientQuestions } from './client-questions.ts'
import { ExchangeTape } from './exchange-tape.ts'
import type { ClientRequest, ClientSide } from './client-side.ts'
import { introduce } from './introduce.ts'
import { listTools } from './list-tools.ts'
import { lookAtAnswer } from './look-at-answer.ts'
import { RestartQueue } from './restart-queue.ts'
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
import type { ServerLink } from './server-link.ts'
import { judgeTaskNotification, serveToolCall } from './serve-tool-call.ts'
import { Told } from './told.ts'
import { ToolCatalog } from './tool-catalog.ts'
import {
  lostSentence,
  subscriptionOf,
  UpstreamCalls,
  type Ended,
  type UpstreamCall,
} from './upstream-calls.ts'

interface Active extends ClientRequest {
  readonly abort: AbortController
  call: UpstreamCall | null
}

const MAX_ACTIVE = 1_000
const UNTIMED = new Set(['subscriptions/listen', 'tasks/result'])

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
  readonly #questions: ClientQuestions
  readonly #stopListening: () => void
  /** Calls of tools that have not recorded yet what became of them. */
  readonly #running = new Set<Promise<void>>()
  #initialize: JsonObject | null = null
  #initialized = false
  readonly #told = new Told()
  readonly #tape: ExchangeTape
  /** `null` while the server is there and knows the session. */
  #waiting: RestartQueue | null = null
  #listing: Promise<string | null> | null = null
  #closed = false
  /** Capabilities that the client declared at the handshake. */
  clientCapabilities: JsonObject = {}
  lastUse = performance.now()

  constructor(context: ServerContext, agent: string, client: ClientSide) {
    this.context = context
    this.agent = agent
    this.#client = client
    this.#questions = new ClientQuestions(client)
    this.#tape = new ExchangeTape(context)
    this.catalog = new ToolCatalog(context.pins, context.onNote)
    this.#stopListening = context.pins.onChange(() => this.#toolsChanged())
    this.#link = context.open({
      message: (message, relatedTo) => this.#fromServer(message, relatedTo),
      lost: (id, cause, reached) => void this.#calls.settle(id, { kind: 'lost', cause, reached }),
      down: (cause) => this.#down(cause),
      up: () => void this.#up(),
    })
    if (!this.#link.alive) this.#waiting = new RestartQueue()
  }

  get busy(): boolean {
    return this.#active.size > 0
  }

  /** A message of the client. `answer` is called once for a request, and never for anything else. */
  receive(message: Message, from: Omit<ClientRequest, 'message' | 'left'>): (() => void) | undefined {
    this.lastUse = performance.now()
    if (message.kind === 'request') return this.#request(message.message, from)
    if (message.kind === 'notification') this.#notified(message.message, from.scope)
    else this.#questions.answered(message.message)
    return undefined
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#stopListening()
    for (const active of this.#active.values()) active.abort.abort('the session was closed')
    this.#calls.loseAll('the session was closed')
    this.#waiting?.fail('the session was closed')
    await Promise.all([this.#link.close(), ...this.#running])
    await this.#tape.settled()
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
        () => this.#questions.open,
      )
      if (call === null) end({ kind: 'lost', cause: 'too many requests wait for the server', reached: false })
      else if (owner !== null) owner.call = call
    }
    if (this.#waiting === null) go()
    else this.#waiting.add(go, (cause) => end({ kind: 'lost', cause, reached: false }))
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
    return this.#questions.ask(active, method, params, signal)
  }

  /** Makes sure that the tool's definition is known: lists the tools where they are not. A sentence when that fails. */
  async knowTools(active: ClientRequest): Promise<string | null> {
    if (!this.catalog.stale) return null
    this.#listing ??= listTools(this, metaOf(paramsOf(active.message))).finally(() => (this.#listing = null))
    return this.#listing
  }

  #request(message: Request, from: Omit<ClientRequest, 'message' | 'left'>): (() => void) | undefined {
    const key = from.scope + idKey(message.id)
    if (this.#active.has(key) || this.#active.size >= MAX_ACTIVE || this.#closed) {
      const why = this.#active.has(key) ? 'the id is in use' : 'too many requests at the same time'
      from.answer(errorResponse(message.id, CODE.invalidRequest, why))
      return undefined
    }
    const abort = new AbortController()
    const startedAt = Date.now()
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
        if (response !== null) this.#tape.add(message, response, startedAt)
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
      const looked = lookAtAnswer(this, active, response)
      this.#remember(active.message, looked)
      if (!(looked instanceof Promise)) return active.answer(looked)
      looked.then(active.answer).catch((error: unknown) => {
        this.context.onFault(error)
        active.answer(errorResponse(id, CODE.internal, 'Belay has a fault; the answer was not passed on'))
      })
    })
  }

  /** What a server that is started again has to be told. */
  #remember(request: Request, answer: Response | Promise<Response>): void {
    if (answer instanceof Promise || !isJsonObject(answer['result'])) return
    const { protocolVersion } = answer['result']
    if (request.method === 'initialize' && typeof protocolVersion === 'string')
      this.#link.negotiated(protocolVersion)
    else this.#told.remember(request)
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
        const token = this.#questions.tokenOf(params['progressToken'])
        if (token !== null) this.#link.send(withParams(message, { ...params, progressToken: token }))
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

  #fromServer({ kind, message }: Message, relatedTo: RequestId | undefined): void {
    const certain = this.#calls.get(relatedTo)
    if (kind === 'response') {
      if (!this.#calls.settle(message.id, { kind: 'response', message }))
        this.context.onNote('the server answered what nobody asked, or twice')
    } else if (kind === 'request') {
      const about = (certain ?? this.#calls.newest())?.owner as Active | undefined
      const answer = (response: Response): void => this.#link.send(response)
      this.#questions.forward(message, about ?? null, certain !== undefined, answer)
    } else this.#notifiedByServer(message, certain)
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
    if (this.#questions.withdraw(requestId, params)) return
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
    this.#waiting ??= new RestartQueue()
    this.catalog.stale = true
    this.#questions.withdrawAll()
    this.#calls.loseAll(cause)
  }

  /** A server that was started again learns what the one before knew. */
  async #up(): Promise<void> {
    const introduced =
      this.#initialize === null ||
      (await introduce(
        this.#calls,
        this.#link,
        this.context.settings.timeout,
        this.#initialize,
        this.#told.again(),
      ))
    if (!introduced) {
      this.#waiting?.fail('the server was started again and refuses the session')
      return
    }
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.go()
    this.#toolsChanged()
  }
}
