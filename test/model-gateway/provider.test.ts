import Anthropic from '@anthropic-ai/sdk'
import { ApiError, GoogleGenAI } from '@google/genai'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { generateText, stepCountIs, streamText, tool } from 'ai'
import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { NO_USAGE } from '../../src/entry/model-gateway/model-call.ts'
import type { Protocol } from '../../src/entry/model-gateway/wire-formats/wire-format.ts'
import { PROVIDER_KEYS, startProvider, type FaultName, type Provider } from './provider/provider.ts'

let provider: Provider

beforeEach(async () => {
  provider = await startProvider()
})
afterEach(() => provider.close())

const USAGE = { input: 100, output: 20, cacheRead: 30, reasoning: 5 }
const WEATHER = { name: 'weather', arguments: { city: 'Zürich', days: 3 } }
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='

function openai(key = PROVIDER_KEYS.openai): OpenAI {
  return new OpenAI({ baseURL: provider.urls.openai, apiKey: key, maxRetries: 0 })
}
function anthropic(key = PROVIDER_KEYS.anthropic): Anthropic {
  return new Anthropic({
    baseURL: provider.urls.anthropic.replace('/v1', ''),
    apiKey: key,
    maxRetries: 0,
  })
}
function gemini(key = PROVIDER_KEYS.gemini): GoogleGenAI {
  return new GoogleGenAI({
    apiKey: key,
    httpOptions: { baseUrl: provider.urls.gemini.replace('/v1beta', '') },
  })
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out = []
  for await (const item of items) out.push(item)
  return out
}

describe('the OpenAI client', () => {
  const ask = { model: 'gpt-4o', messages: [{ role: 'user' as const, content: 'hi' }] }

  test('reads a completion with its usage', async () => {
    provider.script([{ text: 'good morning', usage: USAGE }])
    const answer = await openai().chat.completions.create(ask)
    expect(answer.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'good morning' } })
    expect(answer.usage).toMatchObject({ prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 })
    expect(answer.usage?.prompt_tokens_details?.cached_tokens).toBe(30)
    expect(answer.usage?.completion_tokens_details?.reasoning_tokens).toBe(5)
    expect(provider.billed).toEqual([{ ...NO_USAGE, ...USAGE }])
  })

  test('reads a stream, with usage only when asked', async () => {
    provider.script([{ chunks: ['good ', 'morn', 'ing'] }, { usage: USAGE }])
    const chunks = await all(await openai().chat.completions.create({ ...ask, stream: true }))
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('good morning')
    expect(chunks.every((chunk) => !('usage' in chunk))).toBe(true)
    const asked = await openai().chat.completions.create({
      ...ask,
      stream: true,
      stream_options: { include_usage: true },
    })
    expect((await all(asked)).at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 20 } })
  })

  test('assembles tool calls of a stream', async () => {
    provider.script([{ toolCalls: [WEATHER, { name: 'time', arguments: {} }] }])
    const runner = openai().chat.completions.stream({
      ...ask,
      tools: [{ type: 'function', function: { name: 'weather', parameters: {} } }],
    })
    const { choices } = await runner.finalChatCompletion()
    expect(choices[0]?.finish_reason).toBe('tool_calls')
    const calls = choices[0]?.message.tool_calls ?? []
    expect(calls).toMatchObject([{ function: { name: 'weather' } }, { function: { name: 'time' } }])
    expect(JSON.parse(calls[0]?.type === 'function' ? calls[0].function.arguments : '')).toEqual(
      WEATHER.arguments,
    )
  })

  test('reads a response, whole and streamed, with tool calls and reasoning', async () => {
    const answer = { text: 'one moment', thinking: 'they ask', toolCalls: [WEATHER], usage: USAGE }
    provider.script([answer, answer])
    const whole = await openai().responses.create({ model: 'gpt-5', input: 'weather?' })
    expect(whole.output_text).toBe('one moment')
    expect(whole.usage).toMatchObject({ input_tokens: 100, output_tokens: 20 })
    const stream = openai().responses.stream({ model: 'gpt-5', input: 'weather?' })
    const final = await stream.finalResponse()
    expect(final.output.map(({ type }) => type)).toEqual(['reasoning', 'message', 'function_call'])
    expect(final.output.at(-1)).toMatchObject({
      name: 'weather',
      arguments: JSON.stringify(WEATHER.arguments),
    })
    expect(final.output_text).toBe('one moment')
    expect(final.usage?.output_tokens_details.reasoning_tokens).toBe(5)
  })

  test('embeds and lists models', async () => {
    provider.script([{ usage: { input: 7 } }])
    const { data, usage } = await openai().embeddings.create({
      model: 'text-embedding-3-small',
      input: ['a', 'b'],
    })
    expect(data.map(({ embedding }) => embedding)).toEqual([
      [0.5, -0.25, 0.125],
      [0.5, -0.25, 0.125],
    ])
    expect(usage).toEqual({ prompt_tokens: 7, total_tokens: 7 })
    expect((await all(openai().models.list())).map(({ id }) => id)).toContain('gpt-4o')
    expect((await openai().models.retrieve('gpt-4o')).id).toBe('gpt-4o')
    expect(provider.billed[0]).toEqual({ ...NO_USAGE, input: 7 })
    expect(provider.requests[1]?.billed).toBeNull()
  })

  test('accepts images and several answers, and stops at max_tokens', async () => {
    provider.script([{ text: 'abcdefgh', usage: { input: 9 } }])
    const answer = await openai().chat.completions.create({
      model: 'gpt-4o',
      n: 2,
      max_tokens: 1,
      messages: [
        {
          role: 'user',
          content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } }],
        },
      ],
    })
    expect(answer.choices).toHaveLength(2)
    expect(answer.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'abcd' } })
    expect(answer.usage?.completion_tokens).toBe(2)
  })
})

