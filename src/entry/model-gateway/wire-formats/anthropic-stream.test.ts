import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Anthropic from '@anthropic-ai/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../action/json.ts'
import { anthropicMessages } from './anthropic-messages.ts'
import { anthropicStream } from './anthropic-stream.ts'
import type { StreamEvent, StreamReading } from './wire-format.ts'

const REQUEST = anthropicMessages.readRequest({ model: 'm', max_tokens: 9, messages: [] }, {})

function event(data: JsonObject): StreamEvent {
  return { event: data['type'] as string, data: JSON.stringify(data) }
}

const start = (usage: JsonObject): StreamEvent =>
  event({
    type: 'message_start',
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'claude-x',
      content: [],
      stop_reason: null,
      usage,
    },
  })
const open = (index: number, content_block: JsonObject): StreamEvent =>
  event({ type: 'content_block_start', index, content_block })
const delta = (index: number, delta: JsonObject): StreamEvent =>
  event({ type: 'content_block_delta', index, delta })
const close = (index: number): StreamEvent => event({ type: 'content_block_stop', index })
const end = (stop_reason: string, usage: JsonObject): StreamEvent =>
  event({ type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage })

const STREAM: readonly StreamEvent[] = [
  start({ input_tokens: 10, cache_read_input_tokens: 100, cache_creation_input_tokens: 5, output_tokens: 1 }),
  event({ type: 'ping' }),
  open(0, { type: 'thinking', thinking: '', signature: '' }),
  delta(0, { type: 'thinking_delta', thinking: 'Hm' }),
  delta(0, { type: 'signature_delta', signature: 'c2ln' }),
  close(0),
  open(1, { type: 'text', text: '' }),
  delta(1, { type: 'text_delta', text: 'I lo' }),
  delta(1, { type: 'text_delta', text: 'ok.' }),
  close(1),
  open(2, { type: 'tool_use', id: 'toolu_1', name: 'read', input: {} }),
  delta(2, { type: 'input_json_delta', partial_json: '{"path":' }),
  delta(2, { type: 'input_json_delta', partial_json: '"a"}' }),
  close(2),
  open(3, { type: 'tool_use', id: 'toolu_2', name: 'write', input: {} }),
  close(3),
  end('tool_use', { output_tokens: 30 }),
  event({ type: 'message_stop' }),
]
const FIRST_CALL = 10

function readAll(events: readonly StreamEvent[]) {
  const reader = anthropicStream.open(REQUEST)
  const readings: StreamReading[] = events.map((each) => reader.read(each))
  return { reader, readings }
}

/** The message that the official client puts together from these events. */
async function officialClient(events: readonly StreamEvent[]): Promise<Anthropic.Message> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(events.map(({ event, data }) => `event: ${event}\ndata: ${data}\n\n`).join(''))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const client = new Anthropic({ baseURL, apiKey: 'test', maxRetries: 0 })
    return await client.messages.stream({ model: 'm', max_tokens: 9, messages: [] }).finalMessage()
  } finally {
    server.close()
  }
}

