import type { ResultVerdict } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import { StreamGate, type JudgeText, type Passage } from './stream-gate.ts'
import type { ModelAnswer, ModelRequest, ToolCall } from './model-call.ts'
import { resultOf } from './answer-result.ts'
import { jsonArrayEnd, jsonArrayPiece } from './wire-formats/json-array.ts'
import { SseParser, writeEvent } from './wire-formats/sse.ts'
import type { StreamEvent, StreamFormat, StreamReader } from './wire-formats/wire-format.ts'

export interface StreamOptions {
  readonly format: StreamFormat
  readonly request: ModelRequest
  readonly judge: JudgeText | null
  readonly hold: number
  readonly observing: boolean
  readonly maxEvent: number
  /** The client did not ask for server-sent events: it gets the elements of a JSON array (Gemini). */
  readonly asArray: boolean
  readonly judgeCalls: (calls: readonly ToolCall[]) => Promise<ReadonlyMap<number, string>>
}

/** What may be written to the agent now, and how the stream stands. */
export type Step =
  | { readonly status: 'open'; readonly text: string }
  | { readonly status: 'ended'; readonly text: string }
  | { readonly status: 'refused'; readonly verdict: ResultVerdict }
  /** It is malformed, or ended before its end. */
  | { readonly status: 'broken'; readonly text: string; readonly why: string }

/** One stream of a provider on its way through the checks. Steps are taken one after the other. */
export class StreamedAnswer {
  readonly #options: StreamOptions
  readonly #parser: SseParser
  readonly #reader: StreamReader
  readonly #gate: StreamGate
  #last: StreamEvent | undefined
  #characters = 0

  constructor(options: StreamOptions) {
    const { format, request, judge, hold, observing } = options
    this.#options = options
    this.#parser = new SseParser(options.maxEvent)
    this.#reader = format.open(request)
    this.#gate = new StreamGate({ format, judge, hold, observing })
  }

  get verdict(): ResultVerdict | undefined {
    return this.#gate.verdict
  }

  /** The provider has said all of it. */
  get ended(): boolean {
    return this.#reader.ended
  }

  /** The agent has been given all of it: many clients leave then, without waiting for the provider to close. */
  get delivered(): boolean {
    const { judge, asArray } = this.#options
    return this.#reader.ended && this.#gate.empty && judge === null && !asArray
  }

  answer(): ModelAnswer {
    return this.#reader.answer()
  }

  /** Tokens that the answer has at the very least: a token is hardly ever longer than sixteen characters. */
  leastTokens(): number {
    return this.#characters / LONGEST_TOKEN
  }

  /** The texts as the agent got them. */
  texts(): readonly string[] {
    return this.#options.judge === null ? this.#reader.answer().texts : this.#gate.texts()
  }

  feed(bytes: Buffer): Step | Promise<Step> {
    let events: readonly StreamEvent[]
    try {
      events = this.#parser.feed(bytes)
    } catch (error) {
      return broken('', error)
    }
    return this.#pass(events, 0, '')
  }

  /** The provider has closed its answer. */
  async end(): Promise<Step> {
    let events: readonly StreamEvent[]
    try {
      events = this.#parser.end()
    } catch (error) {
      return broken('', error)
    }
    const step = await this.#pass(events, 0, '')
    if (step.status !== 'open') return step
    if (!this.#reader.ended)
      return {
        status: 'broken',
        text: step.text,
        why: 'the provider ended the stream before its answer was complete',
      }
    return this.#finish(step.text)
  }

  /** An error in the protocol's own shape, in place of an end. */
  failure(code: string, message: string): string {
    return this.#write(this.#options.format.failure(code, message, this.#last)) + this.#closing()
  }

  #pass(events: readonly StreamEvent[], from: number, written: string): Step | Promise<Step> {
    const { format } = this.#options
    let text = written
    for (let at = from; at < events.length; at++) {
      let event = events[at] as StreamEvent
      let reading = this.#reader.readMore?.(event) ?? null
      try {
        if (reading === null) {
          const parts = format.split?.(event)
          if (parts !== undefined && parts.length > 1)
            return this.#pass([...parts, ...events.slice(at + 1)], 0, text)
          event = parts?.[0] ?? event
          reading = this.#reader.read(event)
        }
      } catch (error) {
        return broken(text, error)
      }
      this.#characters += reading.text?.length ?? 0
      const passage: Passage | Promise<Passage> = this.#gate.take(event, reading)
      if (passage instanceof Promise) {
        return passage.then((passed) => {
          if (passed.status === 'refused') return passed
          return this.#pass(events, at + 1, text + this.#write(passed.events))
        })
      }
      if (passage.status === 'refused') return passage
      text += this.#write(passage.events)
    }
    return { status: 'open', text }
  }

  async #finish(written: string): Promise<Step> {
    const answer = this.#reader.answer()
    const { text: _, ...more } = resultOf(answer) as JsonObject & { text: string }
    const passage = await this.#gate.finish(more)
    if (passage.status === 'refused') return passage
    const refusals = answer.toolCalls.length === 0 ? NONE : await this.#options.judgeCalls(answer.toolCalls)
    const held = this.#gate.heldCalls()
    const calls = refusals.size === 0 ? held : this.#options.format.refuse(held, refusals)
    return {
      status: 'ended',
      text: written + this.#write(passage.events) + this.#write(calls) + this.#closing(),
    }
  }

  #write(events: readonly StreamEvent[]): string {
    if (events.length === 0) return ''
    const first = this.#last === undefined
    this.#last = events[events.length - 1]
    if (this.#options.asArray)
      return events.map((event, at) => jsonArrayPiece(event, first && at === 0)).join('')
    if (events.length === 1) return writeEvent(events[0] as StreamEvent)
    let text = ''
    for (const event of events) text += writeEvent(event)
    return text
  }

  #closing(): string {
    return this.#options.asArray ? jsonArrayEnd(this.#last === undefined) : ''
  }
}

const LONGEST_TOKEN = 16
const NONE: ReadonlyMap<number, string> = new Map()

function broken(text: string, error: unknown): Step {
  const why = error instanceof Error ? error.message : String(error)
  return { status: 'broken', text, why: `the provider sent a malformed event: ${why.slice(0, 200)}` }
}