describe('the Anthropic client', () => {
  const ask = {
    model: 'claude-sonnet-5-5',
    max_tokens: 100,
    messages: [{ role: 'user' as const, content: 'hi' }],
  }

  test('reads a message with cached and thinking tokens', async () => {
    provider.script([
      { text: 'good morning', thinking: 'hm', usage: { ...USAGE, cacheWrite: 20, cacheWriteHour: 8 } },
    ])
    const message = await anthropic().messages.create(ask)
    expect(message.content).toMatchObject([{ type: 'thinking' }, { type: 'text', text: 'good morning' }])
    expect(message.usage).toMatchObject({
      input_tokens: 50,
      cache_read_input_tokens: 30,
      cache_creation_input_tokens: 20,
      cache_creation: { ephemeral_5m_input_tokens: 12, ephemeral_1h_input_tokens: 8 },
      output_tokens: 20,
    })
  })

  test('assembles a stream with thinking, text and tool calls', async () => {
    provider.script([{ text: 'one moment', thinking: 'hm', toolCalls: [WEATHER], usage: USAGE }])
    const message = await anthropic().messages.stream(ask).finalMessage()
    expect(message).toMatchObject({
      stop_reason: 'tool_use',
      content: [
        { type: 'thinking', thinking: 'hm' },
        { type: 'text', text: 'one moment' },
        { type: 'tool_use', name: 'weather', input: WEATHER.arguments },
      ],
      usage: { input_tokens: 70, output_tokens: 20 },
    })
  })

  test('counts tokens and lists models; neither is billed', async () => {
    const { max_tokens: _not, ...count } = ask
    expect((await anthropic().messages.countTokens(count)).input_tokens).toBeGreaterThan(5)
    expect((await all(anthropic().models.list())).map(({ id }) => id)).toContain('claude-sonnet-5-5')
    expect(provider.billed).toEqual([NO_USAGE, NO_USAGE])
  })
})

describe('the Gemini client', () => {
  const ask = { model: 'gemini-2.5-flash', contents: 'hi' }

  test('reads an answer with thoughts and cached tokens', async () => {
    provider.script([{ text: 'good morning', thinking: 'hm', usage: USAGE }])
    const answer = await gemini().models.generateContent(ask)
    expect(answer.text).toBe('good morning')
    expect(answer.usageMetadata).toMatchObject({
      promptTokenCount: 100,
      candidatesTokenCount: 15,
      thoughtsTokenCount: 5,
      cachedContentTokenCount: 30,
      totalTokenCount: 120,
    })
  })

  test('reads a stream with growing counts and a function call', async () => {
    provider.script([{ text: 'one moment', toolCalls: [WEATHER], usage: { input: 10, output: 30 } }])
    const events = await all(await gemini().models.generateContentStream(ask))
    expect(events.map(({ text }) => text ?? '').join('')).toBe('one moment')
    expect(events.at(-1)?.functionCalls).toMatchObject([{ name: 'weather', args: WEATHER.arguments }])
    expect(events.map(({ usageMetadata }) => usageMetadata?.candidatesTokenCount)).toEqual([10, 20, 30])
  })

  test('counts, embeds and lists', async () => {
    expect((await gemini().models.countTokens(ask)).totalTokens).toBeGreaterThan(5)
    const { embeddings } = await gemini().models.embedContent({
      model: 'gemini-embedding-001',
      contents: ['a', 'b'],
    })
    expect(embeddings?.map(({ values }) => values)).toEqual([
      [0.5, -0.25, 0.125],
      [0.5, -0.25, 0.125],
    ])
    expect((await all(await gemini().models.list())).map(({ name }) => name)).toContain(
      'models/gemini-2.5-flash',
    )
  })
})

