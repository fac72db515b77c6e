import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../action/json.ts'
import { anthropicMessages } from './anthropic-messages.ts'

const ANSWER: JsonObject = {
  id: 'msg_01',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-5-20250929',
  content: [
    { type: 'thinking', thinking: 'Two calls.', signature: 'c2ln' },
    { type: 'text', text: 'I check.' },
    { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
    { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Bonn' } },
    { type: 'tool_use', id: 'toolu_2', name: 'click', toolset_name: 'browser', input: {} },
  ],
  stop_reason: 'tool_use',
  stop_sequence: null,
  usage: {
    input_tokens: 10,
    cache_read_input_tokens: 200,
    cache_creation_input_tokens: 50,
    cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 30 },
    output_tokens: 40,
    output_tokens_details: { thinking_tokens: 15 },
    server_tool_use: { web_search_requests: 2 },
    service_tier: 'standard',
  },
}

describe('an answer', () => {
  it('is read in neutral words', () => {
    expect(anthropicMessages.readAnswer(ANSWER)).toEqual({
      id: 'msg_01',
      model: 'claude-sonnet-4-5-20250929',
      systemFingerprint: null,
      texts: ['Two calls.', 'I check.'],
      toolCalls: [
        { id: 'toolu_1', name: 'get_weather', arguments: '{"city":"Bonn"}' },
        { id: 'toolu_2', name: 'browser.click', arguments: '{}' },
      ],
      finishReasons: ['tool_use'],
      usage: {
        input: 260,
        output: 40,
        cacheRead: 200,
        cacheWrite: 50,
        cacheWriteHour: 30,
        reasoning: 15,
        inputAudio: 0,
        outputAudio: 0,
        webSearches: 2,
      },
    })
  })

  it('has no usage when what is reported is no count, but a zero is one', () => {
    const withUsage = (usage: JsonObject) => anthropicMessages.readAnswer({ ...ANSWER, usage }).usage
    expect(withUsage({ input_tokens: -1, output_tokens: 3 })).toBeNull()
    expect(withUsage({ input_tokens: 1.5, output_tokens: 3 })).toBeNull()
    expect(withUsage({ input_tokens: 1 })).toBeNull()
    expect(withUsage({ input_tokens: 0, output_tokens: 0 })).toMatchObject({ input: 0, output: 0 })
  })

  it('gets other texts and refusals in place of calls', () => {
    const one = anthropicMessages.rewriteAnswer(ANSWER, {
      texts: ['Two calls.', 'Edited.'],
      refusals: new Map([[0, 'Not Bonn.']]),
    })
    expect(one['stop_reason']).toBe('tool_use')
    expect(anthropicMessages.readAnswer(one)).toMatchObject({
      texts: ['Two calls.', 'Edited.', 'Not Bonn.'],
      toolCalls: [{ id: 'toolu_2' }],
    })
    const both = anthropicMessages.rewriteAnswer(ANSWER, {
      refusals: new Map([
        [0, 'No.'],
        [1, 'Nor that.'],
      ]),
    })
    expect(both['stop_reason']).toBe('end_turn')
    expect(anthropicMessages.readAnswer(both).toolCalls).toEqual([])
    expect(ANSWER['stop_reason']).toBe('tool_use')
  })

  it.each<[string, JsonObject]>([
    ['an error', { type: 'error', error: { type: 'api_error', message: 'x' } }],
    ['no content', { ...ANSWER, content: null }],
    ['a text as content', { ...ANSWER, content: 'hello' }],
    ['a call without a name', { ...ANSWER, content: [{ type: 'tool_use', id: 'a' }] }],
    ['a text that is none', { ...ANSWER, content: [{ type: 'text', text: [] }] }],
  ])('is not %s', (_, body) => {
    expect(() => anthropicMessages.readAnswer(body)).toThrow('malformed')
  })
})
