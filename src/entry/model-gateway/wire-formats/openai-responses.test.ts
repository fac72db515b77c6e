import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../action/json.ts'
import { openaiResponses } from './openai-responses.ts'

const read = (body: JsonObject) => openaiResponses.readRequest(body, {})

const REQUEST: JsonObject = {
  model: 'gpt-5',
  instructions: 'Be brief.',
  input: [
    { role: 'user', content: 'Weather in Paris?' },
    {
      type: 'message',
      role: 'user',
      content: [
        { type: 'input_text', text: 'And here?' },
        { type: 'input_image', detail: 'low', image_url: 'data:image/png;base64,AAAA' },
      ],
    },
    { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Needs a tool.' }] },
    { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'weather', arguments: '{"city":"Paris"}' },
    { type: 'function_call_output', call_id: 'call_1', output: '18 °C' },
    { type: 'custom_tool_call_output', call_id: 'call_2', output: [{ type: 'input_text', text: 'done' }] },
    {
      type: 'shell_call_output',
      call_id: 'call_3',
      status: 'incomplete',
      output: [{ stdout: 'out', stderr: 'err', outcome: { type: 'exit', exit_code: 1 } }],
    },
  ],
  tools: [
    { type: 'function', name: 'weather', parameters: {}, strict: true },
    { type: 'custom', name: 'run' },
    { type: 'namespace', name: 'crm', description: '', tools: [{ type: 'function', name: 'find' }] },
    { type: 'shell' },
    { type: 'web_search' },
    { type: 'mcp', server_label: 'docs', server_url: 'https://example.com/mcp' },
    { type: 'code_interpreter', container: { type: 'auto' } },
  ],
  max_output_tokens: 500,
  store: false,
  reasoning: { effort: 'low' },
  stream: true,
}

describe('readRequest', () => {
  it('reads texts, tools, results and limits', () => {
    expect(read(REQUEST)).toEqual({
      model: 'gpt-5',
      texts: [
        { role: 'system', text: 'Be brief.' },
        { role: 'user', text: 'Weather in Paris?' },
        { role: 'user', text: 'And here?' },
        { role: 'assistant', text: 'Needs a tool.' },
        { role: 'assistant', text: '{"city":"Paris"}' },
        { role: 'tool', text: '18 °C' },
        { role: 'tool', text: 'done' },
        { role: 'tool', text: 'out' },
        { role: 'tool', text: 'err' },
      ],
      tools: ['weather', 'run', 'find', 'shell'],
      toolSchemas: REQUEST['tools'],
      toolResults: [
        { callId: 'call_1', text: '18 °C', failed: false },
        { callId: 'call_2', text: 'done', failed: false },
        { callId: 'call_3', text: 'out\nerr', failed: true },
      ],
      stream: true,
      maxTokens: 500,
      answers: 1,
      params: { store: false, reasoning: { effort: 'low' } },
      media: {
        images: 1,
        inlineBytes: 4,
        unbounded: true,
        hosted: ['web_search', 'mcp', 'code_interpreter'],
      },
      session: null,
    })
  })

  it('reads a plain input', () => {
    expect(read({ model: 'm', input: 'hi' })).toMatchObject({
      texts: [{ role: 'user', text: 'hi' }],
      toolResults: [],
    })
  })

  it.each([
    { previous_response_id: 'resp_1' },
    { conversation: { id: 'conv_1' } },
    { prompt: { id: 'pmpt_1', variables: { name: 'x' } } },
    { input: [{ id: 'msg_1' }] },
    { input: [{ type: 'item_reference', id: 'msg_1' }] },
    { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file_1' }] }] },
    { input: [{ type: 'compaction', encrypted_content: 'x' }] },
  ])('has no bound for what the body does not hold: %j', (more) => {
    expect(read({ model: 'm', ...more }).media.unbounded).toBe(true)
  })

  it('names the conversation as the session', () => {
    expect(read({ conversation: 'conv_1' }).session).toBe('conv_1')
    expect(read({ conversation: { id: 'conv_2' } }).session).toBe('conv_2')
  })

  it('reads what variables put into a stored prompt', () => {
    const variables = { a: 'one', b: { type: 'input_text', text: 'two' } }
    expect(read({ prompt: { id: 'p', variables } }).texts.map(({ text }) => text)).toEqual(['one', 'two'])
  })

  it('reads what hosted tools of earlier turns told the model', () => {
    const input = [
      { type: 'mcp_call', id: 'm', name: 'n', server_label: 's', arguments: '{}', output: 'from mcp' },
      { type: 'code_interpreter_call', id: 'c', code: 'print(1)', outputs: [{ type: 'logs', logs: '1' }] },
      { type: 'local_shell_call', id: 'l', action: { type: 'exec', command: ['ls', '-l'], env: {} } },
    ]
    const texts = read({ input }).texts
    expect(texts.map(({ text }) => text)).toEqual(['{}', 'from mcp', '1', 'print(1)', 'ls', '-l'])
  })

  it.each([
    [{ input: 5 }, 'input'],
    [{ input: [5] }, 'input[0]'],
    [{ input: [{ role: 'wizard', content: 'x' }] }, 'input[0].role'],
    [{ input: [{ role: 'user', content: [{ type: 'input_text', text: {} }] }] }, 'input[0].content[0].text'],
    [{ input: [{ type: 'function_call_output', call_id: 1, output: 'x' }] }, 'input[0].call_id'],
    [{ input: [{ type: 'function_call_output', output: [5] }] }, 'input[0].output[0]'],
    [{ input: [{ type: 5 }] }, 'input[0].type'],
    [{ instructions: 5 }, 'instructions'],
    [{ max_output_tokens: 'many' }, 'max_output_tokens'],
    [{ conversation: { id: 5 } }, 'conversation.id'],
    [{ prompt: 'x' }, 'prompt'],
    [{ tools: [5] }, 'tools[0]'],
  ])('refuses %j', (body, where) => {
    expect(() => read(body as JsonObject)).toThrow(
      expect.objectContaining({ code: 'input:invalid', details: expect.objectContaining({ where }) }),
    )
  })
})

describe('rewriteRequest', () => {
  it('puts every text back where it was', () => {
    const texts = new Map(read(REQUEST).texts.map(({ text }, index) => [index, `<${text}>`]))
    const changed = openaiResponses.rewriteRequest(REQUEST, { texts }, {})
    expect(read(changed).texts.map(({ text }) => text)).toEqual([...texts.values()])
    expect(read(REQUEST).texts[0]?.text).toBe('Be brief.')
  })

  it('adds a correction as the last user turn', () => {
    const correct = (input: string | JsonObject[]) =>
      openaiResponses.rewriteRequest({ input }, { correction: 'Shorter.' }, {})['input']
    const turn = { role: 'user', content: 'Shorter.' }
    expect(correct('hi')).toEqual([{ role: 'user', content: 'hi' }, turn])
    expect(correct([{ type: 'item_reference', id: 'x' }])).toEqual([
      { type: 'item_reference', id: 'x' },
      turn,
    ])
  })

  it('changes model and limit', () => {
    expect(openaiResponses.rewriteRequest({ input: 'x' }, { model: 'n', maxTokens: 3 }, {})).toEqual({
      input: 'x',
      model: 'n',
      max_output_tokens: 3,
    })
  })
})

const ANSWER: JsonObject = {
  id: 'resp_1',
  object: 'response',
  status: 'completed',
  model: 'gpt-5-2025-08-07',
  output: [
    { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Thinking.' }] },
    { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'q' } },
    {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      status: 'completed',
      content: [
        { type: 'output_text', text: 'Hello.', annotations: [], logprobs: [{ token: 'Hello' }] },
        { type: 'refusal', refusal: 'No.' },
      ],
    },
    { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'f', arguments: '{}', status: 'completed' },
    { type: 'custom_tool_call', id: 'ct_1', call_id: 'call_2', name: 'g', input: 'x' },
    { type: 'local_shell_call', id: 'ls_1', call_id: 'call_3', action: { type: 'exec', command: ['ls'] } },
  ],
  usage: {
    input_tokens: 50,
    input_tokens_details: { cached_tokens: 10, cache_write_tokens: 4 },
    output_tokens: 20,
    output_tokens_details: { reasoning_tokens: 8 },
    total_tokens: 70,
  },
}

describe('answers', () => {
  it('reads texts, calls and usage', () => {
    expect(openaiResponses.readAnswer(ANSWER)).toEqual({
      id: 'resp_1',
      model: 'gpt-5-2025-08-07',
      systemFingerprint: null,
      texts: ['Thinking.', 'Hello.', 'No.'],
      toolCalls: [
        { id: 'call_1', name: 'f', arguments: '{}' },
        { id: 'call_2', name: 'g', arguments: 'x' },
        { id: 'call_3', name: 'local_shell', arguments: '{"type":"exec","command":["ls"]}' },
      ],
      finishReasons: ['completed'],
      usage: {
        input: 50,
        output: 20,
        cacheRead: 10,
        cacheWrite: 4,
        cacheWriteHour: 0,
        reasoning: 8,
        inputAudio: 0,
        outputAudio: 0,
        webSearches: 1,
      },
    })
  })

  it('tells why an answer is incomplete', () => {
    const body = { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, output: [] }
    expect(openaiResponses.readAnswer(body).finishReasons).toEqual(['max_output_tokens'])
  })

  it('takes an unknown kind of call as one that the agent runs', () => {
    const body = {
      status: 'completed',
      output: [{ type: 'teleport_call', id: 't', arguments: '{"to":"x"}' }],
    }
    expect(openaiResponses.readAnswer(body).toolCalls).toEqual([
      { id: 't', name: 'teleport', arguments: '{"to":"x"}' },
    ])
  })

  it('rewrites texts without leaving a trace of the old ones', () => {
    const changed = openaiResponses.rewriteAnswer(
      { ...ANSWER, output_text: 'Hello.' },
      { texts: ['T', 'H', 'No.'] },
    )
    expect(openaiResponses.readAnswer(changed).texts).toEqual(['T', 'H', 'No.'])
    expect(JSON.stringify(changed)).not.toContain('Hello')
  })

  it('puts a message in the place of a refused call', () => {
    const changed = openaiResponses.rewriteAnswer(ANSWER, { refusals: new Map([[1, 'Not allowed.']]) })
    const answer = openaiResponses.readAnswer(changed)
    expect(answer.toolCalls.map(({ id }) => id)).toEqual(['call_1', 'call_3'])
    expect((changed['output'] as JsonObject[])[4]).toMatchObject({
      type: 'message',
      id: 'msg_ct_1',
      content: [{ type: 'output_text', text: 'Not allowed.' }],
    })
  })

  it.each([
    {},
    { output: 5 },
    { output: [5] },
    { output: [{ type: 'message', content: 5 }] },
    {
      output: [{ type: 'message', content: [{ type: 'output_text', text: 5 }] }],
    },
    { output: [{ type: 'function_call', arguments: '{}' }] },
  ])('is none: %j', (body) => {
    expect(() => openaiResponses.readAnswer(body as JsonObject)).toThrow("The provider's answer is malformed")
  })
})
