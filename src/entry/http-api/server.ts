import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, { LogController } from 'fastify'
import type { FastifyInstance } from 'fastify'
import { BelayError } from '../../errors/catalogue.ts'
import { builtInChecks } from '../../flow/verify/checks/index.ts'
import type { Check } from '../../policy/check.ts'
import type { ChannelDesk } from '../../channels/channel-desk.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { absenceRoutes } from './absences.ts'
import { actionRoutes } from './actions.ts'
import { agentRoutes } from './agents.ts'
import type { ApiContext } from './api-context.ts'
import { approvalRoutes } from './approvals.ts'
import { baselineRoutes } from './baselines.ts'
import { budgetRoutes } from './budgets.ts'
import { Authenticator, principalOf } from './authentication.ts'
import { alarmRoutes } from './alarms.ts'
import { qualityRoutes } from './quality.ts'
import { channelRoutes } from './channels.ts'
import { eventRoutes } from './events.ts'
import { healthRoutes } from './health.ts'
import { parseJsonBody } from './json-body.ts'
import { keyRoutes } from './keys.ts'
import { ledgerRoutes } from './ledger.ts'
import { ledgerLogRoutes } from './ledger-log.ts'
import { checkLoopbackHost, isLoopback } from './loopback-host.ts'
import { gatherOpenApi, openApiRoute } from './openapi.ts'
import { policyRoutes } from './policy.ts'
import { promptRoutes } from './prompts.ts'
import { PromptRegistry } from '../prompts/prompt-registry.ts'
import { policyTrialRoutes } from './policy-trials.ts'
import { recordingRoutes } from './recordings.ts'
import { recordExchanges } from './record-exchanges.ts'
import { PROBLEM_TYPE, asBelayError, problemOf, sendProblem } from './problem.ts'
import { RawDoors } from './raw-door.ts'
import type { RawDoor } from './raw-door.ts'
import { compileValidator } from './schema-validation.ts'
import { DEFAULT_LIMITS } from './server-limits.ts'
import type { ServerLimits } from './server-limits.ts'
import { serverLog } from './server-log.ts'
import { sessionRoutes } from './sessions.ts'
import type { LogOptions } from './server-log.ts'
import { standingApprovalRoutes } from './standing-approvals.ts'
import { undoRoutes } from './undos.ts'
import { checkPermission, identify } from './people/identify.ts'
import type { IdentityProvider } from './people/identity-provider.ts'
import { loginRoutes } from './people/login-routes.ts'
import { loggedInRoutes } from './people/logged-in-routes.ts'
import { Logins } from './people/logins.ts'
import { peopleRoutes } from './people/people-routes.ts'
import { PLAIN_HEADERS } from './people/page-headers.ts'

export interface HttpServerOptions extends Pick<ApiContext, 'flow' | 'store' | 'policies' | 'version'> {
  /** What policies may name in `verify:`. Default: the built-in ones. */
  readonly checks?: readonly Check[]
  /** 127.0.0.1 unless told; then only requests for this machine's own names are answered. */
  readonly host?: string
  /** 0 takes any free one. */
  readonly port: number
  /** What counts the records, so that sums and sessions hold what was recorded a moment ago. */
  readonly rollups?: NonNullable<ApiContext['rollups']>
  /** The logs of the ledger. One keeper a process: two would undo each other's work. */
  readonly ledgerLog: ApiContext['ledgerLog']
  /** At least 16 characters; whoever has it may do everything that a person may. */
  readonly adminToken: string
  /** Who knows the keys of agents, where other doors ask it too. Default: one of its own. */
  readonly authenticator?: Authenticator
  readonly limits?: Partial<ServerLimits>
  /** Loads what speaks to identity providers, when somebody first logs in so. */
  readonly openIdentityProvider?: () => Promise<IdentityProvider>
  /** The processes that run for agents, for whoever looks at agents. */
  readonly supervision?: NonNullable<ApiContext['supervision']>
  /** The ways to reach people, for whoever looks after them. */
  readonly channels?: ChannelDesk
  readonly log?: LogOptions
  /** Whose `action` the flow tells; without it `/metrics` knows of requests only. */
  readonly telemetry?: Telemetry
  /**
   * What else is served at this address: each adds its routes to an instance of its own, behind the same guard.
   * A route without `config.access` is for the admin token alone.
   */
  readonly doors?: readonly ((app: FastifyInstance) => Promise<void> | void)[]
  /** What is served past Fastify, for calls in which every microsecond counts. The first that serves a path has it. */
  readonly rawDoors?: readonly RawDoor[]
}

