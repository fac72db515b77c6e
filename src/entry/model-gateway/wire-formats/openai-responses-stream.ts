import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import type { ModelAnswer, TokenUsage } from '../model-call.ts'
import { eventData, eventWith } from './event-data.ts'
import { copyOf, isGiven, malformed, type MutableObject, objectIn, stringIn } from './openai-members.ts'
import { finishReasons, outputOf, responseHead, responseUsage } from './openai-responses-answer.ts'
import { outputIndexOf, RESPONSE_EVENTS, ResponseCalls, typeOf } from './openai-responses-calls.ts'
import {
  itemTexts,
  type OutputText,
  partText,
  replaceOutputText,
  type TextKind,
  textKey,
} from './openai-responses-output.ts'
import { refuseResponseCalls } from './openai-responses-refusal.ts'
import { count, errorObject } from './openai-usage.ts'
import type { StreamEvent, StreamFormat, StreamReader, StreamReading } from './wire-format.ts'

/**
 * The stream of Responses: deltas, and events that repeat whole what the deltas told. Parts are the texts of the output
 * in the order in which they first appear. An error of the provider within the stream ends it with the finish
 * reason `error`, a failed response with `failed`.
 */
export const responsesStream: StreamFormat = {
  open: () => new ResponsesReader(),
  withText,
  finalText,
  refuse: refuseResponseCalls,
  failure,
}

/** Texts that an event repeats: their parts in the stream that it was read from. */
const repeated = new WeakMap<StreamEvent, readonly number[]>()

