import type { IncomingMessage, ServerResponse } from 'node:http'
import { isJsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Authenticator } from '../http-api/authentication.ts'
import type { RawDoor } from '../http-api/raw-door.ts'
import { ClientGone, readBody } from '../model-gateway/read-body.ts'
import { textOf } from '../sdk/text-of.ts'
import type { ActionDoor } from './action-door.ts'
import { askEra } from './era.ts'
import { EventStream } from './event-stream.ts'
import { LIMITS, type McpGatewayLimits } from './gateway-limits.ts'
import { Exchange, sendError, sendJson } from './exchange.ts'
import { HttpSession } from './http-session.ts'
import {
  BadMessage,
  CODE,
  declaredVersion,
  errorResponse,
  paramsOf,
  readMessage,
  type Message,
  type Request,
} from './message.ts'
import { headersMatch } from './mirrored-headers.ts'
import {
  HANDSHAKE_VERSIONS,
  headerMismatch,
  isStatelessVersion,
  mayCall,
  callerOf,
  tagsFault,
} from './request-headers.ts'
import { Servers, type Declared } from './servers.ts'
import { Session } from './session.ts'

export interface McpGatewayOptions {
  readonly door: ActionDoor
  readonly policies: { current(): Policy }
  readonly authenticator: Pick<Authenticator, 'agentOf'>
  /** Where the values of `$NAME` come from. Default: the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly onStderr?: (server: string, text: string) => void
  readonly onNote?: (server: string, text: string) => void
  readonly onFault?: (error: unknown) => void
  readonly limits?: Partial<McpGatewayLimits>
}

const SWEEP_MS = 10_000
const PATH = /^\/mcp\/([A-Za-z0-9][A-Za-z0-9_-]{0,63})\/?$/

/** The MCP gateway: `/mcp/{server}`, streamable HTTP, every tool call an action. */
export function openMcpGateway(options: McpGatewayOptions): RawDoor {
  return new McpGateway(options)
}

class McpGateway implements RawDoor {
  readonly #options: McpGatewayOptions
  readonly #limits: McpGatewayLimits
  readonly #servers: Servers
  /** Sessions with a handshake, by the id that the client shows. */
  readonly #sessions = new Map<string, { readonly declared: Declared; readonly http: HttpSession }>()
  /** For requests that speak for themselves: one session for each agent and server. */
  readonly #shared = new Map<
    string,
    { readonly declared: Declared; readonly agent: string; readonly session: Session }
  >()
  readonly #probing = new Map<Declared, Promise<void>>()
  readonly #sweep: NodeJS.Timeout
  #scopes = 0