describe('reading', () => {
  it('tells texts, calls and the end', () => {
    const { reader, readings } = readAll(STREAM)
    expect(readings.filter((each) => each.text !== null).map(({ part, text }) => [part, text])).toEqual([
      [0, 'Hm'],
      [1, 'I lo'],
      [1, 'ok.'],
    ])
    expect(readings.findIndex((each) => each.tool)).toBe(FIRST_CALL)
    expect(readings.slice(FIRST_CALL).every((each) => each.tool)).toBe(true)
    expect(reader.ended).toBe(true)
    expect(reader.answer()).toMatchObject({
      id: 'msg_1',
      model: 'claude-x',
      texts: ['Hm', 'I look.'],
      toolCalls: [
        { id: 'toolu_1', name: 'read', arguments: '{"path":"a"}' },
        { id: 'toolu_2', name: 'write', arguments: '{}' },
      ],
      finishReasons: ['tool_use'],
      usage: { input: 115, output: 30, cacheRead: 100, cacheWrite: 5 },
    })
  })

  it('has no usage before the end reports it: the start knows only the prompt', () => {
    const { reader } = readAll(STREAM.slice(0, -2))
    expect(reader.answer().usage).toBeNull()
    expect(reader.ended).toBe(false)
  })

  it('keeps the last of cumulative reports, zero included, and what is absent', () => {
    const { reader } = readAll([
      start({ input_tokens: 10, cache_read_input_tokens: 7, output_tokens: 1 }),
      end('pause_turn', { output_tokens: 20, cache_read_input_tokens: 0 }),
      end('end_turn', { output_tokens: 35, input_tokens: 40, server_tool_use: { web_search_requests: 2 } }),
    ])
    expect(reader.answer().usage).toMatchObject({ input: 40, output: 35, cacheRead: 0, webSearches: 2 })
    const broken = readAll([
      start({ input_tokens: 10, output_tokens: 1 }),
      end('end_turn', { output_tokens: 'x' }),
    ])
    expect(broken.reader.answer().usage).toBeNull()
  })

  it('reads text that comes with the start of a block', () => {
    const first = open(0, { type: 'text', text: 'Hi' })
    const { readings } = readAll([start({}), first])
    expect(readings[1]).toMatchObject({ text: 'Hi', part: 0 })
    expect(JSON.parse(anthropicStream.withText(first, '')?.data ?? '')).toMatchObject({
      content_block: { type: 'text', text: '' },
    })
  })

  it.each<[string, StreamEvent[]]>([
    ['an error event', [event({ type: 'error', error: { type: 'overloaded_error', message: 'x' } })]],
    ['an error named so', [start({}), { event: 'error', data: '{"type":"ping"}' }]],
    ['data that is no JSON', [{ event: 'ping', data: '{' }]],
    ['data that is no object', [{ event: 'ping', data: '[]' }]],
    ['no type', [{ event: 'ping', data: '{}' }]],
    ['a block before the start', [open(0, { type: 'text', text: '' })]],
    ['a second start', [start({}), start({})]],
    [
      'content within the start',
      [event({ type: 'message_start', message: { content: [{ type: 'text', text: 'x' }] } })],
    ],
    ['a delta without a block', [start({}), delta(0, { type: 'text_delta', text: 'x' })]],
    [
      'a delta of another kind',
      [
        start({}),
        open(0, { type: 'tool_use', id: 'a', name: 'b' }),
        delta(0, { type: 'text_delta', text: 'x' }),
      ],
    ],
    ['a block twice', [start({}), open(0, { type: 'text', text: '' }), open(0, { type: 'text', text: '' })]],
    [
      'an index that is none',
      [start({}), event({ type: 'content_block_start', index: '0', content_block: { type: 'text' } })],
    ],
    [
      'content after the end',
      [start({}), event({ type: 'message_stop' }), open(0, { type: 'text', text: '' })],
    ],
  ])('throws at %s', (_, events) => {
    expect(() => readAll(events)).toThrow(Error)
  })

  it('never throws a TypeError', () => {
    const anything = fc.record(
      {
        type: fc.constantFrom(
          'message_start',
          'content_block_start',
          'content_block_delta',
          'content_block_stop',
          'message_delta',
          'x',
        ),
        index: fc.oneof(fc.constant(0), fc.jsonValue()),
        message: fc.jsonValue(),
        content_block: fc.oneof(fc.constant({ type: 'text', text: 'a' }), fc.jsonValue()),
        delta: fc.oneof(fc.constant({ type: 'text_delta', text: 'a' }), fc.jsonValue()),
        usage: fc.jsonValue(),
      },
      { requiredKeys: ['type'] },
    )
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 4 }), (generated) => {
        try {
          readAll([start({}), ...generated.map((each) => event(each as JsonObject))])
        } catch (error) {
          expect(error).not.toBeInstanceOf(TypeError)
        }
      }),
      { numRuns: 1000, seed: 7 },
    )
  })
})

describe('editing', () => {
  it('replaces the text of an event and drops one that has nothing left', () => {
    const [, , , thought, , , , text] = STREAM as StreamEvent[]
    expect(JSON.parse(anthropicStream.withText(text as StreamEvent, 'new')?.data ?? '')).toEqual({
      type: 'content_block_delta',
      index: 1,
      delta: { type: 'text_delta', text: 'new' },
    })
    expect(JSON.parse(anthropicStream.withText(thought as StreamEvent, 'x')?.data ?? '')).toMatchObject({
      delta: { type: 'thinking_delta', thinking: 'x' },
    })
    expect(anthropicStream.withText(text as StreamEvent, '')).toBeNull()
  })

  it('gives the official client a refusal for one of two calls', async () => {
    const held = anthropicStream.refuse(STREAM.slice(FIRST_CALL), new Map([[0, 'Not that file.']]))
    const message = await officialClient([...STREAM.slice(0, FIRST_CALL), ...held])
    expect(message.content.map((block) => block.type)).toEqual(['thinking', 'text', 'text', 'tool_use'])
    expect(message.content[2]).toMatchObject({ type: 'text', text: 'Not that file.' })
    expect(message.content[3]).toMatchObject({ id: 'toolu_2', name: 'write' })
    expect(message.stop_reason).toBe('tool_use')
    expect(message.usage.output_tokens).toBe(30)
  })

  it('ends the turn when no call is left', async () => {
    const held = anthropicStream.refuse(
      STREAM.slice(FIRST_CALL),
      new Map([
        [0, 'No.'],
        [1, 'Nor that.'],
      ]),
    )
    const message = await officialClient([...STREAM.slice(0, FIRST_CALL), ...held])
    expect(message.content.map((block) => block.type)).toEqual(['thinking', 'text', 'text', 'text'])
    expect(message.stop_reason).toBe('end_turn')
    expect(readAll([...STREAM.slice(0, FIRST_CALL), ...held]).reader.answer().toolCalls).toEqual([])
  })

  it('says the same of a refused stream as of a refused answer', () => {
    const refusals = new Map([[1, 'No.']])
    const held = anthropicStream.refuse(STREAM.slice(FIRST_CALL), refusals)
    const streamed = readAll([...STREAM.slice(0, FIRST_CALL), ...held]).reader.answer()
    expect(streamed).toMatchObject({ texts: ['Hm', 'I look.', 'No.'], toolCalls: [{ id: 'toolu_1' }] })
  })

  it('fails so that the official client throws', async () => {
    const failed = [...STREAM.slice(0, 8), ...anthropicStream.failure('gateway:cut', 'The budget is spent.')]
    await expect(officialClient(failed)).rejects.toThrow('The budget is spent.')
    await expect(officialClient(failed)).rejects.toBeInstanceOf(Anthropic.APIError)
  })
})