describe('the AI SDK', () => {
  test.each(['openai', 'openai-chat', 'anthropic'])('runs a tool and answers with it: %s', async (name) => {
    const model =
      name === 'anthropic'
        ? createAnthropic({ baseURL: provider.urls.anthropic, apiKey: PROVIDER_KEYS.anthropic })(
            'claude-sonnet-5-5',
          )
        : name === 'openai'
          ? createOpenAI({ baseURL: provider.urls.openai, apiKey: PROVIDER_KEYS.openai })('gpt-5')
          : createOpenAI({ baseURL: provider.urls.openai, apiKey: PROVIDER_KEYS.openai }).chat('gpt-4o')
    const tools = {
      weather: tool({
        inputSchema: z.object({ city: z.string(), days: z.number() }),
        execute: ({ city }) => `sunny in ${city}`,
      }),
    }
    provider.script([{ toolCalls: [WEATHER] }, { text: 'It is sunny.', usage: { input: 11, output: 4 } }])
    const whole = await generateText({ model, tools, stopWhen: stepCountIs(3), prompt: 'weather?' })
    expect(whole.text).toBe('It is sunny.')
    expect(provider.requests[1]?.raw.toString()).toContain('sunny in Zürich')
    provider.script([{ text: 'It is sunny.', usage: { input: 11, output: 4 } }])
    const streamed = streamText({ model, prompt: 'weather?' })
    expect(await streamed.text).toBe('It is sunny.')
    expect(await streamed.usage).toMatchObject({ inputTokens: 11, outputTokens: 4 })
  })
})

describe('errors are those of the vendor', () => {
  const chat = () =>
    openai().chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'hi' }] })
  const message = () =>
    anthropic().messages.create({
      model: 'claude-haiku-4-5',
      max_tokens: 9,
      messages: [{ role: 'user', content: 'hi' }],
    })
  const generate = () => gemini().models.generateContent({ model: 'gemini-2.5-pro', contents: 'hi' })

  test('a wrong key', async () => {
    await expect(openai('sk-wrong').models.list()).rejects.toThrow(OpenAI.AuthenticationError)
    await expect(anthropic('sk-wrong').models.list()).rejects.toThrow(Anthropic.AuthenticationError)
    await expect(gemini('wrong').models.list()).rejects.toMatchObject({ status: 401 })
    expect(provider.requests).toHaveLength(0)
    expect(provider.refused).toHaveLength(3)
    expect(provider.sawBelayKey).toBe(false)
    await expect(openai('blk_wrong').models.list()).rejects.toThrow(OpenAI.AuthenticationError)
    expect(provider.sawBelayKey).toBe(true)
  })

  test('a rate limit with its Retry-After, a server error, an overload, a bad request', async () => {
    const fault = (name: FaultName): void => provider.script([{ fault: { name, retryAfter: 7 } }])
    fault('rate_limit')
    const limited: unknown = await chat().catch((error: unknown) => error)
    expect(limited).toBeInstanceOf(OpenAI.RateLimitError)
    expect((limited as InstanceType<typeof OpenAI.RateLimitError>).headers.get('retry-after')).toBe('7')
    fault('server_error')
    await expect(chat()).rejects.toThrow(OpenAI.InternalServerError)
    fault('overloaded')
    await expect(message()).rejects.toMatchObject({ status: 529, type: 'overloaded_error' })
    fault('overloaded')
    await expect(generate()).rejects.toThrow(ApiError)
    fault('bad_request')
    await expect(message()).rejects.toThrow(Anthropic.BadRequestError)
    expect(provider.requests.every(({ billed }) => billed === null)).toBe(true)
  })

  test('an error in the middle of a stream', async () => {
    const failing = [{ fault: { name: 'error_event', after: 2 } as const, text: 'a b c d', usage: USAGE }]
    provider.script(failing)
    const chatStream = await openai().chat.completions.create({
      model: 'gpt-4o',
      stream: true,
      messages: [{ role: 'user', content: 'hi' }],
    })
    await expect(all(chatStream)).rejects.toThrow(OpenAI.APIError)
    provider.script(failing)
    const responses = await openai().responses.create({ model: 'gpt-5', input: 'hi', stream: true })
    await expect(all(responses)).rejects.toThrow(OpenAI.APIError)
    provider.script(failing)
    const messages = await anthropic().messages.create({
      model: 'claude-haiku-4-5',
      max_tokens: 99,
      stream: true,
      messages: [{ role: 'user', content: 'hi' }],
    })
    await expect(all(messages)).rejects.toMatchObject({ type: 'overloaded_error' })
    provider.script(failing)
    const events = await gemini().models.generateContentStream({ model: 'gemini-2.5-pro', contents: 'hi' })
    await expect(all(events)).rejects.toThrow(ApiError)
    expect(provider.billed.map(({ input, output }) => [input, output])).toEqual(
      Array.from({ length: 4 }, () => [100, 13]),
    )
  })
})

