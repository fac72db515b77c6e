import type { JsonObject } from '../../action/json.ts'
import type { AnswerTape } from '../recording/answer-tape.ts'
import type { ClientStreamOptions } from './client-stream.ts'
import { errorBody, errorHeaders, type ModelError } from './model-errors.ts'
import type { Protocol } from './wire-formats/wire-format.ts'

/** Why a call does not go on. */
export interface Stop {
  readonly ended: 'client_gone' | 'timeout' | 'agent_stopped' | 'closing'
  /** What the agent is told; `null` when it has left. */
  readonly error: ModelError | null
}

const CLIENT_GONE: Stop = { ended: 'client_gone', error: null }

type Headers = Readonly<Record<string, string | string[]>>

/** Where an answer goes to: see `ClientStream`, which writes it to a socket. */
export interface ClientEnd {
  readonly over: boolean
  readonly begun: boolean
  whole(status: number, headers: Headers, body: string | Buffer): void
  open(status: number, headers: Headers): void
  write(bytes: string | Buffer): boolean
  end(): void
  break(): void
}

/** The way back to the agent, over all attempts of one call. Nothing throws: what comes after the agent has left is dropped. */
export class AnswerSink {
  readonly #stream: ClientEnd
  /** Made when somebody asks for it: most calls end without. */
  #signal: AbortController | null = null
  #why: Stop | null = null
  #onStop: (() => void) | null = null
  #drained: (() => void) | null = null
  /** Listens to what the agent gets, where it is kept. */
  tape: AnswerTape | null = null

  constructor(open: (events: Required<Pick<ClientStreamOptions, 'onGone' | 'onDrain'>>) => ClientEnd) {
    this.#stream = open({
      onGone: () => this.stop(CLIENT_GONE),
      onDrain: () => {
        const listener = this.#drained
        this.#drained = null
        listener?.()
      },
    })
  }

  /** Aborts when the agent leaves before its answer has ended, or is to get no more of it: see `stop`. */
  get stopped(): AbortSignal {
    this.#signal ??= new AbortController()
    if (this.#why !== null) this.#signal.abort(this.#why)
    return this.#signal.signal
  }

  get isStopped(): boolean {
    return this.#why !== null
  }

  /** Why the call does not go on; `null` while it does. */
  get why(): Stop | null {
    return this.#why
  }

  /** Stops what is done for the call. What the agent is told is written by whoever has the answer in hand. */
  stop(why: Stop): void {
    if (this.#why !== null) return
    this.#why = why
    this.#onStop?.()
    this.#signal?.abort(why)
  }

  /** Calls back when the call is stopped, at once when it is already. One listener; `null` takes it away. */
  onStop(listener: (() => void) | null): void {
    this.#onStop = listener
    if (this.#why !== null) listener?.()
  }

  /** The agent has been given an end, of whichever kind. */
  get over(): boolean {
    return this.#stream.over
  }

  /** The head of an answer is out: nothing can be tried again any more. */
  get started(): boolean {
    return this.#stream.begun
  }

  head(status: number, headers: Headers): void {
    this.tape?.head(status, headers)
    this.#stream.open(status, headers)
  }

  /** Answers `false` when the agent reads slower than this: write on after `onDrain`. */
  write(bytes: string | Buffer): boolean {
    this.tape?.piece(bytes)
    return this.#stream.write(bytes)
  }

  /** Calls back once. */
  onDrain(listener: () => void): void {
    this.#drained = listener
  }

  end(): void {
    this.#stream.end()
  }

  /** What was sent is no whole answer, and the agent shall not take it for one. */
  break(): void {
    this.tape?.broke()
    this.#stream.break()
    this.stop(CLIENT_GONE)
  }

  whole(status: number, headers: Headers, body: string | Buffer): void {
    this.tape?.whole(status, headers, body)
    this.#stream.whole(status, headers, body)
  }

  error(protocol: Protocol, error: ModelError, actionId?: string): void {
    const body: JsonObject = errorBody(protocol, error)
    const headers = errorHeaders(error)
    if (actionId !== undefined) headers['belay-action'] = actionId
    if (this.started) this.break()
    else this.whole(error.status, headers, JSON.stringify(body))
  }
}
