import { describe, expect, it } from 'vitest'
import type { JsonObject, JsonValue } from '../../../action/json.ts'
import { eventData } from './event-data.ts'
import { openaiChat } from './openai-chat.ts'
import { chatStream } from './openai-chat-stream.ts'
import type { StreamEvent } from './wire-format.ts'

const DONE: StreamEvent = { event: null, data: '[DONE]' }

function chunk(choices: readonly JsonValue[], more: JsonObject = {}): StreamEvent {
  const data = {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'gpt-5-mini',
    system_fingerprint: 'fp_1',
    choices,
    ...more,
  }
  return { event: null, data: JSON.stringify(data) }
}

function delta(content: JsonObject, index = 0, finish: string | null = null): StreamEvent {
  return chunk([{ index, delta: content, logprobs: null, finish_reason: finish }])
}

function call(index: number, more: JsonObject, choice = 0): StreamEvent {
  return delta({ tool_calls: [{ index, ...more }] }, choice)
}

const USAGE = chunk([], { usage: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 } })

function open(options: JsonObject = {}) {
  return chatStream.open(
    openaiChat.readRequest({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...options }, {}),
  )
}

function readAll(events: readonly StreamEvent[]) {
  const reader = open()
  const readings = events.map((event) => reader.read(event))
  return { answer: reader.answer(), readings, ended: reader.ended }
}

describe('reading', () => {
  it('puts an answer together', () => {
    const events = [
      delta({ role: 'assistant', content: '', refusal: null }),
      delta({ content: 'Hel' }),
      delta({ content: 'lo' }),
      delta({}, 0, 'stop'),
      USAGE,
      DONE,
    ]
    const { answer, readings, ended } = readAll(events)
    expect(readings.map(({ text }) => text)).toEqual([null, 'Hel', 'lo', null, null, null])
    expect(readings.map(({ unasked }) => unasked)).toEqual([false, false, false, false, true, false])
    expect(ended).toBe(true)
    expect(answer).toMatchObject({
      id: 'chatcmpl-1',
      model: 'gpt-5-mini',
      systemFingerprint: 'fp_1',
      texts: ['Hello'],
      toolCalls: [],
      finishReasons: ['stop'],
      usage: { input: 5, output: 7 },
    })
  })

  it('leaves the usage to a client that asked for it', () => {
    expect(open({ stream_options: { include_usage: true } }).read(USAGE).unasked).toBe(false)
    expect(open({ stream_options: { include_usage: false } }).read(USAGE).unasked).toBe(true)
  })

  it('hides no other event without choices', () => {
    expect(open().read(chunk([], { prompt_filter_results: [] })).unasked).toBe(false)
  })

  it('keeps the texts of several choices and of reasoning apart', () => {
    const events = [
      delta({ reasoning_content: 'Hm' }),
      delta({ content: 'A' }),
      delta({ content: 'B' }, 1),
      delta({ content: 'a' }),
      delta({ refusal: 'No' }, 1),
    ]
    const { answer, readings } = readAll(events)
    expect(answer.texts).toEqual(['Hm', 'Aa', 'B', 'No'])
    expect(readings.map(({ part }) => part)).toEqual([0, 1, 2, 1, 3])
  })

  it('puts calls together and marks everything after the first', () => {
    const events = [
      delta({ content: 'x' }),
      call(0, { id: 'a', type: 'function', function: { name: 'f', arguments: '' } }),
      call(0, { function: { arguments: '{"x"' } }),
      call(1, { id: 'b', type: 'custom', custom: { name: 'g', input: 'in' } }),
      call(0, { function: { arguments: ':1}' } }),
      delta({}, 0, 'tool_calls'),
    ]
    const { answer, readings } = readAll(events)
    expect(readings.map(({ tool }) => tool)).toEqual([false, true, true, true, true, true])
    expect(answer.toolCalls).toEqual([
      { id: 'a', name: 'f', arguments: '{"x":1}' },
      { id: 'b', name: 'g', arguments: 'in' },
    ])
  })

  it('tells calls apart that a provider gives the same index', () => {
    const { answer } = readAll([
      call(0, { id: 'a', function: { name: 'f', arguments: '{}' } }),
      call(0, { id: 'b', function: { name: 'g', arguments: '{}' } }),
    ])
    expect(answer.toolCalls.map(({ name }) => name)).toEqual(['f', 'g'])
  })

  it('ends with an error of the provider', () => {
    const { answer, ended } = readAll([{ event: null, data: '{"error":{"message":"overloaded"}}' }])
    expect(ended).toBe(true)
    expect(answer.finishReasons).toEqual(['error'])
  })

  it('is not ended by the finish reason', () => {
    expect(readAll([delta({ content: 'x' }, 0, 'stop')]).ended).toBe(false)
  })

  it.each([
    'nonsense',
    '5',
    '{"choices":5}',
    '{"choices":[5]}',
    '{"choices":[{"delta":5}]}',
    '{"choices":[{"delta":{"content":5}}]}',
    '{"choices":[{"delta":{"tool_calls":5}}]}',
    '{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":5}}]}}]}',
    '{"choices":[{"delta":{"content":"a","reasoning":"b"}}]}',
  ])('throws for %s', (data) => {
    expect(() => open().read({ event: null, data })).toThrow(/stream|malformed/)
  })

  it('throws when a call changes its name', () => {
    expect(() =>
      readAll([call(0, { id: 'a', function: { name: 'safe' } }), call(0, { function: { name: 'unsafe' } })]),
    ).toThrow('malformed')
  })
})