/** Reads an answer to the end without a client's forgiveness. */
async function raw(protocol: Protocol, stream: boolean): Promise<{ response: Response; text: string }> {
  const response = await fetch(...call(protocol, stream))
  return { response, text: await response.text() }
}

function call(protocol: Protocol, stream: boolean): [string, RequestInit] {
  const headers = { 'content-type': 'application/json' }
  const body = { model: 'm', stream, max_tokens: 50, messages: [{ role: 'user', content: 'hi' }] }
  if (protocol === 'openai')
    return [
      `${provider.urls.openai}/chat/completions`,
      {
        method: 'POST',
        headers: { ...headers, authorization: `Bearer ${PROVIDER_KEYS.openai}` },
        body: JSON.stringify(body),
      },
    ]
  if (protocol === 'anthropic')
    return [
      `${provider.urls.anthropic}/messages`,
      {
        method: 'POST',
        headers: { ...headers, 'x-api-key': PROVIDER_KEYS.anthropic },
        body: JSON.stringify(body),
      },
    ]
  const verb = stream ? 'streamGenerateContent?alt=sse' : 'generateContent'
  return [
    `${provider.urls.gemini}/models/m:${verb}`,
    {
      method: 'POST',
      headers: { ...headers, 'x-goog-api-key': PROVIDER_KEYS.gemini },
      body: JSON.stringify({ contents: [{ parts: [{ text: 'hi' }] }] }),
    },
  ]
}

const CASES = (['openai', 'anthropic', 'gemini'] as const).flatMap((protocol) =>
  [false, true].map((stream) => ({ protocol, stream })),
)

