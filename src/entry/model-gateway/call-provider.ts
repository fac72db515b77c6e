import { modeOf, openStream, type AnswerMode } from './answer-mode.ts'
import type { ResultVerdict } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import { keptResult } from './answer-result.ts'
import type { Stop } from './answer-sink.ts'
import { onDeadline } from './call-deadline.ts'
import {
  clientHeaders,
  NOT_CALLED,
  providerError,
  type Called,
  type Known,
  type ProviderCall,
  type UpstreamHeaders,
} from './called.ts'
import type { CallEnd } from './call-record.ts'
import type { GatewayContext } from './gateway-context.ts'
import type { ModelAnswer } from './model-call.ts'
import type { ModelError } from './model-errors.ts'
import type { StreamedAnswer, Step } from './streamed-answer.ts'
import type { UpstreamCall, UpstreamFailure, UpstreamListener } from './upstream/upstream.ts'
import { chargeOf, FREE, type Charged } from './usage-cost.ts'
import { readWhole } from './whole-answer.ts'

const LONGEST_ERROR = 1024 * 1024

/** Calls the provider once and brings the answer to the agent through the checks. Rejects only for a fault in Belay. */
export function callProvider(context: GatewayContext, call: ProviderCall): Promise<Called> {
  return new Promise((resolve, reject) => new Exchange(context, call, resolve, reject).start())
}

class Exchange implements UpstreamListener {
  readonly #context: GatewayContext
  readonly #call: ProviderCall
  readonly #resolve: (called: Called) => void
  readonly #reject: (error: unknown) => void
  readonly #startedAt = performance.now()
  #upstream: UpstreamCall | undefined
  #mode: AnswerMode | 'waiting' = 'waiting'
  #status: number | string = 'no answer'
  #headers: UpstreamHeaders = {}
  #firstByteMs: number | null = null
  #chunks: Buffer[] = []
  #length = 0
  #stream: StreamedAnswer | null = null
  /** A step of the stream that is waiting for a check. */
  #busy: Promise<void> | null = null
  #ended = false
  #settled = false
  #stopped: Stop | null = null
  #deadline: NodeJS.Timeout | undefined
  #drain: NodeJS.Timeout | undefined

  constructor(
    context: GatewayContext,
    call: ProviderCall,
    resolve: (called: Called) => void,
    reject: (error: unknown) => void,
  ) {
    this.#context = context
    this.#call = call
    this.#resolve = resolve
    this.#reject = reject
  }

  start(): void {
    const { plan, path, body, headers, incoming, sink, action } = this.#call
    this.#upstream = this.#context.upstream.call(
      { provider: plan.provider, method: incoming.method, path, headers, body },
      this,
    )
    this.#deadline = onDeadline(action, this.#context.now(), (why) => this.#stop(why))
    sink.onStop(() => this.#stop(sink.why as Stop))
  }