describe('split', () => {
  it('answers an ordinary event itself', () => {
    for (const event of [delta({ content: 'x' }), USAGE, DONE, call(0, { id: 'a', function: { name: 'f' } })])
      expect(chatStream.split?.(event)).toEqual([event])
  })

  it('parts several texts, calls and the end, and loses nothing', () => {
    const event = chunk(
      [
        {
          index: 0,
          delta: {
            role: 'assistant',
            content: 'A',
            reasoning: 'R',
            tool_calls: [{ index: 0, id: 'a', function: { name: 'f' } }],
          },
          finish_reason: 'tool_calls',
        },
        { index: 1, delta: { content: 'B' }, finish_reason: 'stop' },
      ],
      { usage: { prompt_tokens: 1, completion_tokens: 2 } },
    )
    const parts = chatStream.split?.(event) ?? []
    const { answer, readings } = readAll(parts)
    expect(readings.map(({ text, tool }) => [text, tool])).toEqual([
      ['R', false],
      ['A', false],
      ['B', false],
      [null, true],
    ])
    expect(answer).toMatchObject({
      texts: ['R', 'A', 'B'],
      toolCalls: [{ id: 'a', name: 'f' }],
      finishReasons: ['tool_calls', 'stop'],
      usage: { input: 1, output: 2 },
    })
  })
})

describe('withText', () => {
  it('replaces the text and drops the probabilities', () => {
    const event = chunk([
      { index: 0, delta: { content: 'secret' }, logprobs: { content: [{ token: 'secret' }] } },
    ])
    const changed = chatStream.withText(event, 'safe')
    expect(changed?.data).not.toContain('secret')
    expect(readAll([changed as StreamEvent]).answer.texts).toEqual(['safe'])
    expect(event.data).toContain('secret')
  })

  it('answers nothing when only the text was there, else keeps the rest', () => {
    expect(chatStream.withText(delta({ content: 'x' }), '')).toBeNull()
    const first = chatStream.withText(delta({ role: 'assistant', content: 'x' }), '') as StreamEvent
    expect(eventData(first)['choices']).toMatchObject([{ delta: { role: 'assistant', content: '' } }])
    const last = chatStream.withText(delta({ content: 'x' }, 0, 'stop'), '') as StreamEvent
    expect(readAll([last]).answer).toMatchObject({ texts: [], finishReasons: ['stop'] })
  })
})

