import type { JsonObject } from '../../../action/json.ts'
import type { ModelAnswer } from '../model-call.ts'
import { isToolCall, textMember, toolCallName } from './anthropic-answer.ts'
import { AnthropicUsage } from './anthropic-usage.ts'
import { eventData, eventWith } from './event-data.ts'
import { asObject, invalid, listIn, requiredString, stringIn, typeOf } from './members.ts'
import { TextTemplate } from './text-template.ts'
import type { StreamEvent, StreamFormat, StreamReader, StreamReading } from './wire-format.ts'

/**
 * The events of a streamed Messages answer. What an event is tells the `type` of its data: official clients use
 * the name only to drop `ping` and to raise `error`.
 */
export const anthropicStream: StreamFormat = {
  open: () => new AnthropicReader(),
  withText,
  refuse,
  failure: (code, message) => [
    eventWith('error', { type: 'error', error: { type: 'api_error', message, code } }),
  ],
}

interface OpenBlock {
  readonly member: 'text' | 'thinking' | 'content' | null
  /** Index in the answer's texts or in its tool calls; -1 where the block is neither. */
  readonly part: number
  readonly call: number
}

class AnthropicReader implements StreamReader {
  ended = false
  readonly #blocks = new Map<number, OpenBlock>()
  readonly #texts: string[] = []
  readonly #calls: { id: string; name: string; input: string; pieces: string }[] = []
  readonly #usage = new AnthropicUsage()
  #message: { id: string | null; model: string | null } | null = null
  #stopReason: string | null = null
  // The counts at the start are those of the prompt and of the first token: no usage until a delta reports it.
  #usageReported = false

  readonly #template = new TextTemplate()
  #templatePart = 0

  readMore(event: StreamEvent): StreamReading | null {
    const text = this.#template.textOf(event)
    if (text === null) return null
    this.#texts[this.#templatePart] += text
    return { text, part: this.#templatePart, tool: false, unasked: false }
  }

  read(event: StreamEvent): StreamReading {
    const reading = this.#read(event)
    const more = !reading.tool && reading.closes === undefined && !this.ended
    this.#template.learn(event, more ? reading.text : null)
    this.#templatePart = reading.part
    return reading
  }

  #read(event: StreamEvent): StreamReading {
    const data = eventData(event)
    const type = requiredString(data, 'type', 'answer')
    if (event.event === 'error' || type === 'error') throw providerError(data)
    switch (type) {
      case 'message_start':
        this.#start(data)
        break
      case 'content_block_start':
        return this.#openBlock(data)
      case 'content_block_delta':
        return this.#delta(data)
      case 'content_block_stop': {
        const { part } = this.#block(data)
        return part === -1 ? this.#reading(null, 0) : { ...this.#reading(null, 0), closes: [part] }
      }
      case 'message_delta':
        this.#messageDelta(data)
        break
      case 'message_stop':
        this.#expectOpen()
        this.ended = true
        break
      default:
    }
    return this.#reading(null, 0)
  }

  answer(): ModelAnswer {
    return {
      id: this.#message?.id ?? null,
      model: this.#message?.model ?? null,
      systemFingerprint: null,
      texts: this.#texts,
      toolCalls: this.#calls.map(({ id, name, input, pieces }) => ({ id, name, arguments: pieces || input })),
      finishReasons: this.#stopReason === null ? [] : [this.#stopReason],
      usage: this.#usageReported ? this.#usage.read() : null,
    }
  }