  head(status: number, headers: UpstreamHeaders): void {
    const { plan } = this.#call
    this.#firstByteMs = performance.now() - this.#startedAt
    this.#status = status
    this.#headers = headers
    this.#mode = modeOf(plan, status, headers, this.#call.rule)
    if (this.#mode === 'stream') this.#stream = openStream(this.#context, this.#call)
  }

  chunk(bytes: Buffer): boolean {
    if (this.#settled) return true
    switch (this.#mode) {
      case 'stream':
        return this.#feed(bytes)
      case 'through': {
        const { sink } = this.#call
        if (!sink.started) sink.head(this.#status as number, this.#clientHeaders(false))
        return this.#written(sink.write(bytes))
      }
      case 'error':
        if (this.#length < LONGEST_ERROR) this.#keep(bytes)
        return true
      case 'whole':
      case 'waiting':
        this.#keep(bytes)
        return true
    }
  }

  end(): void {
    this.#ended = true
    // The effect is over: what its tool calls wait for now has time limits of its own.
    clearTimeout(this.#deadline)
    if (this.#busy === null) this.#conclude().catch((error: unknown) => this.#fault(error))
  }

  fail(failure: UpstreamFailure): void {
    if (failure.cause !== undefined) return this.#fault(failure.cause)
    this.#status = failure.kind
    const busy = this.#busy ?? Promise.resolve()
    busy.then(() => this.#broken(failure)).catch((error: unknown) => this.#fault(error))
  }

  #feed(bytes: Buffer): boolean {
    const step = (this.#stream as StreamedAnswer).feed(bytes)
    if (!(step instanceof Promise)) return this.#take(step)
    this.#busy = step.then(
      (taken) => {
        this.#busy = null
        const flowing = this.#take(taken)
        if (this.#ended && !this.#settled) return this.#conclude()
        if (flowing) this.#upstream?.resume()
        return undefined
      },
      (error: unknown) => {
        this.#busy = null
        this.#fault(error)
      },
    )
    this.#busy.catch((error: unknown) => this.#fault(error))
    return false
  }

  /** Writes what a step gives out. `false`: no more bytes until the agent or the step is ready. */
  #take(step: Step): boolean {
    const { sink, maxTokens } = this.#call
    const stream = this.#stream as StreamedAnswer
    if (this.#settled) return true
    if (step.status === 'refused') {
      this.#upstream?.abort()
      this.#refuse(step.verdict)
      return true
    }
    if (this.#stopped !== null) return true
    let flowing = true
    if (step.text !== '') {
      if (!sink.started) sink.head(this.#status as number, this.#clientHeaders(true))
      flowing = this.#written(sink.write(step.text))
    }
    if (step.status === 'open' && stream.leastTokens() > maxTokens) {
      this.#upstream?.abort()
      const message = 'The provider went on beyond the tokens that were asked for and reserved.'
      this.#cutShort('over_reservation', { status: 502, code: 'provider:over_reservation', message })
    } else if (step.status === 'broken') {
      this.#upstream?.abort()
      this.#cutShort('truncated', { status: 502, code: 'provider:broken_stream', message: step.why })
    } else if (step.status === 'ended') this.#complete()
    return flowing
  }

  #written(flowing: boolean): boolean {
    if (!flowing) this.#call.sink.onDrain(() => this.#upstream?.resume())
    return flowing
  }

  async #conclude(): Promise<void> {
    if (this.#settled) return
    const { plan } = this.#call
    switch (this.#mode) {
      case 'stream': {
        const stream = this.#stream as StreamedAnswer
        if (this.#stopped === null) this.#take(await stream.end())
        if (this.#stopped !== null && !this.#settled) this.#halt(this.#stopped)
        return
      }
      case 'through':
        this.#through()
        return
      case 'error':
        this.#settle(providerError(plan, this.#status as number, this.#headers, this.#body()))
        return
      case 'waiting':
      case 'whole':
        await this.#whole()
    }
  }

  #through(): void {
    const { sink, plan, action } = this.#call
    if (!sink.started) sink.head(this.#status as number, this.#clientHeaders(false))
    sink.end()
    const free = plan.format.operation !== 'model.request'
    this.#answered('complete', free ? FREE : chargeOf(plan, action, null, false), null, null)
  }

  async #whole(): Promise<void> {
    const { plan, action, sink } = this.#call
    if (this.#stopped !== null) {
      this.#halt(this.#stopped)
      return
    }
    const read = await readWhole(this.#context, this.#call, this.#body())
    if (this.#stopped !== null && read.status === 'passed') {
      const charged = chargeOf(plan, action, read.answer, read.answer !== null)
      this.#halt(this.#stopped, { charged, answer: read.answer, verdict: read.verdict })
      return
    }
    if (read.status === 'malformed') {
      this.#failed(chargeOf(plan, action, null, false), {
        status: 502,
        code: 'provider:malformed_answer',
        message: `The provider ${plan.provider.name} sent an answer that is not one: ${read.why}`,
      })
      return
    }
    const { answer, verdict } = read
    const charged = chargeOf(plan, action, answer, answer !== null)
    if (read.status === 'rejected') {
      this.#settle({ kind: 'rejected', ...charged, answer, verdict })
      return
    }
    sink.whole(this.#status as number, this.#clientHeaders(read.rewritten), read.body)
    this.#answered('complete', charged, read.result, null, answer, verdict)
  }

  #complete(): void {
    const { plan, action, sink } = this.#call
    const stream = this.#stream as StreamedAnswer
    const answer = stream.answer()
    const charged = chargeOf(plan, action, answer, true)
    const verdict = stream.verdict ?? null
    if (!sink.started) sink.head(this.#status as number, this.#clientHeaders(true))
    sink.end()
    if (answer.finishReasons.includes('error')) {
      const why = 'the provider ended its answer with an error'
      this.#answered('provider_error', charged, null, why, answer, verdict)
      return
    }
    const result = keptResult(answer, stream.texts(), this.#context.limits.keptText)
    this.#answered('complete', charged, result, null, answer, verdict)
  }

  #refuse(verdict: ResultVerdict): void {
    const { plan, action, sink } = this.#call
    const stream = this.#stream as StreamedAnswer
    const answer = stream.answer()
    // The provider may have finished in its own time: what it has produced so far is what is known.
    const charged = chargeOf(plan, action, answer, stream.ended)
    if (!sink.started) {
      this.#settle({ kind: 'rejected', ...charged, answer, verdict })
      return
    }
    const { code, message } = verdict.reasons[0] ?? { code: 'policy:denied', message: '' }
    sink.write(stream.failure(code, `The policy refused the answer: ${message}`))
    sink.end()
    this.#answered('refused', charged, null, code, answer, verdict)
  }

  #broken(failure: UpstreamFailure): void {
    if (this.#settled) return
    if (this.#stopped !== null) {
      this.#halt(this.#stopped, failure.mayHaveRun ? undefined : NOT_CALLED)
      return
    }
    const status = failure.kind === 'timeout' ? 504 : 502
    const error: ModelError = { status, code: `provider:${failure.kind}`, message: failure.message }
    if (this.#call.sink.started) this.#cutShort('truncated', error)
    else this.#failed(failure.mayHaveRun ? this.#known(false).charged : FREE, error)
  }

  /** It was stopped from this side: the agent, if it is there, is told why, and pays for what was produced. */
  #halt({ ended, error }: Stop, known: Known = this.#known(this.#stream?.ended === true)): void {
    const { charged, answer, verdict } = known
    const { sink } = this.#call
    if (error === null) this.#answered(ended, charged, null, null, answer, verdict)
    else if (sink.started) {
      this.#endWith(error)
      this.#answered(ended, charged, null, error.message, answer, verdict)
    } else this.#failed(charged, error, answer, ended)
  }

  #known(complete: boolean): Known {
    const { plan, action } = this.#call
    const answer = this.#stream?.answer() ?? null
    const charged = chargeOf(plan, action, answer, complete)
    return { charged, answer, verdict: this.#stream?.verdict ?? null }
  }

  #endWith(error: ModelError): void {
    const { sink } = this.#call
    if (this.#stream === null) sink.break()
    else {
      sink.write(this.#stream.failure(error.code, error.message))
      sink.end()
    }
  }

  /** Something of the answer is with the agent already: it gets an error in its place, never a clean end. */
  #cutShort(ended: CallEnd['ended'], error: ModelError): void {
    const { action, sink } = this.#call
    const { charged, answer, verdict } = this.#known(false)
    const over = ended === 'over_reservation'
    const bill = over ? { ...charged, cost: action.cost } : charged
    if (!sink.started) {
      this.#failed(bill, error, answer, over ? ended : undefined)
      return
    }
    this.#endWith(error)
    this.#answered(ended, bill, null, error.message, answer, verdict)
  }

  #stop(why: Stop): void {
    if (this.#settled || this.#stopped !== null) return
    if (why.ended === 'client_gone' && this.#stream?.delivered === true) {
      this.#complete()
      return
    }
    this.#stopped = why
    const { drain } = this.#call.plan.provider
    if (why.ended === 'client_gone' && drain !== undefined && drain > 0 && this.#mode === 'stream') {
      this.#drain = setTimeout(() => this.#upstream?.abort(), drain)
      // A step that waits for a check goes on by itself, and steps are taken one after the other.
      if (this.#busy === null) this.#upstream?.resume()
    } else this.#upstream?.abort()
  }

  #failed(
    charged: Charged,
    error: ModelError,
    answer: ModelAnswer | null = this.#stream?.answer() ?? null,
    ended?: CallEnd['ended'],
  ): void {
    this.#settle({
      kind: 'failed',
      ...charged,
      ...(ended !== undefined && { ended }),
      answer,
      verdict: null,
      error,
      response: null,
      transient: this.#stopped === null,
      headers: this.#headers,
    })
  }

  #answered(
    ended: CallEnd['ended'],
    charged: Charged,
    result: JsonObject | null,
    error: string | null,
    answer: ModelAnswer | null = null,
    verdict: ResultVerdict | null = null,
  ): void {
    this.#settle({ kind: 'answered', ended, ...charged, result, error, answer, verdict })
  }

  #settle(called: DistributiveOmit<Called, 'firstByteMs' | 'status'>): void {
    if (this.#settled) return
    this.#over()
    this.#chunks = []
    this.#resolve({ ...called, firstByteMs: this.#firstByteMs, status: this.#status })
  }

  #fault(error: unknown): void {
    if (this.#settled) return
    this.#over()
    this.#upstream?.abort()
    this.#reject(error)
  }

  #over(): void {
    this.#settled = true
    clearTimeout(this.#deadline)
    clearTimeout(this.#drain)
    this.#call.sink.onStop(null)
  }

  #body(): Buffer {
    const [only] = this.#chunks
    return this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks, this.#length)
  }

  #keep(bytes: Buffer): void {
    this.#chunks.push(bytes)
    this.#length += bytes.length
  }

  #clientHeaders(rewritten: boolean): Record<string, string | string[]> {
    return clientHeaders(this.#headers, this.#call, rewritten, this.#stream !== null)
  }
}

type DistributiveOmit<T, K extends string> = T extends unknown ? Omit<T, K> : never