describe.each(CASES)('faults of $protocol, stream: $stream', ({ protocol, stream }) => {
  const text = 'one two three four'

  test.each(['reset_peer', 'reset_mid_stream', 'limit_data', 'half_closed', 'broken_chunking'] as const)(
    '%s breaks the connection',
    async (fault) => {
      provider.script([{ text, fault }])
      await expect(raw(protocol, stream)).rejects.toThrow(/terminated|fetch failed/)
      expect(await provider.requests[0]?.ended).toBe('broken')
    },
  )

  test('truncated_stream ends cleanly but too early', async () => {
    provider.script([{ text }, { text, fault: 'truncated_stream' }])
    const whole = await raw(protocol, stream)
    const cut = await raw(protocol, stream)
    expect(cut.response.status).toBe(200)
    expect(cut.text.length).toBeLessThan(whole.text.length)
    expect(await provider.requests[1]?.ended).toBe('broken')
    if (stream) expect(cut.text).not.toMatch(/\[DONE\]|message_stop|finishReason|finish_reason":"/)
    else expect(() => JSON.parse(cut.text) as unknown).toThrow(SyntaxError)
  })

  test('malformed_json is no JSON', async () => {
    provider.script([{ text, fault: 'malformed_json' }])
    const { text: body } = await raw(protocol, stream)
    const last = stream ? (body.trim().split('\n').at(-1)?.replace('data: ', '') ?? '') : body
    expect(() => JSON.parse(last) as unknown).toThrow(SyntaxError)
  })

  test('empty has no body', async () => {
    provider.script([{ fault: 'empty' }])
    expect((await raw(protocol, stream)).text).toBe('')
  })

  test('endless goes on until the client leaves', async () => {
    provider.script([{ text, fault: 'endless' }])
    const leaving = new AbortController()
    const [url, init] = call(protocol, stream)
    const { body } = await fetch(url, { ...init, signal: leaving.signal })
    let bytes = 0
    const read = async (): Promise<void> => {
      for await (const part of body!) {
        bytes += part.length
        if (bytes > 1_000_000) leaving.abort()
      }
    }
    await expect(read()).rejects.toThrow('aborted')
    expect(await provider.requests[0]?.ended).toBe('abandoned')
  })

  test.each(['slicer', 'bandwidth'] as const)('%s changes no byte', async (fault) => {
    const same = { text, usage: { input: 5, output: 5 }, fault } as const
    provider.script([same, { ...same, fault: 'ignores_max_tokens' }])
    const [sliced, whole] = [await raw(protocol, stream), await raw(protocol, stream)]
    const anonymous = (body: string) => body.replaceAll(/answer\d|17000000\d\d/g, '')
    expect(anonymous(sliced.text)).toBe(anonymous(whole.text))
  })

  test('gzip is compressed although nobody accepts it', async () => {
    provider.script([{ text, fault: 'gzip' }])
    const { response, text: body } = await raw(protocol, stream)
    expect(response.headers.get('content-encoding')).toBe('gzip')
    expect(body).toContain('three')
  })

  test('no_usage, zero_usage and schema_drift change the counts, field_removed the content', async () => {
    const counts = /"(completion_tokens|output_tokens|candidatesTokenCount)":("?)(\d+)/
    const read = async (fault: FaultName) => {
      provider.script([{ text, usage: { input: 50, output: 9 }, fault }])
      return (await raw(protocol, stream)).text
    }
    expect(await read('no_usage')).not.toMatch(counts)
    expect(await read('field_removed')).not.toContain('three')
    if (protocol === 'openai' && stream) return
    expect(counts.exec(await read('zero_usage'))?.[3]).toBe('0')
    expect(counts.exec(await read('schema_drift'))?.[2]).toBe('"')
  })

  test('a redirect is answered as one', async () => {
    provider.script([{ fault: 'redirect' }])
    const [url, init] = call(protocol, stream)
    const response = await fetch(url, { ...init, redirect: 'manual' })
    expect([response.status, response.headers.get('location')]).toEqual([307, '/elsewhere'])
  })

  test.each(['timeout', 'slow_sse'] as const)('%s waits for its gate', async (name) => {
    const gate = Promise.withResolvers<void>()
    provider.script([{ text, fault: { name, gate: gate.promise } }])
    const answer = raw(protocol, stream)
    const request = await provider.arrived(0)
    gate.resolve()
    expect((await answer).text).toContain('three')
    expect(await request.ended).toBe('answered')
  })

  test('a client that leaves is billed for what was produced, or for all', async () => {
    const gate = Promise.withResolvers<void>()
    const held = { text, usage: { input: 10, output: 8 }, gates: { 2: gate.promise }, end: gate.promise }
    provider.script([held, { ...held, billsAbandoned: true }])
    for (const expected of [stream ? 4 : 8, 8]) {
      const leaving = new AbortController()
      const [url, init] = call(protocol, stream)
      const number = provider.requests.length
      const answer = fetch(url, { ...init, signal: leaving.signal }).then((response) => response.text())
      const request = await provider.arrived(number)
      if (stream) await expect.poll(() => request.deltas).toBe(2)
      leaving.abort()
      await expect(answer).rejects.toThrow('aborted')
      expect(await request.ended).toBe('abandoned')
      expect(request.billed).toMatchObject({ input: 10, output: expected })
    }
  })

  test('wrong_finish_reason, model_swap and ignores_max_tokens', async () => {
    provider.script([
      { text, fault: 'wrong_finish_reason' },
      { text, fault: 'model_swap' },
      { text: 'x'.repeat(400), fault: 'ignores_max_tokens' },
    ])
    const wrong = (await raw(protocol, stream)).text
    if (protocol !== 'gemini') expect(wrong).toMatch(/tool_calls|tool_use/)
    expect((await raw(protocol, stream)).text).toContain('another-model-2')
    expect((await raw(protocol, stream)).text).toContain('x'.repeat(400))
    expect(provider.billed[2]?.output).toBe(100)
  })
})

test('a provider that is down answers nobody until it is up again', async () => {
  expect((await raw('openai', false)).response.status).toBe(200)
  const up = await provider.down()
  await expect(raw('openai', false)).rejects.toThrow('fetch failed')
  await up()
  expect((await raw('openai', false)).response.status).toBe(200)
})