  #start(data: JsonObject): void {
    const message = asObject(data['message'], 'answer.message')
    if (this.#message !== null) throw new Error('The stream starts a second message.')
    if ((listIn(message, 'content', 'answer.message') ?? []).length > 0) {
      throw invalid('answer.message.content', 'an empty array', message['content'])
    }
    this.#message = {
      id: stringIn(message, 'id', 'answer.message'),
      model: stringIn(message, 'model', 'answer.message'),
    }
    this.#usage.take(message['usage'])
  }

  #openBlock(data: JsonObject): StreamReading {
    this.#expectOpen()
    const index = indexOf(data)
    const block = asObject(data['content_block'], 'answer.content_block')
    if (this.#blocks.has(index)) throw new Error(`The stream starts block ${index} a second time.`)
    const member = textMember(block)
    const call = isToolCall(block) ? this.#calls.length : -1
    this.#blocks.set(index, { member, part: member === null ? -1 : this.#texts.length, call })
    if (call >= 0) {
      this.#calls.push({
        id: requiredString(block, 'id', 'answer.content_block'),
        name: toolCallName(block, 'answer.content_block'),
        input: JSON.stringify(block['input'] ?? {}),
        pieces: '',
      })
    }
    if (member === null) return this.#reading(null, 0)
    const text = stringIn(block, member, 'answer.content_block') ?? ''
    this.#texts.push(text)
    return this.#reading(text === '' ? null : text, this.#texts.length - 1)
  }

  #delta(data: JsonObject): StreamReading {
    const block = this.#block(data)
    const delta = asObject(data['delta'], 'answer.delta')
    const member = deltaMember(delta)
    if (member !== null) {
      const text = stringIn(delta, member, 'answer.delta') ?? ''
      if (block.member !== member) throw invalid('answer.delta.type', 'a delta of its block', delta['type'])
      this.#texts[block.part] += text
      return this.#reading(text === '' ? null : text, block.part)
    }
    const call = this.#calls[block.call]
    if (delta['type'] === 'input_json_delta' && call !== undefined) {
      call.pieces += requiredString(delta, 'partial_json', 'answer.delta')
    }
    return this.#reading(null, 0)
  }

  #messageDelta(data: JsonObject): void {
    this.#expectOpen()
    this.#stopReason =
      stringIn(asObject(data['delta'], 'answer.delta'), 'stop_reason', 'answer.delta') ?? this.#stopReason
    if (data['usage'] === undefined || data['usage'] === null) return
    this.#usage.take(data['usage'])
    this.#usageReported = true
  }

  #block(data: JsonObject): OpenBlock {
    this.#expectOpen()
    const block = this.#blocks.get(indexOf(data))
    if (block === undefined)
      throw invalid('answer.index', 'the index of a block that has started', data['index'])
    return block
  }

  #expectOpen(): void {
    if (this.#message === null) throw new Error('The stream does not start with a message.')
    if (this.ended) throw new Error('The stream goes on after its end.')
  }

  #reading(text: string | null, part: number): StreamReading {
    return { text, part, tool: this.#calls.length > 0, unasked: false }
  }
}

function withText(event: StreamEvent, text: string): StreamEvent | null {
  const data = eventData(event)
  if (data['type'] === 'content_block_start') {
    const block = asObject(data['content_block'], 'answer.content_block')
    return eventWith(event.event, {
      ...data,
      content_block: { ...block, [textMember(block) ?? 'text']: text },
    })
  }
  if (text === '') return null
  const delta = asObject(data['delta'], 'answer.delta')
  return eventWith(event.event, { ...data, delta: { ...delta, [deltaMember(delta) ?? 'text']: text } })
}

/**
 * A refused call becomes a text block at the same index: no other block moves. All calls of the answer are among
 * the held events, so whether one is left can be told from them.
 */
function refuse(held: readonly StreamEvent[], refusals: ReadonlyMap<number, string>): readonly StreamEvent[] {
  const refused = new Set<number>()
  const events: StreamEvent[] = []
  let calls = 0
  let callsLeft = 0
  for (const event of held) {
    const data = eventData(event)
    switch (typeOf(data)) {
      case 'content_block_start': {
        const block = asObject(data['content_block'], 'answer.content_block')
        const refusal = isToolCall(block) ? refusals.get(calls++) : undefined
        if (refusal === undefined) {
          if (isToolCall(block)) callsLeft++
          events.push(event)
          break
        }
        const index = indexOf(data)
        refused.add(index)
        events.push(eventWith(event.event, { ...data, content_block: { type: 'text', text: '' } }))
        const delta = { type: 'text_delta', text: refusal }
        events.push(eventWith('content_block_delta', { type: 'content_block_delta', index, delta }))
        break
      }
      case 'content_block_delta':
        if (!refused.has(indexOf(data))) events.push(event)
        break
      case 'message_delta':
        events.push(callsLeft === 0 ? asPlainEnd(event, data) : event)
        break
      default:
        events.push(event)
    }
  }
  return events
}

function asPlainEnd(event: StreamEvent, data: JsonObject): StreamEvent {
  const delta = asObject(data['delta'], 'answer.delta')
  if (delta['stop_reason'] !== 'tool_use') return event
  return eventWith(event.event, { ...data, delta: { ...delta, stop_reason: 'end_turn' } })
}

function deltaMember(delta: JsonObject): 'text' | 'thinking' | 'content' | null {
  switch (typeOf(delta)) {
    case 'text_delta':
      return 'text'
    case 'thinking_delta':
      return 'thinking'
    case 'compaction_delta':
      return 'content'
    default:
      return null
  }
}

function indexOf(data: JsonObject): number {
  const index = data['index']
  if (!Number.isSafeInteger(index) || (index as number) < 0) throw invalid('answer.index', 'an index', index)
  return index as number
}

function providerError(data: JsonObject): Error {
  const error = data['error']
  const type = typeof error === 'object' && error !== null && 'type' in error ? error.type : null
  return new Error(
    `The provider ended the stream with an error (${typeof type === 'string' ? type.slice(0, 64) : 'unnamed'}).`,
  )
}
