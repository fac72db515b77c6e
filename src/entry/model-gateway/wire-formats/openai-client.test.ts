import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../action/json.ts'
import { openaiChat } from './openai-chat.ts'
import { openaiResponses } from './openai-responses.ts'
import { SseParser, writeEvent } from './sse.ts'
import type { StreamEvent, WireFormat } from './wire-format.ts'

let served: readonly StreamEvent[] = []
let server: Server
let client: OpenAI

beforeAll(async () => {
  server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const event of served) response.write(writeEvent(event))
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  client = new OpenAI({ apiKey: 'blk_test', baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 0 })
})

afterAll(() => new Promise((resolve) => server.close(resolve)))

function parse(text: string): StreamEvent[] {
  return new SseParser().feed(Buffer.from(text))
}

function named(type: string, data: JsonObject, sequence: number): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence, ...data })}\n\n`
}

/** What a gate does: edits texts, and from the first call on holds everything to refuse calls in it. */
function gate(
  format: WireFormat,
  events: readonly StreamEvent[],
  changes: { edit?: (text: string) => string; refusals?: ReadonlyMap<number, string> },
): StreamEvent[] {
  const { edit = (text: string) => text, refusals = new Map<number, string>() } = changes
  const stream = format.stream
  if (stream === null) throw new Error('The format does not stream.')
  const reader = stream.open(
    format.readRequest({ messages: [], input: 'x', stream_options: { include_usage: true } }, {}),
  )
  const passed: StreamEvent[] = []
  const held: StreamEvent[] = []
  const released: string[] = []
  for (const event of events) {
    const { text, part, tool, repeats } = reader.read(event)
    if (text !== null) released[part] = (released[part] ?? '') + edit(text)
    let now: StreamEvent | null = event
    if (repeats === true) now = stream.finalText?.(event, released) ?? event
    else if (text !== null) now = stream.withText(event, edit(text))
    if (now !== null) (tool ? held : passed).push(now)
  }
  expect(reader.ended).toBe(true)
  return [...passed, ...stream.refuse(held, refusals)]
}

const chunk = (delta: JsonObject, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'gpt-5-mini', choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] })}\n\n`

const CHAT = parse(
  [
    chunk({ role: 'assistant', content: '', refusal: null }),
    chunk({ content: 'Looking ' }),
    chunk({ content: 'up.' }),
    chunk({
      tool_calls: [{ index: 0, id: 'call_a', type: 'function', function: { name: 'drop', arguments: '' } }],
    }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: '{"table":"users"}' } }] }),
    chunk({
      tool_calls: [{ index: 1, id: 'call_b', type: 'function', function: { name: 'find', arguments: '' } }],
    }),
    chunk({ tool_calls: [{ index: 1, function: { arguments: '{"id":1}' } }] }),
    chunk({}, 'tool_calls'),
    `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'gpt-5-mini', choices: [], usage: { prompt_tokens: 9, completion_tokens: 8, total_tokens: 17 } })}\n\n`,
    'data: [DONE]\n\n',
  ].join(''),
)

const ASK = { model: 'gpt-5-mini', messages: [{ role: 'user' as const, content: 'hi' }] }

describe('chat, read by the official client', () => {
  const whole = async (events: readonly StreamEvent[]) => {
    served = events
    return client.chat.completions
      .stream({ ...ASK, stream_options: { include_usage: true } })
      .finalChatCompletion()
  }

  it('has one call left, and why the other was refused', async () => {
    const refused = gate(openaiChat, CHAT, { refusals: new Map([[0, 'drop is not allowed.']]) })
    const completion = await whole(refused)
    const message = completion.choices[0]?.message
    expect(message?.content).toBe('Looking up.drop is not allowed.')
    expect(message?.tool_calls).toMatchObject([
      { id: 'call_b', function: { name: 'find', arguments: '{"id":1}' } },
    ])
    expect(completion.choices[0]?.finish_reason).toBe('tool_calls')
    expect(completion.usage?.total_tokens).toBe(17)
  })

  it('is a plain answer when every call was refused, with edited texts', async () => {
    const refusals = new Map([
      [0, ' No.'],
      [1, ' No!'],
    ])
    const completion = await whole(
      gate(openaiChat, CHAT, { refusals, edit: (text) => text.replace('up', 'away') }),
    )
    expect(completion.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: 'Looking away. No.\n\n No!' },
    })
    expect(completion.choices[0]?.message.tool_calls ?? []).toEqual([])
  })

  it('raises a failure in the middle', async () => {
    const failure = openaiChat.stream?.failure('budget:spent', 'The budget is spent.') ?? []
    served = [...CHAT.slice(0, 2), ...failure]
    const stream = await client.chat.completions.create({ ...ASK, stream: true })
    const seen: unknown[] = []
    await expect(
      (async () => {
        for await (const part of stream) seen.push(part)
      })(),
    ).rejects.toMatchObject({
      code: 'budget:spent',
      message: expect.stringContaining('The budget is spent.'),
    })
    expect(seen).toHaveLength(2)
  })
})

