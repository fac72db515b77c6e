import type { JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { Flow } from '../../flow/flow.ts'
import { AnswerSink, type ClientEnd, type Stop } from './answer-sink.ts'
import { Concurrency, DEFAULT_CONCURRENCY } from './concurrency.ts'
import type { GatewayContext } from './gateway-context.ts'
import type { ModelAnswer } from './model-call.ts'
import { readTarget } from './read-target.ts'
import { serveCall } from './serve-call.ts'
import { unaryRequest } from './unary-request.ts'

/** A question of Belay's own to a model. */
export interface InProcessCall {
  readonly agent: string
  readonly provider: string
  readonly model: string
  readonly system: string
  readonly user: string
  readonly maxTokens: number
  readonly params: JsonObject
  /** What the record says of why it is asked. */
  readonly reason: string
  /** In place of the gateway's: what it proposes may have to say more. */
  readonly flow: Flow
}

export type InProcessAnswer = { readonly action: string | null } & (
  | { readonly answer: ModelAnswer }
  /** A code, with the sentence of the gateway or of the provider's refusal. */
  | { readonly error: string; readonly message: string }
)

/** Bytes of an answer. */
const MAX_ANSWER = 1_048_576
const TIMEOUT: Stop = {
  ended: 'timeout',
  error: { status: 504, code: 'server:timeout', message: 'Nobody waits for the answer any more.' },
}

/**
 * Asks a model by the same way as agents do, without a socket: judged, reserved, recorded, billed. The model that is named
 * answers or none. Rejects with `BelayError` where the call cannot be made (`provider:unknown`, `model:unknown_price` …).
 */
export async function callInProcess(
  context: GatewayContext,
  concurrency: Concurrency,
  call: InProcessCall,
  signal: AbortSignal,
): Promise<InProcessAnswer> {
  const provider = context.providers().get(call.provider)
  if (provider === undefined)
    throw new BelayError('provider:unknown', {
      name: call.provider,
      known: [...context.providers().keys()].join(', ') || 'none',
    })
  if (provider.key === null && provider.keyVariable !== null)
    throw new BelayError('provider:no_key', { name: provider.name, variable: provider.keyVariable })
  const kept = new KeptAnswer()
  const sink = new AnswerSink(() => kept)
  const stop = (): void => sink.stop(TIMEOUT)
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  let release = (): void => undefined
  try {
    const rule = context.policies.current().agent(call.agent)?.concurrency ?? DEFAULT_CONCURRENCY
    const taken = concurrency.take(call.agent, rule)
    if (taken === 'full') throw busy(call.agent)
    if ('turn' in taken) {
      sink.onStop(() => taken.leave())
      const turn = await taken.turn
      if (turn === 'left' || turn === 'timeout') throw busy(call.agent)
      release = () => turn.release()
    } else release = () => taken.release()
    const { path, body } = unaryRequest(provider, call)
    await context.prices.load()
    const target = readTarget(context, provider, 'POST', path, Buffer.from(JSON.stringify(body)))
    const incoming = {
      agent: call.agent,
      method: 'POST',
      path,
      query: '',
      headers: { 'content-type': 'application/json' },
      session: undefined,
      lowPriority: false,
      pinned: true,
      reason: call.reason,
      release: undefined,
      prompt: null,
      trace: undefined,
      startedAt: performance.now(),
    } as const
    await serveCall({ ...context, flow: call.flow }, incoming, target, sink)
    return kept.answer((bytes) => target.format.readAnswer(JSON.parse(bytes.toString('utf8')) as JsonObject))
  } finally {
    release()
    signal.removeEventListener('abort', stop)
    if (!sink.over) sink.break()
  }
}

function busy(agent: string): BelayError {
  return new BelayError('server:busy', { max: `a number of calls of the agent ${agent}` })
}

/** An answer in memory, bounded. */
class KeptAnswer implements ClientEnd {
  #status = 0
  #action: string | null = null
  #body: Buffer | null = null
  over = false

  get begun(): boolean {
    return this.#status !== 0
  }

  whole(status: number, headers: Readonly<Record<string, string | string[]>>, body: string | Buffer): void {
    if (this.over) return
    this.open(status, headers)
    this.over = true
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    this.#body = bytes.length > MAX_ANSWER ? null : bytes
  }

  open(status: number, headers: Readonly<Record<string, string | string[]>>): void {
    this.#status = status
    const action = headers['belay-action']
    this.#action = typeof action === 'string' ? action : null
  }

  // No stream is ever asked for: what comes as one is no answer.
  write(): boolean {
    return true
  }

  end(): void {
    this.over = true
  }

  break(): void {
    this.over = true
  }

  answer(read: (bytes: Buffer) => ModelAnswer): InProcessAnswer {
    const action = this.#action
    const body = this.#body
    if (body === null)
      return { action, error: 'provider:malformed_answer', message: 'The answer is none that can be read.' }
    if (this.#status >= 200 && this.#status < 300) {
      try {
        return { action, answer: read(body) }
      } catch {
        return { action, error: 'provider:malformed_answer', message: 'The answer is none that can be read.' }
      }
    }
    return { action, ...refusalIn(body, this.#status) }
  }
}

/** What an error in the provider's own shape says: ours have a code, theirs a status. */
function refusalIn(body: Buffer, status: number): { readonly error: string; readonly message: string } {
  let code: unknown
  try {
    const said = JSON.parse(body.toString('utf8')) as { readonly error?: Record<string, unknown> }
    code = said.error?.['code'] ?? said.error?.['type']
    const details = said.error?.['details']
    if (Array.isArray(details)) code = (details[0] as Record<string, unknown> | undefined)?.['reason'] ?? code
  } catch {
    code = undefined
  }
  const isOurs = typeof code === 'string' && /^[a-z][a-z0-9_-]*:[a-z0-9_.-]+$/.test(code)
  return {
    error: isOurs ? (code as string) : 'provider:error',
    message: isOurs ? `The call was refused (${code as string}).` : `The provider answered ${status}.`,
  }
}
