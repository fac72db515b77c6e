import type { Socket } from 'node:net'
import type { Transform } from 'node:stream'
import type { Dispatcher } from 'undici'
import { decoderFor } from './decode-body.ts'
import { GivenUp, failureOf } from './failure.ts'
import type { UpstreamCall, UpstreamFailure, UpstreamListener } from './upstream.ts'

/** More interim answers (1xx) than any server needs: each restarts the wait for the answer. */
const MAX_INTERIM = 16

export interface ExchangeOptions {
  readonly provider: string
  readonly method: string
  /** Most bytes of an answer, decoded. */
  readonly maxAnswer: number
  /** The exchange no longer needs its connection. Called once. */
  readonly released: () => void
}

/**
 * One request and its answer. The dispatcher calls the `on…` methods, in the middle of its parser: whatever goes
 * back into it from outside (`resume`) waits for the parser to return.
 */
export class Exchange implements Dispatcher.DispatchHandler, UpstreamCall {
  readonly #listener: UpstreamListener
  readonly #options: ExchangeOptions
  #controller: Dispatcher.DispatchController | null = null
  #decoder: Transform | null = null
  #timer: NodeJS.Timeout | null = null
  /** Chunks that came although the listener wanted no more: the dispatcher empties a closed socket at once. */
  #held: Buffer[] = []
  #paused = false
  /** The whole answer has arrived; `end` may still wait for the listener. */
  #complete = false
  #settled = false
  #released = false
  #started = false
  #interim = 0
  #size = 0
  /** The body ends where the connection does, so that a reset looks like an end. */
  #endsWithConnection = false
  /** Where it runs, told by the connection itself. */
  connection: { readonly socket: Socket | null } | null = null

  constructor(listener: UpstreamListener, options: ExchangeOptions) {
    this.#listener = listener
    this.#options = options
  }

  get settled(): boolean {
    return this.#settled
  }

  /** Gives up unless the request has been sent within `ms`. */
  startWithin(ms: number): void {
    this.#timer = setTimeout(() => {
      this.giveUp('connect', `had no free connection within ${ms} ms`)
    }, ms)
  }

  /** Ends it with a failure; the sentence begins with the provider's name. */
  giveUp(kind: UpstreamFailure['kind'], what: string): void {
    this.#stop({ kind, message: `${this.#options.provider} ${what}.`, mayHaveRun: this.#started })
  }

  abort(): void {
    this.giveUp('aborted', 'was not waited for')
  }

  resume(): void {
    if (this.#settled || !this.#paused) return
    this.#paused = false
    if (this.#decoder === null) queueMicrotask(() => this.#goOn())
    else this.#decoder.resume()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown and not aborted: the connection has carried nothing yet and stays usable.
    if (this.#settled) throw new Error('nobody waits any more')
    this.#clearTimer()
    this.#started = true
    this.#controller = controller
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (this.#settled) return
    if (status < 200) {
      if (++this.#interim > MAX_INTERIM) this.giveUp('protocol', 'sent interim answers without end')
      return
    }
    const hasBody = this.#options.method !== 'HEAD' && status !== 204 && status !== 304
    this.#endsWithConnection =
      hasBody && headers['content-length'] === undefined && headers['transfer-encoding'] === undefined
    if (hasBody && Number(headers['content-length'] ?? 0) > this.#options.maxAnswer) return this.#tooLarge()
    let given = headers as Readonly<Record<string, string | readonly string[]>>
    if (hasBody && headers['content-encoding'] !== undefined) {
      const decoder = decoderFor(headers['content-encoding'])
      if (decoder === undefined) return this.giveUp('protocol', 'sent an encoding that was not asked for')
      const { 'content-encoding': _encoding, ...others } = given
      given = others
      if (decoder !== null) {
        const { 'content-length': _length, ...decoded } = given
        given = decoded
        this.#decodeWith(decoder)
      }
    }
    this.#guarded(() => this.#listener.head(status, given))
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return
    if (this.#decoder === null) this.#take(chunk)
    else if (!this.#decoder.write(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    if (this.#endsWithConnection && this.connection?.socket?.errored != null) {
      this.giveUp('reset', 'broke the connection before the answer was whole')
      return
    }
    this.#release()
    if (this.#settled) return
    if (this.#decoder === null) this.#finish()
    else this.#decoder.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#release()
    this.#settle(failureOf(error, this.#options.provider, this.#started))
  }

  #decodeWith(decoder: Transform): void {
    this.#decoder = decoder
    decoder.on('data', (bytes: Buffer) => this.#take(bytes))
    decoder.on('drain', () => this.#controller?.resume())
    decoder.on('end', () => this.#finish())
    decoder.on('error', () => {
      this.giveUp('protocol', 'sent a body that does not fit its content-encoding')
    })
  }

  #take(bytes: Buffer): void {
    if (this.#settled) return
    this.#size += bytes.length
    if (this.#size > this.#options.maxAnswer) this.#tooLarge()
    else if (this.#paused || this.#held.length > 0) this.#held.push(bytes)
    else this.#pass(bytes)
  }

  #pass(bytes: Buffer): void {
    this.#guarded(() => {
      if (this.#listener.chunk(bytes) || this.#settled) return
      this.#paused = true
      if (this.#decoder === null) this.#controller?.pause()
      else this.#decoder.pause()
    })
  }

  #goOn(): void {
    while (!this.#settled && !this.#paused) {
      const bytes = this.#held.shift()
      if (bytes !== undefined) this.#pass(bytes)
      else if (this.#complete) this.#finish()
      else return this.#controller?.resume()
    }
  }

  #finish(): void {
    this.#complete = true
    if (this.#settled || this.#paused || this.#held.length > 0) return
    this.#settled = true
    try {
      this.#listener.end()
    } catch (cause) {
      this.#fail(this.#brokenListener(cause))
    }
  }

  #tooLarge(): void {
    this.giveUp('too_large', `sent more than ${this.#options.maxAnswer} bytes`)
  }

  /** A listener that throws is broken: nothing more is given to it, and the provider is stopped. */
  #guarded(step: () => void): void {
    try {
      step()
    } catch (cause) {
      this.#stop(this.#brokenListener(cause))
    }
  }

  #brokenListener(cause: unknown): UpstreamFailure {
    const message = `The answer of ${this.#options.provider} could not be worked on.`
    return { kind: 'aborted', message, mayHaveRun: true, cause }
  }

  #stop(failure: UpstreamFailure): void {
    if (this.#settled) return
    this.#settle(failure)
    this.#controller?.abort(new GivenUp(failure))
    this.#release()
  }

  #settle(failure: UpstreamFailure): void {
    if (this.#settled) return
    this.#settled = true
    this.#clearTimer()
    this.#held = []
    this.#decoder?.destroy()
    this.#fail(failure)
  }

  /** Never from within a call that the listener makes or answers. */
  #fail(failure: UpstreamFailure): void {
    queueMicrotask(() => this.#listener.fail(failure))
  }

  #release(): void {
    if (this.#released) return
    this.#released = true
    this.#clearTimer()
    this.#options.released()
  }

  #clearTimer(): void {
    if (this.#timer === null) return
    clearTimeout(this.#timer)
    this.#timer = null
  }
}
