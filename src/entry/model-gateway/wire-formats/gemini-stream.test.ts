import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ApiError, GoogleGenAI, type GenerateContentResponse } from '@google/genai'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../action/json.ts'
import { geminiGenerate } from './gemini-generate.ts'
import { geminiStream } from './gemini-stream.ts'
import { jsonArrayEnd, jsonArrayPiece } from './json-array.ts'
import type { StreamEvent } from './wire-format.ts'

const REQUEST = geminiGenerate.readRequest({ contents: [] }, { model: 'm', stream: true })

function event(data: JsonObject): StreamEvent {
  return { event: null, data: JSON.stringify(data) }
}

function chunk(parts: readonly JsonObject[], rest: JsonObject = {}, ending: JsonObject = {}): StreamEvent {
  const candidates = [{ content: { role: 'model', parts }, index: 0, ...ending }]
  return event({ candidates, modelVersion: 'gemini-x', responseId: 'r1', ...rest })
}

const usage = (candidates: number): JsonObject => ({
  usageMetadata: {
    promptTokenCount: 8,
    candidatesTokenCount: candidates,
    thoughtsTokenCount: 3,
    totalTokenCount: 11 + candidates,
  },
})

const STREAM: readonly StreamEvent[] = [
  chunk([{ text: 'Hm', thought: true }], usage(0)),
  chunk([{ text: 'm.', thought: true }, { text: 'I lo' }], usage(2)),
  chunk([{ text: 'ok. ' }], usage(4)),
  chunk(
    [{ text: 'Wait.' }, { functionCall: { name: 'read', args: { path: 'a' } }, thoughtSignature: 'c2ln' }],
    usage(9),
  ),
  chunk([{ functionCall: { name: 'write', args: {} } }], usage(12), { finishReason: 'STOP' }),
]

const splitAll = (events: readonly StreamEvent[]): StreamEvent[] =>
  events.flatMap((each) => geminiStream.split?.(each) ?? [each])

function readAll(events: readonly StreamEvent[]) {
  const reader = geminiStream.open(REQUEST)
  const readings = events.map((each) => reader.read(each))
  return { reader, readings }
}

async function officialClient(events: readonly StreamEvent[]): Promise<GenerateContentResponse[]> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(events.map(({ data }) => `data: ${data}\r\n\r\n`).join(''))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const client = new GoogleGenAI({ apiKey: 'test', httpOptions: { baseUrl } })
    const chunks: GenerateContentResponse[] = []
    for await (const each of await client.models.generateContentStream({ model: 'm', contents: 'Hi' }))
      chunks.push(each)
    return chunks
  } finally {
    server.close()
  }
}

describe('splitting', () => {
  it('leaves an event with one text or with calls alone', () => {
    for (const at of [0, 2, 4]) expect(geminiStream.split?.(STREAM[at] as StreamEvent)).toEqual([STREAM[at]])
  })

  it('keeps texts apart, and calls from texts; what counts and ends comes last', () => {
    const parts = [{ text: 'm.', thought: true }, { text: 'I lo' }, { functionCall: { name: 'f' } }]
    const split = splitAll([chunk(parts, usage(2), { finishReason: 'STOP' })]).map((each) =>
      JSON.parse(each.data),
    )
    expect(split.map((each) => each.candidates[0].content.parts)).toEqual(parts.map((part) => [part]))
    expect(split.map((each) => each.candidates[0].finishReason)).toEqual([undefined, undefined, 'STOP'])
    expect(split.map((each) => each.usageMetadata?.candidatesTokenCount)).toEqual([undefined, undefined, 2])
    expect(split.every((each) => each.responseId === 'r1')).toBe(true)
  })

  it('keeps candidates apart, each with its end', () => {
    const both = event({
      candidates: [
        { index: 0, content: { parts: [{ text: 'a' }] }, finishReason: 'STOP' },
        { index: 1, content: { parts: [{ text: 'b' }] }, finishReason: 'MAX_TOKENS' },
      ],
    })
    const { reader, readings } = readAll(splitAll([both]))
    expect(readings.map((each) => [each.part, each.text])).toEqual([
      [0, 'a'],
      [1, 'b'],
    ])
    expect(reader.answer()).toMatchObject({ texts: ['a', 'b'], finishReasons: ['STOP', 'MAX_TOKENS'] })
    expect(() => readAll([both])).toThrow('several texts')
  })
})

