import type { JsonObject } from '../../../action/json.ts'
import type { ModelAnswer, ToolCall } from '../model-call.ts'
import { eventData, eventWith } from './event-data.ts'
import {
  blockReasonOf,
  callOf,
  candidatesOf,
  mapParts,
  textOf,
  type CandidateParts,
} from './gemini-answer.ts'
import { GeminiUsage, webSearchesOf } from './gemini-usage.ts'
import { stringIn, withMember } from './members.ts'
import type { StreamEvent, StreamFormat, StreamReader, StreamReading } from './wire-format.ts'

/** The chunks of `streamGenerateContent`: each is a small answer of its own, and nothing marks the last one. */
export const geminiStream: StreamFormat = {
  open: () => new GeminiReader(),
  split,
  withText,
  refuse,
  failure: (code, message) => [
    eventWith(null, {
      error: {
        code: 500,
        message,
        status: 'INTERNAL',
        details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: code, domain: 'belay' }],
      },
    }),
  ],
  sseQuery: { name: 'alt', value: 'sse' },
}

/** The text of one candidate that grows: its thoughts, then its content. */
interface Run {
  readonly part: number
  readonly thought: boolean
}

class GeminiReader implements StreamReader {
  readonly #texts: string[] = []
  readonly #runs = new Map<number, Run>()
  readonly #calls: ToolCall[] = []
  readonly #finished = new Map<number, string | null>()
  readonly #searches = new Map<number, number>()
  readonly #usage = new GeminiUsage()
  #id: string | null = null
  #model: string | null = null
  #blocked: string | null = null

  /**
   * Every candidate has told why it ended, or the prompt was refused. Chunks may follow (usage, grounding): this
   * protocol is read until the provider closes.
   */
  get ended(): boolean {
    if (this.#finished.size === 0) return this.#blocked !== null
    for (const reason of this.#finished.values()) if (reason === null) return false
    return true
  }

  read(event: StreamEvent): StreamReading {
    const chunk = eventData(event)
    if ((chunk['error'] ?? null) !== null) throw providerError(chunk)
    this.#id = stringIn(chunk, 'responseId', 'answer') ?? this.#id
    this.#model = stringIn(chunk, 'modelVersion', 'answer') ?? this.#model
    this.#blocked = blockReasonOf(chunk) ?? this.#blocked
    this.#usage.take(chunk['usageMetadata'])
    let text: string | null = null
    let at = 0
    let closed: number | undefined
    for (const candidate of candidatesOf(chunk)) {
      this.#candidate(candidate)
      for (const part of candidate.parts) {
        const own = textOf(part)
        if (own !== null && own !== '') {
          if (text !== null) throw new Error('An event of the stream holds several texts.')
          text = own
          const before = this.#runs.get(candidate.index)?.part
          at = this.#grow(candidate.index, part['thought'] === true, own)
          if (before !== at) closed = before
        }
        const call = callOf(part, this.#calls.length)
        if (call !== null) this.#calls.push(call)
      }
    }
    const tool = this.#calls.length > 0
    return { text, part: at, tool, unasked: false, ...(closed !== undefined && { closes: [closed] }) }
  }

  answer(): ModelAnswer {
    const reasons = [...this.#finished.values()].filter((reason) => reason !== null)
    let webSearches = 0
    for (const count of this.#searches.values()) webSearches += count
    return {
      id: this.#id,
      model: this.#model,
      systemFingerprint: null,
      texts: this.#texts,
      toolCalls: this.#calls,
      finishReasons: reasons.length === 0 && this.#blocked !== null ? [this.#blocked] : reasons,
      usage: this.#usage.read(webSearches),
    }
  }

  #candidate({ candidate, where, index }: CandidateParts): void {
    const reason = stringIn(candidate, 'finishReason', where)
    this.#finished.set(index, reason ?? this.#finished.get(index) ?? null)
    const searches = webSearchesOf(candidate)
    if (searches > 0) this.#searches.set(index, Math.max(searches, this.#searches.get(index) ?? 0))
  }

  #grow(candidate: number, thought: boolean, text: string): number {
    const run = this.#runs.get(candidate)
    if (run?.thought === thought) {
      this.#texts[run.part] += text
      return run.part
    }
    this.#texts.push(text)
    const part = this.#texts.length - 1
    this.#runs.set(candidate, { part, thought })
    return part
  }
}

/**
 * One part an event where there are several texts, or a text and a call. What ends or counts the answer (finish
 * reasons, usage, grounding) stays for the last one.
 */
function split(event: StreamEvent): readonly StreamEvent[] {
  const chunk = eventData(event)
  if ((chunk['error'] ?? null) !== null) return [event]
  const candidates = candidatesOf(chunk)
  let texts = 0
  let calls = 0
  for (const { parts } of candidates) {
    for (const part of parts) {
      if ((textOf(part) ?? '') !== '') texts++
      if ((part['functionCall'] ?? null) !== null) calls++
    }
  }
  if (texts === 0 || texts + calls === 1) return [event]
  const { usageMetadata: _, promptFeedback: __, candidates: ___, ...frame } = chunk
  const events: StreamEvent[] = []
  let lastAt = -1
  let lastContent: JsonObject = {}
  for (const [at, { candidate, parts }] of candidates.entries()) {
    for (const part of parts) {
      if (lastAt !== -1) {
        const sole = { content: lastContent, index: candidates[lastAt]?.index ?? 0 }
        events.push(eventWith(event.event, { ...frame, candidates: [sole] }))
      }
      lastAt = at
      lastContent = { ...(candidate['content'] as JsonObject), parts: [part] }
    }
  }
  const endings = candidates.map(({ candidate, index }, at) => {
    const { content: _, ...ending } = candidate
    return at === lastAt ? { ...ending, index, content: lastContent } : { ...ending, index }
  })
  events.push(eventWith(event.event, { ...chunk, candidates: endings }))
  return events
}

function withText(event: StreamEvent, text: string): StreamEvent | null {
  const chunk = eventData(event)
  let left = false
  const changed = mapParts(chunk, (part) => {
    if ((textOf(part) ?? '') === '') {
      left = true
      return part
    }
    if (text !== '') return withMember(part, 'text', text)
    if (Object.keys(part).every((key) => key === 'text' || key === 'thought')) return null
    // A signature alone is sent as Gemini sends it: with an empty text.
    left = true
    return withMember(part, 'text', '')
  })
  if (text !== '' || left || carriesMore(chunk)) return eventWith(event.event, changed)
  return null
}

function carriesMore(chunk: JsonObject): boolean {
  if (blockReasonOf(chunk) !== null || (chunk['usageMetadata'] ?? null) !== null) return true
  return candidatesOf(chunk).some(({ candidate }) =>
    Object.keys(candidate).some((key) => key !== 'content' && key !== 'index'),
  )
}

function refuse(held: readonly StreamEvent[], refusals: ReadonlyMap<number, string>): readonly StreamEvent[] {
  let call = 0
  return held.map((event) => {
    const chunk = eventData(event)
    const changed = mapParts(chunk, (part) => {
      if (callOf(part, call) === null) return part
      const refusal = refusals.get(call++)
      return refusal === undefined ? part : { text: refusal }
    })
    return changed === chunk ? event : eventWith(event.event, changed)
  })
}

function providerError(chunk: JsonObject): Error {
  const error = chunk['error']
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : null
  const named = typeof status === 'string' ? status.slice(0, 64) : 'unnamed'
  return new Error(`The provider ended the stream with an error (${named}).`)
}