const part = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] })
const call = (id: string, name: string, args: string, status: string) => ({
  id,
  type: 'function_call',
  call_id: `call_${id}`,
  name,
  arguments: args,
  status,
})

function responsesStream(): StreamEvent[] {
  const said = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [part('Looking up.')],
  }
  const place = { item_id: 'msg_1', output_index: 0, content_index: 0 }
  const output = [
    said,
    call('fc_1', 'drop', '{"table":"users"}', 'completed'),
    call('fc_2', 'find', '{"id":1}', 'completed'),
  ]
  const response = {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    model: 'gpt-5',
    tools: [],
    metadata: {},
    error: null,
  }
  const usage = { input_tokens: 9, output_tokens: 8, total_tokens: 17 }
  const events: [string, JsonObject][] = [
    ['response.created', { response: { ...response, status: 'in_progress', output: [] } }],
    ['response.in_progress', { response: { ...response, status: 'in_progress', output: [] } }],
    [
      'response.output_item.added',
      { output_index: 0, item: { ...said, status: 'in_progress', content: [] } },
    ],
    ['response.content_part.added', { ...place, part: part('') }],
    ['response.output_text.delta', { ...place, delta: 'Looking ', logprobs: [] }],
    ['response.output_text.delta', { ...place, delta: 'up.', logprobs: [] }],
    ['response.output_text.done', { ...place, text: 'Looking up.', logprobs: [] }],
    ['response.content_part.done', { ...place, part: part('Looking up.') }],
    ['response.output_item.done', { output_index: 0, item: said }],
    ['response.output_item.added', { output_index: 1, item: call('fc_1', 'drop', '', 'in_progress') }],
    [
      'response.function_call_arguments.delta',
      { item_id: 'fc_1', output_index: 1, delta: '{"table":"users"}' },
    ],
    [
      'response.function_call_arguments.done',
      { item_id: 'fc_1', output_index: 1, arguments: '{"table":"users"}' },
    ],
    ['response.output_item.done', { output_index: 1, item: output[1] as JsonObject }],
    ['response.output_item.added', { output_index: 2, item: call('fc_2', 'find', '', 'in_progress') }],
    ['response.function_call_arguments.delta', { item_id: 'fc_2', output_index: 2, delta: '{"id":1}' }],
    ['response.function_call_arguments.done', { item_id: 'fc_2', output_index: 2, arguments: '{"id":1}' }],
    ['response.output_item.done', { output_index: 2, item: output[2] as JsonObject }],
    ['response.completed', { response: { ...response, status: 'completed', output, usage } }],
  ]
  return parse(events.map(([type, data], index) => named(type, data, index)).join(''))
}

describe('responses, read by the official client', () => {
  const whole = async (events: readonly StreamEvent[]) => {
    served = events
    return client.responses.stream({ model: 'gpt-5', input: 'hi' }).finalResponse()
  }

  it('takes the stream as it came', async () => {
    const response = await whole(gate(openaiResponses, responsesStream(), {}))
    expect(response.output.map(({ type }) => type)).toEqual(['message', 'function_call', 'function_call'])
  })

  it('has a message in the place of the refused call', async () => {
    const refusals = new Map([[0, 'drop is not allowed.']])
    const edit = (text: string) => text.replace('up', 'away')
    const response = await whole(gate(openaiResponses, responsesStream(), { refusals, edit }))
    expect(response.output.map(({ type }) => type)).toEqual(['message', 'message', 'function_call'])
    expect(response.output_text).toBe('Looking away.drop is not allowed.')
    expect(response.output[2]).toMatchObject({ name: 'find', arguments: '{"id":1}' })
    expect(JSON.stringify(response)).not.toMatch(/users|Looking up/)
  })

  it('raises a failure in the middle', async () => {
    const sent = responsesStream().slice(0, 5)
    served = [
      ...sent,
      ...(openaiResponses.stream?.failure('budget:spent', 'The budget is spent.', sent.at(-1)) ?? []),
    ]
    const stream = await client.responses.create({ model: 'gpt-5', input: 'hi', stream: true })
    const seen: unknown[] = []
    await expect(
      (async () => {
        for await (const event of stream) seen.push(event)
      })(),
    ).rejects.toMatchObject({
      code: 'budget:spent',
      message: expect.stringContaining('The budget is spent.'),
    })
    expect(seen).toHaveLength(5)
  })
})