describe('reading', () => {
  it('tells texts, calls and the end', () => {
    const { reader, readings } = readAll(splitAll(STREAM))
    expect(readings.filter((each) => each.text !== null).map(({ part, text }) => [part, text])).toEqual([
      [0, 'Hm'],
      [0, 'm.'],
      [1, 'I lo'],
      [1, 'ok. '],
      [1, 'Wait.'],
    ])
    expect(readings.map((each) => each.tool)).toEqual([false, false, false, false, false, true, true])
    expect(reader.ended).toBe(true)
    expect(reader.answer()).toMatchObject({
      id: 'r1',
      model: 'gemini-x',
      texts: ['Hmm.', 'I look. Wait.'],
      toolCalls: [
        { id: 'call_0', name: 'read', arguments: '{"path":"a"}' },
        { id: 'call_1', name: 'write', arguments: '{}' },
      ],
      finishReasons: ['STOP'],
      usage: { input: 8, output: 15, reasoning: 3 },
    })
  })

  it('takes the last usage and keeps what it leaves out', () => {
    const { reader } = readAll([
      chunk([{ text: 'a' }], usage(5)),
      event({ usageMetadata: { promptTokenCount: 9 } }),
    ])
    expect(reader.answer().usage).toMatchObject({ input: 9, output: 8, reasoning: 3 })
    expect(reader.ended).toBe(false)
  })

  it('ends with a refusal of the prompt', () => {
    const { reader } = readAll([event({ promptFeedback: { blockReason: 'SAFETY' } })])
    expect(reader.ended).toBe(true)
    expect(reader.answer()).toMatchObject({ texts: [], finishReasons: ['SAFETY'] })
  })

  it.each<[string, StreamEvent]>([
    ['an error', event({ error: { code: 503, status: 'UNAVAILABLE', message: 'x' } })],
    ['data that is no JSON', { event: null, data: '[DONE]' }],
    ['data that is no object', { event: null, data: '[]' }],
    ['nothing of an answer', event({})],
    ['candidates that are none', event({ candidates: 'x' })],
    ['a call in pieces', chunk([{ functionCall: { name: 'f', partialArgs: [] } }])],
  ])('throws at %s', (_, malformed) => {
    expect(() => readAll(splitAll([malformed]))).toThrow(Error)
  })

  it('never throws a TypeError, and splitting loses nothing', () => {
    const part = fc.oneof(
      fc.record({ text: fc.string({ minLength: 1 }), thought: fc.boolean() }),
      fc.record({ functionCall: fc.record({ name: fc.string(), args: fc.constant({}) }) }),
      fc.jsonValue(),
    )
    const candidate = fc.oneof(
      {
        weight: 9,
        arbitrary: fc.record({
          content: fc.record({ parts: fc.array(part, { maxLength: 3 }) }),
          index: fc.nat(2),
        }),
      },
      { weight: 1, arbitrary: fc.jsonValue() },
    )
    let read = 0
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 2 }), (candidates) => {
        const data = { candidates } as JsonObject
        try {
          const { reader } = readAll(splitAll([event(data)]))
          const whole = geminiGenerate.readAnswer(data)
          expect(reader.answer().texts.join('').length).toBe(whole.texts.join('').length)
          expect(reader.answer().toolCalls).toEqual(whole.toolCalls)
          read++
        } catch (error) {
          expect(error).not.toBeInstanceOf(TypeError)
          expect((error as Error).name).not.toBe('AssertionError')
        }
      }),
      { numRuns: 1500, seed: 7 },
    )
    expect(read).toBeGreaterThan(200)
  })
})

describe('editing', () => {
  it('replaces the text of an event and drops one that has nothing left', () => {
    const plain = chunk([{ text: 'a' }])
    expect(JSON.parse(geminiStream.withText(plain, 'b')?.data ?? '').candidates[0].content.parts).toEqual([
      { text: 'b' },
    ])
    expect(geminiStream.withText(plain, '')).toBeNull()
    const signed = chunk([{ text: 'a', thoughtSignature: 's' }])
    expect(geminiStream.withText(signed, '')?.data).toContain('"thoughtSignature":"s"')
    const last = chunk([{ text: 'a' }], usage(3), { finishReason: 'STOP' })
    expect(geminiStream.withText(last, '')?.data).toContain('STOP')
    expect(geminiStream.withText(last, '')?.data).not.toContain('"a"')
  })

  it('gives the official client a refusal for one of two calls', async () => {
    const events = splitAll(STREAM)
    const first = readAll(events).readings.findIndex((each) => each.tool)
    const held = geminiStream.refuse(events.slice(first), new Map([[0, 'Not that file.']]))
    const chunks = await officialClient([...events.slice(0, first), ...held])
    expect(chunks.flatMap((each) => each.functionCalls ?? []).map((call) => call.name)).toEqual(['write'])
    const parts = chunks.flatMap((each) => each.candidates?.[0]?.content?.parts ?? [])
    const shown = parts.filter((part) => part.thought !== true).map((part) => part.text ?? '')
    expect(shown.join('')).toBe('I look. Wait.Not that file.')
    expect(chunks.at(-1)?.candidates?.[0]?.finishReason).toBe('STOP')
    expect(chunks.at(-1)?.usageMetadata?.candidatesTokenCount).toBe(12)
  })

  it('fails so that the official client throws', async () => {
    const failed = [
      ...splitAll(STREAM.slice(0, 3)),
      ...geminiStream.failure('gateway:cut', 'The budget is spent.'),
    ]
    await expect(officialClient(failed)).rejects.toThrow('The budget is spent.')
    await expect(officialClient(failed)).rejects.toBeInstanceOf(ApiError)
  })
})

describe('a JSON array', () => {
  const framed = (events: readonly StreamEvent[]): unknown =>
    JSON.parse(
      events.map((each, at) => jsonArrayPiece(each, at === 0)).join('') + jsonArrayEnd(events.length === 0),
    )

  it('holds the data of the events, a failure included', () => {
    const events = [...STREAM, ...geminiStream.failure('gateway:cut', 'Spent.')]
    expect(framed(events)).toEqual(events.map((each) => JSON.parse(each.data)))
    expect(framed([])).toEqual([])
  })
})
