import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../action/json.ts'
import { openaiChat } from './openai-chat.ts'

const REQUEST: JsonObject = {
  model: 'gpt-5-mini',
  messages: [
    { role: 'developer', content: 'Be brief.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What is on this picture?' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=', detail: 'low' } },
        { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
      ],
    },
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'call_1', type: 'function', function: { name: 'lookup', arguments: '{"q":"cat"}' } },
        { id: 'call_2', type: 'custom', custom: { name: 'run', input: 'ls' } },
      ],
    },
    { role: 'tool', tool_call_id: 'call_1', content: 'a cat' },
    {
      role: 'tool',
      tool_call_id: 'call_2',
      content: [
        { type: 'text', text: 'one' },
        { type: 'text', text: 'two' },
      ],
    },
  ],
  tools: [
    {
      type: 'function',
      function: { name: 'lookup', description: 'Looks up', parameters: { type: 'object' } },
    },
    { type: 'custom', custom: { name: 'run' } },
  ],
  max_completion_tokens: 300,
  n: 2,
  temperature: 0.2,
  seed: 7,
  reasoning_effort: 'low',
  service_tier: 'flex',
}

const read = (body: JsonObject) => openaiChat.readRequest(body, {})
const user = (content: JsonObject[] | string): JsonObject => ({
  model: 'm',
  messages: [{ role: 'user', content }],
})

describe('match', () => {
  it('takes its own route only', () => {
    expect(openaiChat.match('POST', '/chat/completions')).toEqual({})
    expect(openaiChat.match('GET', '/chat/completions')).toBeUndefined()
    expect(openaiChat.match('POST', '/chat/completions/abc')).toBeUndefined()
  })
})

