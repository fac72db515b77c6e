import type { ServerResponse } from 'node:http'
import type { JsonObject } from '../../action/json.ts'
import { ClientStream } from './client-stream.ts'
import { errorBody, errorHeaders, type ModelError } from './model-errors.ts'
import type { Protocol } from './wire-formats/wire-format.ts'

type Headers = Readonly<Record<string, string | string[]>>

/** The way back to the agent, over all attempts of one call. Nothing throws: what comes after the agent has left is dropped. */
export class AnswerSink {
  readonly #stream: ClientStream
  readonly #left = new AbortController()
  #drained: (() => void) | null = null

  constructor(response: ServerResponse) {
    this.#stream = new ClientStream(response, {
      onGone: () => this.#left.abort(),
      onDrain: () => {
        const listener = this.#drained
        this.#drained = null
        listener?.()
      },
    })
  }

  /** Aborts when the agent leaves before its answer has ended. */
  get left(): AbortSignal {
    return this.#left.signal
  }

  /** The head of an answer is out: nothing can be tried again any more. */
  get started(): boolean {
    return this.#stream.begun
  }

  head(status: number, headers: Headers): void {
    this.#stream.open(status, headers)
  }

  /** Answers `false` when the agent reads slower than this: write on after `onDrain`. */
  write(bytes: string | Buffer): boolean {
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
    this.#stream.break()
    this.#left.abort()
  }

  whole(status: number, headers: Headers, body: string | Buffer): void {
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