  constructor(options: McpGatewayOptions) {
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits }
    const onFault = options.onFault ?? (() => undefined)
    this.#servers = new Servers({
      policies: options.policies,
      door: options.door,
      env: options.env ?? process.env,
      onStderr: options.onStderr ?? (() => undefined),
      onNote: options.onNote ?? (() => undefined),
      onFault,
      onGone: (declared) => void this.#closeAll((each) => each === declared).catch(onFault),
    })
    this.#sweep = setInterval(() => this.#closeIdle(), SWEEP_MS)
    this.#sweep.unref()
  }

  serves(path: string): boolean {
    return path === '/mcp' || path.startsWith('/mcp/')
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#serve(request, response).catch((error: unknown) => {
      if (error instanceof ClientGone) return
      if (error instanceof BelayError)
        return sendError(response, error.status, CODE.invalidRequest, error.message, { connection: 'close' })
      this.#options.onFault?.(error)
      sendError(response, 500, CODE.internal, 'Belay has a fault', { connection: 'close' })
    })
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep)
    await this.#closeAll(() => true)
    this.#servers.close()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', headers } = request
    if (!mayCall(headers.origin, headers.host))
      return sendError(response, 403, CODE.invalidRequest, 'this Origin may not call', {
        connection: 'close',
      })
    const token = /^Bearer ([\x21-\x7e]{1,1000})$/i.exec(headers.authorization ?? '')?.[1]
    const finding = token === undefined ? undefined : this.#options.authenticator.agentOf(token)
    const agent = finding instanceof Promise ? await finding : finding
    if (agent === undefined)
      return sendError(
        response,
        401,
        CODE.invalidRequest,
        'send Authorization: Bearer with an agent key (blk_…)',
        {
          'www-authenticate': 'Bearer realm="belay"',
          connection: 'close',
        },
      )
    const name = PATH.exec((request.url ?? '').split('?', 1)[0]!)?.[1]
    let declared
    try {
      declared = name === undefined ? undefined : this.#servers.get(name)
    } catch (error) {
      return sendError(
        response,
        424,
        CODE.internal,
        `the server ${name} cannot be reached: ${(error as Error).message}`,
      )
    }
    if (declared === undefined)
      return sendError(
        response,
        404,
        CODE.invalidRequest,
        'there is no such server; declare it under mcp.servers in belay.yaml',
        {
          connection: 'close',
        },
      )
    switch (method) {
      case 'POST':
        return this.#post(request, response, agent, declared)
      case 'GET':
        return this.#get(request, response, agent, declared)
      case 'DELETE':
        return this.#delete(request, response, agent, declared)
      default:
        sendError(response, 405, CODE.invalidRequest, 'POST, GET or DELETE', { allow: 'POST, GET, DELETE' })
    }
  }

  async #post(
    request: IncomingMessage,
    response: ServerResponse,
    agent: string,
    declared: Declared,
  ): Promise<void> {
    const { headers } = request
    if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? ''))
      return sendError(response, 415, CODE.invalidRequest, 'expected application/json', {
        connection: 'close',
      })
    const accept = headers.accept ?? '*/*'
    const streams = /text\/event-stream|text\/\*|\*\/\*/i.test(accept)
    if (!streams && !/application\/json|application\/\*/i.test(accept))
      return sendError(response, 406, CODE.invalidRequest, 'accept application/json and text/event-stream', {
        connection: 'close',
      })
    const body = await readBody(request, { body: this.#limits.body })
    let message: Message
    try {
      message = readMessage(body.toString('utf8'))
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error
      return sendError(response, 400, error.code, error.message)
    }
    if (tagsFault(request) !== null)
      return sendError(response, 400, CODE.invalidRequest, `Belay-Tags: ${tagsFault(request)}`)
    const version = headers['mcp-protocol-version']
    if (
      message.kind === 'request' &&
      (declaredVersion(message.message) !== undefined || isStatelessVersion(version))
    )
      return this.#postStateless(request, response, agent, declared, message.message, streams)
    if (version !== undefined && !HANDSHAKE_VERSIONS.has(String(version)))
      return sendError(
        response,
        400,
        CODE.invalidRequest,
        `unsupported protocol version; supported: ${[...HANDSHAKE_VERSIONS].join(', ')}`,
      )
    if (
      message.kind === 'request' &&
      message.message.method === 'initialize' &&
      headers['mcp-session-id'] === undefined
    ) {
      const http = await this.#newSession(agent, declared)
      if (http === null)
        return sendError(
          response,
          503,
          CODE.internal,
          `the agent ${agent} has too many sessions with this server`,
          { 'retry-after': '5' },
        )
      return http.post(message, response, streams, callerOf(request))
    }
    const http = this.#sessionOf(request, response, agent, declared)
    http?.post(message, response, streams, callerOf(request))
  }

  #get(request: IncomingMessage, response: ServerResponse, agent: string, declared: Declared): void {
    if (!/text\/event-stream|\*\/\*/i.test(request.headers.accept ?? ''))
      return sendError(response, 406, CODE.invalidRequest, 'accept text/event-stream')
    if (isStatelessVersion(request.headers['mcp-protocol-version']))
      return sendError(response, 405, CODE.invalidRequest, 'POST alone', { allow: 'POST' })
    const http = this.#sessionOf(request, response, agent, declared)
    if (http === undefined) return
    const last = request.headers['last-event-id']
    if (!http.get(response, typeof last === 'string' ? last : undefined))
      sendError(response, 400, CODE.invalidRequest, 'there is no such event any more')
  }

  async #delete(
    request: IncomingMessage,
    response: ServerResponse,
    agent: string,
    declared: Declared,
  ): Promise<void> {
    const http = this.#sessionOf(request, response, agent, declared)
    if (http === undefined) return
    this.#sessions.delete(http.id)
    response.writeHead(204).end()
    await http.close()
  }

  /** The session that the client shows, if it is the agent's own and of this server; to others it does not exist. */
  #sessionOf(
    request: IncomingMessage,
    response: ServerResponse,
    agent: string,
    declared: Declared,
  ): HttpSession | undefined {
    const id = request.headers['mcp-session-id']
    if (typeof id !== 'string') {
      sendError(
        response,
        400,
        CODE.invalidRequest,
        'send initialize first, then Mcp-Session-Id with each request',
      )
      return undefined
    }
    const found = this.#sessions.get(id)
    if (found === undefined || found.http.agent !== agent || found.declared !== declared) {
      sendError(response, 404, CODE.invalidRequest, 'there is no such session')
      return undefined
    }
    return found.http
  }

  /** `null`: all that the agent may have are at work. */
  async #newSession(agent: string, declared: Declared): Promise<HttpSession | null> {
    const own = [...this.#sessions.values()].filter(
      (each) => each.http.agent === agent && each.declared === declared,
    )
    if (own.length >= this.#limits.sessions) {
      const idle = own
        .filter(({ http }) => !http.session.busy)
        .toSorted((a, b) => a.http.session.lastUse - b.http.session.lastUse)[0]
      if (idle === undefined) return null
      this.#sessions.delete(idle.http.id)
      await idle.http.close()
    }
    const http = new HttpSession(declared.context, agent)
    this.#sessions.set(http.id, { declared, http })
    return http
  }

  async #postStateless(
    request: IncomingMessage,
    response: ServerResponse,
    agent: string,
    declared: Declared,
    message: Request,
    streams: boolean,
  ): Promise<void> {
    const mismatch = headerMismatch(request, message)
    if (mismatch !== null)
      return sendJson(response, 400, errorResponse(message.id, CODE.headerMismatch, mismatch))
    const session = this.#sharedSession(agent, declared)
    if (declared.era === null) await this.#probe(declared, session, message)
    if (declared.era !== 'stateless')
      return sendError(
        response,
        400,
        CODE.invalidRequest,
        `the server ${declared.context.name} speaks the protocol with a handshake: send initialize`,
      )
    const tool =
      message.method === 'tools/call' ? session.catalog.get(textOf(paramsOf(message)['name'])) : undefined
    const { arguments: input } = paramsOf(message)
    if (tool !== undefined && !headersMatch(tool.mirrored, isJsonObject(input) ? input : {}, request.headers))
      return sendJson(
        response,
        400,
        errorResponse(message.id, CODE.headerMismatch, 'Mcp-Param headers and arguments differ'),
      )
    const exchange = new Exchange({
      response,
      headers: {},
      streams,
      statuses: true,
      prime: false,
      newStream: () => new EventStream('', { kept: false }),
    })
    const cancel = session.receive(
      { kind: 'request', message },
      {
        scope: `${this.#scopes++} `,
        ...callerOf(request),
        channel: exchange,
        answer: (answer) => exchange.answer(answer),
      },
    )
    // To close the stream is to cancel (MCP 2026-07-28, Cancellation).
    response.once('close', () => response.writableFinished || cancel?.())
  }

  #sharedSession(agent: string, declared: Declared): Session {
    const key = `${declared.context.name}\n${agent}`
    const known = this.#shared.get(key)
    if (known?.declared === declared) return known.session
    const session = new Session(declared.context, agent, {
      // There are no requests to the client in this protocol, and nothing that belongs to no request.
      deliver: (message, about) =>
        message['id'] === undefined && about?.channel instanceof Exchange && about.channel.send(message),
    })
    this.#shared.set(key, { declared, agent, session })
    return session
  }

  /** Asks the server which protocol it speaks, as a client would (MCP 2026-07-28, Backward Compatibility). */
  async #probe(declared: Declared, session: Session, message: Request): Promise<void> {
    let probing = this.#probing.get(declared)
    if (probing === undefined) {
      probing = askEra(declared, session, message).finally(() => this.#probing.delete(declared))
      this.#probing.set(declared, probing)
    }
    await probing
    if (declared.era === 'handshake') {
      for (const [key, each] of this.#shared)
        if (each.declared === declared) {
          this.#shared.delete(key)
          await each.session.close()
        }
    }
  }

  #closeIdle(): void {
    const before = performance.now() - this.#limits.idle
    const onFault = this.#options.onFault ?? (() => undefined)
    for (const [id, { http }] of this.#sessions) {
      if (http.session.busy || http.session.lastUse > before) continue
      this.#sessions.delete(id)
      http.close().catch(onFault)
    }
    for (const [key, { session }] of this.#shared) {
      if (session.busy || session.lastUse > before) continue
      this.#shared.delete(key)
      session.close().catch(onFault)
    }
  }

  async #closeAll(which: (declared: Declared) => boolean): Promise<void> {
    const closing: Promise<void>[] = []
    for (const [id, { declared, http }] of this.#sessions) {
      if (!which(declared)) continue
      this.#sessions.delete(id)
      closing.push(http.close())
    }
    for (const [key, { declared, session }] of this.#shared) {
      if (!which(declared)) continue
      this.#shared.delete(key)
      closing.push(session.close())
    }
    await Promise.all(closing)
  }
}