describe('readRequest', () => {
  it('reads texts, tools, results and limits', () => {
    expect(read(REQUEST)).toEqual({
      model: 'gpt-5-mini',
      texts: [
        { role: 'system', text: 'Be brief.' },
        { role: 'user', text: 'What is on this picture?' },
        { role: 'assistant', text: '{"q":"cat"}' },
        { role: 'assistant', text: 'ls' },
        { role: 'tool', text: 'a cat' },
        { role: 'tool', text: 'one' },
        { role: 'tool', text: 'two' },
      ],
      tools: ['lookup', 'run'],
      toolSchemas: REQUEST['tools'],
      toolResults: [
        { callId: 'call_1', text: 'a cat', failed: false },
        { callId: 'call_2', text: 'one\ntwo', failed: false },
      ],
      stream: false,
      maxTokens: 300,
      answers: 2,
      params: { temperature: 0.2, seed: 7, reasoning_effort: 'low', service_tier: 'flex' },
      media: { images: 2, inlineBytes: 12, unbounded: false, hosted: [] },
      session: null,
    })
  })

  it('answers only results after the last turn of the model', () => {
    const messages = [...(REQUEST['messages'] as JsonObject[]), { role: 'assistant', content: 'A cat.' }]
    expect(read({ ...REQUEST, messages }).toolResults).toEqual([])
  })

  it.each([
    [{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }, 4],
    [{ type: 'file', file: { file_id: 'file-1' } }, 0],
    [{ type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAAAA' } }, 6],
    [{ type: 'video_url', video_url: { url: 'https://example.com/v.mp4' } }, 0],
  ])('has no bound for %j', (part, inlineBytes) => {
    expect(read(user([part])).media).toEqual({ images: 0, inlineBytes, unbounded: true, hosted: [] })
  })

  it('reads a text in a part of any type, so that no type hides it', () => {
    expect(read(user([{ type: 'surprise', text: 'hidden' }])).texts).toEqual([
      { role: 'user', text: 'hidden' },
    ])
  })

  it.each([
    [{ web_search_options: {} }, ['web_search']],
    [{ plugins: [{ id: 'web' }] }, ['web']],
    [{ tools: [{ type: 'browser' }] }, ['browser']],
  ])('names what the provider runs by itself: %j', (more, hosted) => {
    expect(read({ ...user('hi'), ...more }).media.hosted).toEqual(hosted)
  })

  it('takes the greater of both limits, since providers heed one or the other', () => {
    expect(read({ ...user('hi'), max_tokens: 10, max_completion_tokens: 20 }).maxTokens).toBe(20)
    expect(read({ ...user('hi'), max_tokens: 10, max_completion_tokens: null }).maxTokens).toBe(10)
    expect(read(user('hi')).maxTokens).toBeNull()
  })

  it.each([
    [{}, 'messages'],
    [{ messages: 'hi' }, 'messages'],
    [{ messages: [1] }, 'messages[0]'],
    [{ messages: [{ content: 'hi' }] }, 'messages[0].role'],
    [{ messages: [{ role: '__proto__', content: 'hi' }] }, 'messages[0].role'],
    [user([{ type: 'text', text: 5 }]), 'messages[0].content[0].text'],
    [{ messages: [{ role: 'user', content: { text: 'x' } }] }, 'messages[0].content'],
    [{ messages: [{ role: 'user', content: ['x'] }] }, 'messages[0].content[0]'],
    [{ ...user('hi'), stream: 'true' }, 'stream'],
    [{ ...user('hi'), n: 0 }, 'n'],
    [{ ...user('hi'), max_tokens: -1 }, 'max_tokens'],
    [{ ...user('hi'), max_tokens: 1e308 }, 'max_tokens'],
    [{ ...user('hi'), model: 5 }, 'model'],
    [{ ...user('hi'), models: ['dearer'] }, 'models'],
    [{ ...user('hi'), tools: {} }, 'tools'],
    [{ ...user('hi'), tools: [{ type: 'function', function: {} }] }, 'tools[0].name'],
    [{ ...user('hi'), stream_options: 1 }, 'stream_options'],
  ])('refuses %j', (body, where) => {
    expect(() => read(body)).toThrow(
      expect.objectContaining({ code: 'input:invalid', details: expect.objectContaining({ where }) }),
    )
  })
})

describe('rewriteRequest', () => {
  it('puts texts back by their index and leaves the given body alone', () => {
    const before = JSON.stringify(REQUEST)
    const texts = new Map([
      [1, 'What is here?'],
      [2, '{"q":"dog"}'],
      [6, '[redacted]'],
    ])
    const changed = openaiChat.rewriteRequest(REQUEST, { texts }, {})
    expect(read(changed).texts.map(({ text }) => text)).toEqual([
      'Be brief.',
      'What is here?',
      '{"q":"dog"}',
      'ls',
      'a cat',
      'one',
      '[redacted]',
    ])
    expect(JSON.stringify(REQUEST)).toBe(before)
    expect({ ...changed, messages: null }).toEqual({ ...REQUEST, messages: null })
  })

  it('changes the limit under the name that is there, else adds the one asked for', () => {
    const limit = (body: JsonObject, changes = {}) =>
      openaiChat.rewriteRequest(body, { maxTokens: 5, ...changes }, {})
    expect(limit({ max_tokens: 9 })).toEqual({ max_tokens: 5 })
    expect(limit({ max_tokens: null })).toEqual({ max_completion_tokens: 5 })
    expect(limit({}, { maxTokensMember: 'max_tokens' })).toEqual({ max_tokens: 5 })
  })

  it('asks for the usage in streams only, and keeps other options', () => {
    const usage = { usageInStream: true }
    expect(openaiChat.rewriteRequest({ stream: true, stream_options: { x: 1 } }, usage, {})).toEqual({
      stream: true,
      stream_options: { x: 1, include_usage: true },
    })
    expect(openaiChat.rewriteRequest({}, usage, {})).toEqual({})
  })

  it('adds a correction as the last user turn, and another model', () => {
    const changed = openaiChat.rewriteRequest(user('hi'), { correction: 'Shorter.', model: 'other' }, {})
    expect(changed['messages']).toEqual([
      { role: 'user', content: 'hi' },
      { role: 'user', content: 'Shorter.' },
    ])
    expect(changed['model']).toBe('other')
  })
})

const ANSWER: JsonObject = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1_760_000_000,
  model: 'gpt-5-mini-2025-08-07',
  system_fingerprint: 'fp_1',
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: 'Let me look.',
        refusal: null,
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: 'lookup', arguments: '{"q":"cat"}' } },
          { id: 'call_2', type: 'function', function: { name: 'delete', arguments: '{}' } },
        ],
      },
      logprobs: { content: [{ token: 'Let', logprob: -0.1, bytes: null, top_logprobs: [] }], refusal: null },
      finish_reason: 'tool_calls',
    },
    { index: 1, message: { role: 'assistant', content: null, refusal: 'I cannot.' }, finish_reason: 'stop' },
  ],
  usage: {
    prompt_tokens: 100,
    completion_tokens: 40,
    total_tokens: 140,
    prompt_tokens_details: { cached_tokens: 64, audio_tokens: 3 },
    completion_tokens_details: { reasoning_tokens: 30, audio_tokens: 2 },
  },
}