export interface HttpServer {
  readonly url: string
  readonly app: FastifyInstance
  /** Ends waits and streams, lets the other requests finish, and closes. */
  close(): Promise<void>
}

/** Serves the HTTP API. Rejects when the address cannot be bound. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host = '127.0.0.1', port, adminToken } = options
  const limits: ServerLimits = { ...DEFAULT_LIMITS, ...options.limits }
  const closing = new AbortController()
  const context: ApiContext = {
    flow: options.flow,
    store: options.store,
    policies: options.policies,
    prompts: new PromptRegistry(options.store),
    checks: options.checks ?? builtInChecks,
    ledgerLog: options.ledgerLog,
    rollups: options.rollups ?? null,
    version: options.version,
    authenticator: options.authenticator ?? new Authenticator(options.store, adminToken),
    logins: new Logins(options.store, () => options.policies.current().people),
    openIdentityProvider:
      options.openIdentityProvider ??
      (() => import('./people/openid-connect.ts').then(({ openIdConnect }) => openIdConnect())),
    channels: options.channels ?? null,
    supervision: options.supervision ?? null,
    metrics: (options.telemetry ?? createTelemetry()).metrics,
    limits,
    closing: closing.signal,
  }
  const raw = new RawDoors(options.rawDoors ?? [], { onLoopback: isLoopback(host) })
  const app = boundedApp(limits, options.log ?? {}, raw)
  guard(app, context, isLoopback(host))
  answerErrors(app)
  recordExchanges(app, context)
  await gatherOpenApi(app, options.version)
  for (const routes of [
    actionRoutes,
    undoRoutes,
    approvalRoutes,
    standingApprovalRoutes,
    absenceRoutes,
    agentRoutes,
    budgetRoutes,
    baselineRoutes,
    keyRoutes,
    eventRoutes,
    sessionRoutes,
    ledgerRoutes,
    ledgerLogRoutes,
    policyRoutes,
    promptRoutes,
    policyTrialRoutes,
    recordingRoutes,
    healthRoutes,
    loginRoutes,
    loggedInRoutes,
    peopleRoutes,
    alarmRoutes,
    qualityRoutes,
    channelRoutes,
  ]) {
    routes(app, context)
  }
  openApiRoute(app)
  for (const door of options.doors ?? []) await app.register(async (own) => door(own))
  app.addHook('preClose', async () => {
    // Their calls cost money and are told to stop in their own protocol, before connections are cut.
    await raw.close(limits.closing)
    closing.abort()
    hastenClose(app, limits.closing)
  })
  // With a server of our own Fastify binds only one of the addresses of this name, and which one depends on the resolver.
  const url = await app.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port })
  return { url, app, close: async () => app.close() }
}

function boundedApp(limits: ServerLimits, log: LogOptions, raw: RawDoors): FastifyInstance {
  const app = Fastify({
    bodyLimit: limits.body,
    serverFactory: (handle) => boundedServer(limits, raw, handle),
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 512 },
    exposeHeadRoutes: false,
    genReqId: () => randomUUID(),
    logger: serverLog(log),
    logController: new LogController({ disableRequestLogging: true }),
    clientErrorHandler: (error, socket) => {
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && raw.isReceiving(socket)) return
      refuseConnection(error, socket)
    },
    frameworkErrors: (error, request, reply) => {
      void sendProblem(request, reply, asBelayError(error, { id: request.id, bodyLimit: limits.body }))
    },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    // Calls without a body often announce JSON all the same.
    if (body.length === 0) return done(null, undefined)
    try {
      done(null, parseJsonBody(body as Buffer, { depth: limits.jsonDepth, nodes: limits.jsonNodes }))
    } catch (error) {
      done(error as Error)
    }
  })
  app.setValidatorCompiler(({ schema, httpPart }) => compileValidator(schema as object, httpPart ?? 'body'))
  // The response schemas describe; they must not quietly drop what they don't know.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  return app
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void

function boundedServer(limits: ServerLimits, raw: RawDoors, handle: Handle): Server {
  const server = createServer(
    {
      headersTimeout: limits.headersTimeout,
      requestTimeout: limits.requestTimeout,
      maxHeaderSize: limits.headers,
      // Node looks for late connections only so often.
      connectionsCheckingInterval: Math.min(2_000, limits.headersTimeout),
      noDelay: true,
      // A client that vanished without a word is noticed also while nothing is sent.
      keepAlive: true,
      keepAliveInitialDelay: limits.idleTimeout,
      // Longer than clients and proxies keep a connection, so that they are the ones who close it.
      keepAliveTimeout: 72_000,
    },
    (request, response) => {
      if (!raw.handle(request, response)) handle(request, response)
    },
  )
  server.setTimeout(limits.idleTimeout)
  server.maxConnections = limits.connections
  return server
}

function guard(app: FastifyInstance, context: ApiContext, onLoopback: boolean): void {
  app.decorateRequest('principal', null)
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(PLAIN_HEADERS)
    const { selfAuthenticating = false } = request.routeOptions.config
    if (onLoopback && !selfAuthenticating)
      checkLoopbackHost(request.headers.host, context.logins.rule.publicUrl)
    // A route that forgot to say is for the admin token alone; an address that does not exist tells nothing more.
    const access = request.is404 ? 'agent' : (request.routeOptions.config.access ?? 'admin')
    if (access === 'public') return
    request.principal = await identify(request, context)
    const principal = principalOf(request)
    if (principal.kind === 'agent' && access === 'admin') {
      throw new BelayError('auth:forbidden', {
        who: `The agent ${principal.agent}`,
        what: `call ${request.method} ${request.routeOptions.url}`,
      })
    }
    if (principal.kind === 'person' && !request.is404) checkPermission(request, principal)
  })
  app.addHook('onResponse', async (request, reply) => {
    const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none')
    const method = request.is404 ? 'any' : request.method
    context.metrics.observeRequest(method, route, reply.raw.statusCode, reply.elapsedTime / 1_000)
    request.log.debug({ req: request.raw, status: reply.raw.statusCode, ms: reply.elapsedTime }, 'answered')
  })
}

function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler(async (thrown, request, reply) => {
    const error = asBelayError(thrown, { id: request.id, bodyLimit: app.initialConfig.bodyLimit ?? 0 })
    if (error.status >= 500)
      request.log.error({ err: thrown, req: request.raw, id: request.id, code: error.code }, 'request failed')
    return sendProblem(request, reply, error)
  })
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split('?', 1)[0]!.slice(0, 200)
    return sendProblem(request, reply, new BelayError('server:not_found', { method: request.method, path }))
  })
}

/** What never became a request: malformed, too long, or too slow. */
function refuseConnection(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const refusal = refusalOf(error.code)
  const body = JSON.stringify(problemOf(refusal, randomUUID()))
  const head = [
    `HTTP/1.1 ${refusal.status} Refused`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function refusalOf(code: string | undefined): BelayError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new BelayError('input:too_large', {
        where: 'headers',
        max: 'what the server takes',
        got: 'more',
      })
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new BelayError('server:timeout')
    case undefined:
    default:
      return new BelayError('input:invalid', {
        where: 'request',
        expected: 'HTTP/1.1',
        got: 'something else',
      })
  }
}

/**
 * A connection that was busy when closing began and is idle now would hold the server open until its keep-alive ends.
 * Requests that are still running after `grace` ms are cut off.
 */
function hastenClose({ server }: FastifyInstance, grace: number): void {
  const sweep = setInterval(() => server.closeIdleConnections(), 20)
  const cut = setTimeout(() => server.closeAllConnections(), grace)
  server.once('close', () => {
    clearInterval(sweep)
    clearTimeout(cut)
  })
}