describe('refuse', () => {
  const held = [
    call(0, { id: 'a', type: 'function', function: { name: 'f', arguments: '' } }),
    call(0, { function: { arguments: '{}' } }),
    call(1, { id: 'b', type: 'function', function: { name: 'g', arguments: '' } }),
    call(1, { function: { arguments: '{"x":1}' } }),
    delta({}, 0, 'tool_calls'),
    DONE,
  ]

  it('says why in place of the refused call and numbers the rest anew', () => {
    const events = chatStream.refuse(held, new Map([[0, 'f is not allowed.']]))
    const { answer, ended } = readAll(events)
    expect(answer).toMatchObject({
      texts: ['f is not allowed.'],
      toolCalls: [{ id: 'b', name: 'g', arguments: '{"x":1}' }],
      finishReasons: ['tool_calls'],
    })
    expect(ended).toBe(true)
    expect(events.map(({ data }) => data).join('')).toContain('"index":0,"id":"b"')
    expect(events).toHaveLength(5)
  })

  it('keeps the number of a call before the refused one', () => {
    const { answer } = readAll(chatStream.refuse(held, new Map([[1, 'g is not allowed.']])))
    expect(answer).toMatchObject({ texts: ['g is not allowed.'], toolCalls: [{ id: 'a', arguments: '{}' }] })
  })

  it('ends as a plain answer when no call is left', () => {
    const refusals = new Map([
      [0, 'No f.'],
      [1, 'No g.'],
    ])
    const events = chatStream.refuse(held, refusals)
    expect(readAll(events).answer).toMatchObject({
      texts: ['No f.\n\nNo g.'],
      toolCalls: [],
      finishReasons: ['stop'],
    })
    expect(events.map(({ data }) => data).join('')).not.toContain('tool_calls')
  })

  it('keeps calls of other choices, and what else a chunk carries', () => {
    const events = chatStream.refuse(
      [
        chunk(
          [
            {
              index: 0,
              delta: { tool_calls: [{ index: 0, id: 'a', function: { name: 'f' } }] },
              finish_reason: 'tool_calls',
            },
            {
              index: 1,
              delta: { tool_calls: [{ index: 0, id: 'b', function: { name: 'g' } }] },
              finish_reason: 'tool_calls',
            },
          ],
          { usage: { prompt_tokens: 1, completion_tokens: 1 } },
        ),
      ],
      new Map([[0, 'No.']]),
    )
    expect(readAll(events).answer).toMatchObject({
      texts: ['No.'],
      toolCalls: [{ id: 'b' }],
      finishReasons: ['stop', 'tool_calls'],
      usage: { input: 1 },
    })
  })

  it('numbers from 0 whatever the provider began with', () => {
    const odd = [
      call(3, { id: 'a', function: { name: 'f', arguments: '' } }),
      call(5, { id: 'b', function: { name: 'g', arguments: '{}' } }),
      call(3, { function: { arguments: '{}' } }),
      call(9, { id: 'c', function: { name: 'h', arguments: '{}' } }),
    ]
    const events = chatStream.refuse(odd, new Map([[1, 'No.']]))
    const indexes = events.flatMap((event) => /"tool_calls":\[\{"index":(\d)/.exec(event.data)?.[1] ?? [])
    expect(indexes).toEqual(['0', '0', '1'])
    expect(readAll(events).answer.toolCalls).toEqual([
      { id: 'a', name: 'f', arguments: '{}' },
      { id: 'c', name: 'h', arguments: '{}' },
    ])
  })

  it('refuses the older way of calling', () => {
    const events = chatStream.refuse(
      [
        delta({ function_call: { name: 'f', arguments: '' } }),
        delta({ function_call: { arguments: '{}' } }),
        delta({}, 0, 'function_call'),
      ],
      new Map([[0, 'No.']]),
    )
    expect(readAll(events).answer).toMatchObject({ texts: ['No.'], toolCalls: [], finishReasons: ['stop'] })
  })
})