class ResponsesReader implements StreamReader {
  readonly #parts = new Map<string, number>()
  readonly #texts: string[] = []
  readonly #calls = new ResponseCalls()
  #head: Pick<ModelAnswer, 'id' | 'model' | 'systemFingerprint'> = {
    id: null,
    model: null,
    systemFingerprint: null,
  }
  #finishReasons: readonly string[] = []
  #usage: TokenUsage | null = null
  ended = false

  read(event: StreamEvent): StreamReading {
    if (event.data === '[DONE]') {
      this.ended = true
      return this.#reading(null, 0)
    }
    const data = eventData(event)
    const type = typeOf(event, data)
    const key = deltaKey(type, data)
    if (key !== null) {
      const text = stringIn(data['delta'], 'delta', malformed)
      const part = this.#part(key)
      this.#texts[part] += text
      return this.#reading(text === '' ? null : text, part)
    }
    this.#calls.take(type, data)
    if (RESPONSE_EVENTS.has(type)) this.#response(type, objectIn(data['response'], 'response', malformed))
    else if (type === 'error' || (type === '' && isGiven(data['error']))) {
      this.ended = true
      this.#finishReasons = ['error']
      return this.#reading(null, 0)
    }
    return this.#repeats(event, wholeTexts(type, data))
  }

  #response(type: string, response: JsonObject): void {
    this.#head = responseHead(response)
    if (!ENDS.has(type)) return
    this.ended = true
    this.#usage = responseUsage(response)
    this.#finishReasons = finishReasons(response)
  }

  #repeats(event: StreamEvent, places: readonly OutputText[]): StreamReading {
    if (places.length === 0) return this.#reading(null, 0)
    let text: string | null = null
    let part = 0
    const parts: number[] = []
    for (const place of places) {
      const at = this.#part(place.key)
      const known = this.#texts[at] as string
      parts.push(at)
      // A whole text that contradicts its deltas is replaced by them in `finalText`.
      if (place.text === known || !place.text.startsWith(known)) continue
      if (text !== null) throw malformed('output', 'texts that were streamed', place.text)
      text = place.text.slice(known.length)
      part = at
      this.#texts[at] = place.text
    }
    repeated.set(event, parts)
    return { ...this.#reading(text, part), repeats: true }
  }

  #reading(text: string | null, part: number): StreamReading {
    return { text, part, tool: this.#calls.any, unasked: false }
  }

  #part(key: string): number {
    let part = this.#parts.get(key)
    if (part === undefined) {
      part = this.#texts.push('') - 1
      this.#parts.set(key, part)
    }
    return part
  }

  answer(): ModelAnswer {
    return {
      ...this.#head,
      texts: [...this.#texts],
      toolCalls: this.#calls.toolCalls(),
      finishReasons: [...this.#finishReasons],
      usage: this.#usage,
    }
  }
}

const ENDS: ReadonlySet<string> = new Set(['response.completed', 'response.incomplete', 'response.failed'])

const PLACES: Readonly<Record<string, readonly [TextKind, string]>> = {
  'response.output_text': ['content', 'content_index'],
  'response.refusal': ['content', 'content_index'],
  'response.reasoning_text': ['content', 'content_index'],
  'response.content_part': ['content', 'content_index'],
  'response.reasoning_summary_text': ['summary', 'summary_index'],
  'response.reasoning_summary_part': ['summary', 'summary_index'],
}

/** Deltas of what hosted tools do, of bytes, and of calls, which are no texts. Any other delta is one. */
const NO_TEXT_DELTAS: ReadonlySet<string> = new Set([
  'response.function_call_arguments.delta',
  'response.custom_tool_call_input.delta',
  'response.mcp_call_arguments.delta',
  'response.mcp_call.arguments.delta',
  'response.code_interpreter_call_code.delta',
  'response.code_interpreter_call.code.delta',
  'response.shell_call_command.delta',
  'response.shell_call_output_content.delta',
  'response.audio.delta',
])

function deltaKey(type: string, data: JsonObject): string | null {
  if (!type.endsWith('.delta') || NO_TEXT_DELTAS.has(type)) return null
  return placeKey(type.slice(0, -'.delta'.length), data) ?? (typeof data['delta'] === 'string' ? type : null)
}

function placeKey(stem: string, data: JsonObject): string | null {
  const place = Object.hasOwn(PLACES, stem) ? PLACES[stem] : undefined
  if (place === undefined) return null
  const index = count(data[place[1]] ?? 0)
  if (index === null) throw malformed(place[1], 'an index', data[place[1]])
  return textKey(outputIndexOf(data), place[0], index)
}

/** The texts that an event holds whole. */
function wholeTexts(type: string, data: JsonObject): OutputText[] {
  if (RESPONSE_EVENTS.has(type))
    return outputOf(objectIn(data['response'], 'response', malformed)).flatMap((item, index) =>
      itemTexts(item, index),
    )
  if (type === 'response.output_item.added' || type === 'response.output_item.done')
    return itemTexts(objectIn(data['item'], 'item', malformed), outputIndexOf(data))
  const stem = type.slice(0, type.lastIndexOf('.'))
  const key = placeKey(stem, data)
  if (key === null) return []
  if (isJsonObject(data['part'])) return partText(data['part'], key)
  const member = stem === 'response.refusal' ? 'refusal' : 'text'
  const text = data[member]
  return typeof text === 'string' && text !== '' ? [{ key, text, holder: data, member }] : []
}

function withText(event: StreamEvent, text: string): StreamEvent | null {
  if (repeated.has(event)) throw new Error('An event that repeats texts is rewritten by finalText.')
  if (text === '') return null
  const data: MutableObject = { ...eventData(event), delta: text }
  if (Array.isArray(data['logprobs'])) data['logprobs'] = []
  return eventWith(event.event, data)
}

function finalText(event: StreamEvent, released: readonly string[]): StreamEvent {
  const parts = repeated.get(event)
  if (parts === undefined) return event
  const data = eventData(event)
  const type = typeOf(event, data)
  if (wholeTexts(type, data).every(({ text }, index) => text === textOf(released, parts[index]))) return event
  const changed: MutableObject = copyOf(data)
  for (const [index, place] of wholeTexts(type, changed).entries()) {
    const text = textOf(released, parts[index])
    if (text !== place.text) replaceOutputText(place, text)
  }
  // The joined text, which official clients add by themselves.
  const response: MutableObject | null = isJsonObject(changed['response']) ? changed['response'] : null
  if (response !== null) delete response['output_text']
  return eventWith(event.event, changed)
}

function textOf(released: readonly string[], part: number | undefined): string {
  return (part === undefined ? undefined : released[part]) ?? ''
}

/** `error` as an object too: official clients differ in where they look for it. */
function failure(code: string, message: string, after?: StreamEvent): readonly StreamEvent[] {
  let sequence: JsonValue = 0
  if (after !== undefined && after.data !== '[DONE]')
    sequence = (count(eventData(after)['sequence_number']) ?? -1) + 1
  const error = { type: 'error', sequence_number: sequence, code, message, param: null }
  return [eventWith('error', { ...error, error: errorObject(code, message) })]
}
