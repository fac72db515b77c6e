import type { IncomingMessage } from 'node:http'
import { BelayError } from '../../errors/catalogue.ts'
import type { Authenticator } from '../http-api/authentication.ts'
import type { RawDoor } from '../http-api/raw-door.ts'
import { AnswerTape } from '../recording/answer-tape.ts'
import { recordingOf, type RecordedRequest } from '../recording/recording-of.ts'
import { readTags } from '../tags.ts'
import { readTraceParent } from '../telemetry/trace-parent.ts'
import { AnswerSink, type Stop } from './answer-sink.ts'
import { keyOf, withoutKey } from './client-key.ts'
import { Concurrency, DEFAULT_CONCURRENCY, type Slot } from './concurrency.ts'
import { ClientStream } from './client-stream.ts'
import type { GatewayContext } from './gateway-context.ts'
import { openContext, type ContextOptions } from './open-context.ts'
import { readTarget } from './read-target.ts'
import { errorOf } from './model-errors.ts'
import type { IncomingCall } from './plan-call.ts'
import { isVendorName } from '../../policy/known-vendors.ts'
import { ClientGone, readBody } from './read-body.ts'
import { serveCall } from './serve-call.ts'
import { requestHeaders } from './upstream/headers.ts'

export interface ModelGatewayOptions extends ContextOptions {
  readonly authenticator: Pick<Authenticator, 'agentOf'>
}

const CLOSING: Stop = {
  ended: 'closing',
  error: { status: 503, code: 'server:closing', message: 'Belay is closing; try again.', retryAfter: 1 },
}
/** For what is said to agents whose calls are cut when the gateway closes. */
const LAST_WORDS_MS = 500
const VERSION_SEGMENT = /^v\d+(?:alpha|beta)?\d*$/
const HEADER_VALUE = /^[\x20-\x7e]{1,200}$/

/** The model gateway: `/{provider}/v1/…`, each provider's own protocol, every call an action. */
export function openModelGateway(options: ModelGatewayOptions): RawDoor {
  const context = openContext(options)
  const { limits } = context
  context.telemetry.watchProviders(() =>
    [...context.providers().values()].map(
      ({ name, baseUrl }) => [name, context.health.state(baseUrl) !== 'open'] as const,
    ),
  )
  const concurrency = new Concurrency()
  const running = new Set<Promise<void>>()
  const sinks = new Map<AnswerSink, { agent: string | null }>()
  const unwatch = context.flow.watchAgents(({ name, state, reason }) => {
    if (state !== 'stopped') return
    const stop = agentStopped(name, reason)
    for (const [sink, { agent }] of sinks) if (agent === name) sink.stop(stop)
  })
  return {
    serves(path) {
      const name = firstSegment(path)
      return isVendorName(name) || context.providers().has(name)
    },

    handle(request, response) {
      const sink = new AnswerSink((events) => new ClientStream(response, events))
      const caller: { agent: string | null } = { agent: null }
      sinks.set(sink, caller)
      const known = (agent: string): void => void (caller.agent = agent)
      const work = serve(context, options.authenticator, concurrency, request, sink, known).finally(() => {
        sinks.delete(sink)
        running.delete(work)
      })
      running.add(work)
    },

    async close() {
      const cut = setTimeout(() => {
        for (const sink of sinks.keys()) sink.stop(CLOSING)
      }, limits.closing)
      const broken = setTimeout(() => {
        for (const sink of sinks.keys()) sink.break()
      }, limits.closing + LAST_WORDS_MS)
      await Promise.allSettled(running)
      clearTimeout(cut)
      clearTimeout(broken)
      unwatch()
      await context.upstream.close()
    },
  }
}