describe('answers', () => {
  it('reads every choice', () => {
    expect(openaiChat.readAnswer(ANSWER)).toEqual({
      id: 'chatcmpl-1',
      model: 'gpt-5-mini-2025-08-07',
      systemFingerprint: 'fp_1',
      texts: ['Let me look.', 'I cannot.'],
      toolCalls: [
        { id: 'call_1', name: 'lookup', arguments: '{"q":"cat"}' },
        { id: 'call_2', name: 'delete', arguments: '{}' },
      ],
      finishReasons: ['tool_calls', 'stop'],
      usage: {
        input: 100,
        output: 40,
        cacheRead: 64,
        cacheWrite: 0,
        cacheWriteHour: 0,
        reasoning: 30,
        inputAudio: 3,
        outputAudio: 2,
        webSearches: 0,
      },
    })
  })

  it('reads reasoning that compatible providers add, and the older way of calling', () => {
    const message = {
      role: 'assistant',
      content: 'Yes.',
      reasoning_content: 'Hm.',
      function_call: { name: 'f', arguments: '{}' },
    }
    const answer = openaiChat.readAnswer({ choices: [{ message, finish_reason: 'function_call' }] })
    expect(answer.texts).toEqual(['Hm.', 'Yes.'])
    expect(answer.toolCalls).toEqual([{ id: 'function_call', name: 'f', arguments: '{}' }])
    expect(answer.usage).toBeNull()
  })

  it('rewrites texts and drops probabilities, which would tell the old ones', () => {
    const changed = openaiChat.rewriteAnswer(ANSWER, { texts: ['[redacted]', 'I cannot.'] })
    expect(openaiChat.readAnswer(changed).texts).toEqual(['[redacted]', 'I cannot.'])
    expect(JSON.stringify(changed)).not.toContain('Let')
    expect(JSON.stringify(ANSWER)).toContain('Let me look.')
  })

  it('puts a text in the place of one refused call and keeps the other', () => {
    const changed = openaiChat.rewriteAnswer(ANSWER, { refusals: new Map([[1, 'Not allowed.']]) })
    const answer = openaiChat.readAnswer(changed)
    expect(answer.texts[0]).toBe('Let me look.\n\nNot allowed.')
    expect(answer.toolCalls.map(({ name }) => name)).toEqual(['lookup'])
    expect(answer.finishReasons[0]).toBe('tool_calls')
  })

  it('ends as a plain answer when no call is left', () => {
    const refusals = new Map([
      [0, 'No.'],
      [1, 'Not allowed.'],
    ])
    const changed = openaiChat.rewriteAnswer(ANSWER, { refusals })
    expect(openaiChat.readAnswer(changed)).toMatchObject({ toolCalls: [], finishReasons: ['stop', 'stop'] })
    expect(JSON.stringify(changed)).not.toContain('tool_calls')
  })

  it.each([
    {},
    { choices: {} },
    { choices: [null] },
    { choices: [{}] },
    { choices: [{ message: { content: 5 } }] },
    { choices: [{ message: { tool_calls: [{ type: 'function', function: { arguments: '{}' } }] } }] },
    { choices: [{ message: { tool_calls: {} } }] },
    { error: { message: 'x' } },
  ])('is none: %j', (body) => {
    expect(() => openaiChat.readAnswer(body as JsonObject)).toThrow("The provider's answer is malformed")
  })
})
