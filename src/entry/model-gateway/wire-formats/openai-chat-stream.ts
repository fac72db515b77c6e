import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import type { ModelAnswer, ModelRequest, TokenUsage } from '../model-call.ts'
import { eventData, eventWith } from './event-data.ts'
import { answerHead, CALL_REASONS, replaceText, textsOf } from './openai-chat-answer.ts'
import { ChatCalls } from './openai-chat-calls.ts'
import {
  arrayIn,
  copyOf,
  isGiven,
  malformed,
  type MutableObject,
  objectIn,
  stringOrNull,
} from './openai-members.ts'
import { count, errorObject, readUsage } from './openai-usage.ts'
import { TextTemplate } from './text-template.ts'
import type { StreamEvent, StreamFormat, StreamReader, StreamReading } from './wire-format.ts'

/**
 * The stream of chat completions and of legacy completions: chunks whose choices carry deltas, then `[DONE]`.
 * Parts are the (choice, kind of text) pairs in the order in which they first appear: content of a choice is one, its
 * reasoning another. An error of the provider within the stream ends it with the finish reason `error`.
 */
export const chatStream: StreamFormat = {
  open: (request) => new ChatReader(request),
  split,
  withText,
  refuse,
  failure: (code, message) => [eventWith(null, { error: errorObject(code, message) })],
}

const DONE = '[DONE]'

class ChatReader implements StreamReader {
  readonly #asked: boolean
  readonly #parts = new Map<string, number>()
  readonly #texts: string[] = []
  /** The part that each choice writes now: a choice reasons, then answers. */
  readonly #writing = new Map<number, number>()
  readonly #calls = new ChatCalls()
  readonly #finishReasons: string[] = []
  #head: Pick<ModelAnswer, 'id' | 'model' | 'systemFingerprint'> | null = null
  #usage: TokenUsage | null = null
  readonly #template = new TextTemplate()
  #templatePart = 0
  ended = false

  constructor(request: ModelRequest) {
    const options = request.params['stream_options']
    this.#asked = isJsonObject(options) && options['include_usage'] === true
  }