/** Never rejects: whatever goes wrong is an error in the provider's own shape. */
async function serve(
  context: GatewayContext,
  authenticator: ModelGatewayOptions['authenticator'],
  concurrency: Concurrency,
  request: IncomingMessage,
  sink: AnswerSink,
  known: (agent: string) => void,
): Promise<void> {
  const startedAt = performance.now()
  const { url = '', method = 'GET' } = request
  const { name, path, query } = placeOf(withoutKey(url))
  const provider = context.providers().get(name)
  let slot: Slot | undefined
  let tape: AnswerTape | null = null
  let sent: Buffer | null = null
  try {
    if (provider === undefined)
      throw new BelayError('provider:unknown', {
        name,
        known: [...context.providers().keys()].join(', ') || 'none',
      })
    const key = keyOf(request.headers, url)
    const finding = key === undefined ? undefined : authenticator.agentOf(key)
    const agent = finding instanceof Promise ? await finding : finding
    if (agent === undefined) throw new BelayError('auth:agent_key_required')
    known(agent)
    if (provider.key === null && provider.keyVariable !== null)
      throw new BelayError('provider:no_key', { name, variable: provider.keyVariable })
    const taken = concurrency.take(
      agent,
      context.policies.current().agent(agent)?.concurrency ?? DEFAULT_CONCURRENCY,
    )
    if (taken === 'full') throw busy(agent)
    if ('turn' in taken) {
      sink.onStop(() => taken.leave())
      const turn = await taken.turn
      if (turn === 'left') {
        if (sink.why?.error != null) sink.error(provider.protocol, sink.why.error)
        return
      }
      if (turn === 'timeout') throw busy(agent)
      slot = turn
    } else slot = taken
    const bytes =
      method === 'GET' || method === 'HEAD' ? null : await readBody(request, { body: context.limits.body })
    const { record } = context.policies.current()
    if (record.models) tape = sink.tape = new AnswerTape(record.maxBytes, context.now())
    sent = bytes
    await context.prices.load()
    const ref = headerOf(request.headers['belay-prompt'])
    const prompt = ref === undefined ? null : await context.prompts.named(ref)
    const incoming = { ...incomingOf(request, agent, method, path, query, startedAt), prompt }
    await serveCall(context, incoming, readTarget(context, provider, method, path, bytes), sink)
  } catch (error) {
    if (error instanceof ClientGone) return
    if (!(error instanceof BelayError)) context.onFault(error)
    sink.error(provider?.protocol ?? 'openai', errorOf(error))
  } finally {
    slot?.release()
    if (!sink.over) sink.break()
    if (tape !== null) keepTape(context, { door: 'model', method, path: withoutKey(url), body: sent }, tape)
  }
}

/** After the agent has its answer, and in a turn of its own. What has no action is not kept: it was refused unread. */
function keepTape({ flow, onFault }: GatewayContext, request: RecordedRequest, tape: AnswerTape): void {
  const { action } = tape
  if (action === undefined) return
  setImmediate(() => {
    try {
      const recording = recordingOf(request, tape)
      if (recording !== null) flow.keepRecording(action, recording).catch(onFault)
    } catch (error) {
      onFault(error)
    }
  })
}

function incomingOf(
  request: IncomingMessage,
  agent: string,
  method: string,
  path: string,
  query: string,
  startedAt: number,
): Omit<IncomingCall, 'prompt'> {
  const { headers } = request
  const trace = readTraceParent(headers['traceparent'])
  return {
    agent,
    method,
    path,
    query,
    headers: requestHeaders(request.rawHeaders),
    session: headerOf(headers['belay-session']),
    lowPriority: headers['belay-priority'] === 'low',
    reason: headerOf(headers['belay-reason']),
    release: headerOf(headers['belay-release']),
    tags: readTags(headerOf(headers['belay-tags'])),
    ...(trace === undefined ? { trace: undefined } : { trace }),
    startedAt,
  }
}

/** `/openai/v1/chat/completions?x` → openai, `/chat/completions`, `?x`; the version is the provider's own. */
export function placeOf(url: string): {
  readonly name: string
  readonly path: string
  readonly query: string
} {
  const start = url.indexOf('?')
  const whole = start === -1 ? url : url.slice(0, start)
  const query = start === -1 ? '' : url.slice(start)
  const name = firstSegment(whole)
  const rest = whole.slice(name.length + 1)
  const version = firstSegment(rest)
  const path = VERSION_SEGMENT.test(version) ? rest.slice(version.length + 1) : rest
  return { name, path: path === '' ? '/' : path, query }
}

function firstSegment(path: string): string {
  const end = path.indexOf('/', 1)
  return end === -1 ? path.slice(1) : path.slice(1, end)
}

function headerOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && HEADER_VALUE.test(value) ? value : undefined
}

function agentStopped(name: string, reason: string | null): Stop {
  const message = `The agent ${name} was stopped${reason === null ? '' : `: ${reason}`}.`
  return { ended: 'agent_stopped', error: { status: 403, code: 'agent:stopped', message } }
}

function busy(agent: string): BelayError {
  return new BelayError('server:busy', { max: `a number of calls of the agent ${agent}` })
}
