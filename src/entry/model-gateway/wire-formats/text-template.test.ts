import { describe, expect, test } from 'vitest'
import { anthropicStream } from './anthropic-stream.ts'
import { chatStream } from './openai-chat-stream.ts'
import { TextTemplate } from './text-template.ts'
import type { ModelRequest } from '../model-call.ts'
import type { StreamEvent, StreamFormat, StreamReading } from './wire-format.ts'

const chunk = (content: string, more = ''): StreamEvent => ({
  event: null,
  data: `{"id":"c","choices":[{"index":0,"delta":{"content":${JSON.stringify(content)}},"finish_reason":null}]${more}}`,
})

describe('a template of events', () => {
  test('is known after two events that differ in their text alone', () => {
    const template = new TextTemplate()
    template.learn(chunk('one'), 'one')
    expect(template.textOf(chunk('two'))).toBeNull()
    template.learn(chunk('two'), 'two')
    expect(template.textOf(chunk('three'))).toBe('three')
    expect(template.textOf(chunk('ünïcode ✓ 🙂'))).toBe('ünïcode ✓ 🙂')
  })

  test('takes no event for known that differs in anything else, or whose text JSON writes otherwise', () => {
    const template = new TextTemplate()
    template.learn(chunk('one'), 'one')
    template.learn(chunk('two'), 'two')
    for (const event of [
      chunk(''),
      chunk('a "quote"'),
      chunk('back\\slash'),
      chunk('line\nbreak'),
      chunk('more', ',"usage":{"prompt_tokens":1}'),
      { event: 'error', data: chunk('more').data },
      { event: null, data: chunk('one').data.replace('"one"', '"x","content":"y"') },
      { event: null, data: chunk('one').data.replace('one', '\u0001') },
      { event: null, data: chunk('one').data.replace('one', '\ud800') },
      { event: null, data: '' },
    ])
      expect(template.textOf(event)).toBeNull()
  })

  test('is not learnt from a text that stands twice, from the same text again, or across another event', () => {
    const template = new TextTemplate()
    template.learn(chunk('delta'), 'delta')
    template.learn(chunk('two'), 'two')
    // It is the name of a member too.
    expect(template.textOf(chunk('three'))).toBeNull()
    const same = new TextTemplate()
    same.learn(chunk('one'), 'one')
    same.learn(chunk('one'), 'one')
    expect(same.textOf(chunk('two'))).toBeNull()
    const across = new TextTemplate()
    across.learn(chunk('one'), 'one')
    across.learn({ event: null, data: '{}' }, null)
    across.learn(chunk('two'), 'two')
    expect(across.textOf(chunk('three'))).toBeNull()
  })

  test('a string that is not the text is never taken for it', () => {
    // The text is written by an escape; the plain string of the same value is something else.
    const odd = (plain: string, content: string): StreamEvent => ({
      event: null,
      data: `{"id":"${plain}","choices":[{"index":0,"delta":{"content":"${content}"}}]}`,
    })
    const template = new TextTemplate()
    template.learn(odd('x', '\\u0078'), 'x')
    template.learn(odd('x', '\\u0078'), 'x')
    expect(template.textOf(odd('other', '\\u0078'))).toBeNull()
  })
})

/** What a reader makes of a stream, with and without the short way. */
function readings(format: StreamFormat, events: readonly StreamEvent[], short: boolean) {
  const reader = format.open({ params: {} } as ModelRequest)
  let quick = 0
  const read = events.flatMap((event): StreamReading[] => {
    const more = short ? (reader.readMore?.(event) ?? null) : null
    if (more !== null) {
      quick++
      return [more]
    }
    return (format.split?.(event) ?? [event]).map((part) => reader.read(part))
  })
  return { read, answer: reader.answer(), quick }
}

const seeded = (seed: number) => () => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
  return seed / 2 ** 32
}

const WORDS = [
  'a',
  ' word',
  ' delta',
  'content',
  '\n',
  '"',
  '\\',
  ' ✓',
  '🙂',
  'null',
  '0',
  'index',
  ' text_delta',
]

test('streams of any words read the same the short way', () => {
  let quick = 0
  for (let seed = 1; seed <= 200; seed++) {
    const random = seeded(seed)
    const word = (): string => WORDS[Math.floor(random() * WORDS.length)] ?? ''
    const chat = Array.from({ length: 40 }, (): StreamEvent => {
      const kind = random()
      if (kind < 0.05) return { event: null, data: '{"choices":[{"index":0,"delta":{"role":"assistant"}}]}' }
      if (kind < 0.1)
        return {
          event: null,
          data: `{"choices":[{"index":1,"delta":{"reasoning":${JSON.stringify(word())}}}]}`,
        }
      return chunk(word())
    })
    const anthropic: StreamEvent[] = [
      {
        event: 'message_start',
        data: '{"type":"message_start","message":{"id":"m","model":"x","content":[]}}',
      },
      ...[0, 1].flatMap((index) => [
        {
          event: 'content_block_start',
          data: `{"type":"content_block_start","index":${index},"content_block":{"type":"text","text":""}}`,
        },
        ...Array.from({ length: 20 }, () => ({
          event: 'content_block_delta',
          data: `{"type":"content_block_delta","index":${index},"delta":{"type":"text_delta","text":${JSON.stringify(word())}}}`,
        })),
        { event: 'content_block_stop', data: `{"type":"content_block_stop","index":${index}}` },
      ]),
      { event: 'message_stop', data: '{"type":"message_stop"}' },
    ]
    for (const [format, events] of [
      [chatStream, [...chat, { event: null, data: '[DONE]' }]],
      [anthropicStream, anthropic],
    ] as const) {
      const short = readings(format, events, true)
      const long = readings(format, events, false)
      expect(short.read).toEqual(long.read)
      expect(short.answer).toEqual(long.answer)
      quick += short.quick
    }
  }
  expect(quick).toBeGreaterThan(1_000)
})