  readMore(event: StreamEvent): StreamReading | null {
    const text = this.#template.textOf(event)
    if (text === null) return null
    this.#texts[this.#templatePart] += text
    return { text, part: this.#templatePart, tool: false, unasked: false }
  }

  read(event: StreamEvent): StreamReading {
    const reading = this.#read(event)
    const more = !reading.tool && !reading.unasked && reading.closes === undefined && !this.ended
    this.#template.learn(event, more ? reading.text : null)
    this.#templatePart = reading.part
    return reading
  }

  #read(event: StreamEvent): StreamReading {
    if (event.data === DONE) {
      this.ended = true
      return this.#reading(null, 0, false)
    }
    const chunk = eventData(event)
    if (isGiven(chunk['error'])) {
      this.ended = true
      this.#finishReasons.push('error')
      return this.#reading(null, 0, false)
    }
    if (this.#head === null || this.#head.systemFingerprint === null) this.#head = answerHead(chunk)
    const usage = readUsage(chunk['usage'])
    if (usage !== null) this.#usage = usage
    const choices = choicesOf(chunk)
    let text: string | null = null
    let part = 0
    let closed: number | undefined
    for (const { index, choice, delta } of choices) {
      for (const found of textsOf(delta)) {
        if (text !== null) throw malformed('choices', 'one text in an event', found.text)
        text = found.text
        part = this.#part(index, found.kind)
        this.#texts[part] += text
        if (text === '' || this.#writing.get(index) === part) continue
        closed = this.#writing.get(index)
        this.#writing.set(index, part)
      }
      this.#calls.take(index, delta)
      const reason = stringOrNull(choice['finish_reason'])
      if (reason !== null) this.#finishReasons.push(reason)
    }
    const unasked = !this.#asked && choices.length === 0 && isGiven(chunk['usage'])
    const reading = this.#reading(text, part, unasked)
    return closed === undefined ? reading : { ...reading, closes: [closed] }
  }

  #reading(text: string | null, part: number, unasked: boolean): StreamReading {
    return { text, part, tool: this.#calls.any, unasked }
  }

  #part(choice: number, kind: string): number {
    const key = `${choice}/${kind}`
    let part = this.#parts.get(key)
    if (part === undefined) {
      part = this.#texts.push('') - 1
      this.#parts.set(key, part)
    }
    return part
  }

  answer(): ModelAnswer {
    return {
      ...(this.#head ?? { id: null, model: null, systemFingerprint: null }),
      texts: [...this.#texts],
      toolCalls: this.#calls.toolCalls(),
      finishReasons: [...this.#finishReasons],
      usage: this.#usage,
    }
  }
}

interface ChunkChoice {
  readonly index: number
  readonly choice: MutableObject
  /** The choice itself in legacy completions, which have no delta. */
  readonly delta: MutableObject
}

function choicesOf(chunk: JsonObject): ChunkChoice[] {
  const list = chunk['choices']
  if (!isGiven(list)) return []
  return arrayIn(list, 'choices', malformed).map((value) => {
    const choice = objectIn(value, 'choices', malformed)
    const delta = isGiven(choice['delta']) ? objectIn(choice['delta'], 'choices.delta', malformed) : choice
    return { index: count(choice['index']) ?? 0, choice, delta }
  })
}

function split(event: StreamEvent): readonly StreamEvent[] {
  if (event.data === DONE) return [event]
  const chunk = eventData(event)
  if (isGiven(chunk['error'])) return [event]
  const choices = choicesOf(chunk)
  let texts = 0
  let calls = false
  for (const { delta } of choices) {
    texts += textsOf(delta).length
    calls ||= isGiven(delta['tool_calls']) || isGiven(delta['function_call'])
  }
  if (texts === 0 || (texts === 1 && !calls)) return [event]

  const events: StreamEvent[] = []
  const rest: MutableObject = copyOf(chunk)
  for (const [at, { delta }] of choicesOf(rest).entries()) {
    const own = textsOf(delta).length
    for (let keep = 0; keep < own; keep++) events.push(eventWith(event.event, onlyText(chunk, at, keep)))
    for (const place of textsOf(delta)) place.holder[place.member] = ''
    delete delta['reasoning_details']
  }
  events.push(eventWith(event.event, rest))
  return events
}

/** The chunk with one choice and in it one text; what ends or counts the answer stays for the last event. */
function onlyText(chunk: JsonObject, at: number, keep: number): JsonObject {
  const copy: MutableObject = copyOf(chunk)
  const only = choicesOf(copy)[at] as ChunkChoice
  for (const [index, place] of textsOf(only.delta).entries())
    if (index !== keep) place.holder[place.member] = ''
  delete only.delta['tool_calls']
  delete only.delta['function_call']
  only.choice['finish_reason'] = null
  copy['choices'] = [only.choice]
  if ('usage' in copy) copy['usage'] = null
  return copy
}

function withText(event: StreamEvent, text: string): StreamEvent | null {
  const chunk: MutableObject = copyOf(eventData(event))
  const choices = choicesOf(chunk)
  for (const { choice, delta } of choices) {
    const place = textsOf(delta)[0]
    if (place === undefined) continue
    replaceText(choice, delta, place, text)
    const alone = choices.length === 1 && !isGiven(chunk['usage']) && !isGiven(choice['finish_reason'])
    if (text === '' && alone && carriesNothing(delta, choice)) return null
    return eventWith(event.event, chunk)
  }
  return event
}

function carriesNothing(delta: MutableObject, choice: MutableObject): boolean {
  if (delta === choice) return true
  return Object.values(delta).every((value) => value === null || value === '')
}

function refuse(held: readonly StreamEvent[], refusals: ReadonlyMap<number, string>): readonly StreamEvent[] {
  const calls = new ChatCalls()
  const said = new Set<number>()
  const spoken = new Set<number>()
  const events: StreamEvent[] = []
  for (const event of held) {
    if (event.data === DONE || isGiven(eventData(event)['error'])) {
      events.push(event)
      continue
    }
    const chunk: MutableObject = copyOf(eventData(event))
    let changed = false
    const choices: JsonValue[] = []
    for (const { index, choice, delta } of choicesOf(chunk)) {
      if (textsOf(delta).length > 0) spoken.add(index)
      const deltas = calls.take(index, delta)
      const own = calls.of(index)
      for (const { number } of deltas) {
        const refusal = refusals.get(number)
        if (refusal === undefined || said.has(number)) continue
        said.add(number)
        events.push(saying(chunk, index, spoken.has(index) ? `\n\n${refusal}` : refusal))
        spoken.add(index)
      }
      const kept = deltas.filter(({ number }) => !refusals.has(number))
      const left = own.filter((number) => !refusals.has(number))
      for (const { number, legacy, source } of kept) {
        if (legacy || source['index'] === left.indexOf(number)) continue
        source['index'] = left.indexOf(number)
        changed = true
      }
      if (kept.length < deltas.length) {
        changed = true
        const listed = kept.filter(({ legacy }) => !legacy).map(({ source }) => source)
        if (listed.length > 0) delta['tool_calls'] = listed
        else delete delta['tool_calls']
        if (!kept.some(({ legacy }) => legacy)) delete delta['function_call']
      }
      if (own.length > 0 && left.length === 0 && CALL_REASONS.has(choice['finish_reason'])) {
        changed = true
        choice['finish_reason'] = 'stop'
      }
      const emptied = deltas.length > 0 && kept.length === 0
      if (emptied && !isGiven(choice['finish_reason']) && carriesNothing(delta, choice)) continue
      choices.push(choice)
    }
    if (!changed) events.push(event)
    else if (choices.length > 0 || isGiven(chunk['usage'])) {
      chunk['choices'] = choices
      events.push(eventWith(event.event, chunk))
    }
  }
  return events
}

/** A chunk of the same answer that says a text. */
function saying(chunk: JsonObject, index: number, text: string): StreamEvent {
  const said: MutableObject = { ...chunk }
  delete said['usage']
  said['choices'] = [
    { index, delta: { role: 'assistant', content: text }, logprobs: null, finish_reason: null },
  ]
  return eventWith(null, said)
}
