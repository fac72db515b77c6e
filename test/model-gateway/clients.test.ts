import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import Anthropic from '@anthropic-ai/sdk'
import { ApiError, GoogleGenAI, Type } from '@google/genai'
import { generateText, stepCountIs, streamText, tool } from 'ai'
import OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { startGateway, type TestGateway } from '../setup/gateway.ts'
import { ask, clientsOf, policyFor, recordsOf, ROUTES, settled, type Clients } from './drive.ts'
import { PROVIDER_KEYS, startProvider, type Provider } from './provider/provider.ts'

const WEATHER = { name: 'weather', arguments: { city: 'Zürich' } }
const SCHEMA = {
  type: 'object' as const,
  properties: { city: { type: 'string' } },
  required: ['city'],
}
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='

let provider: Provider
let gateway: TestGateway
let clients: Clients
let agent: string
let key: string
let number = 0
let before = 0

beforeAll(async () => {
  provider = await startProvider()
  gateway = await startGateway(
    policyFor(provider, {
      agent: '{ budget: [{ limit_usd: 5, per: day }] }',
      generate: `verify: [{ banned_phrases: { field: text, phrases: [forbidden fruit] } }]`,
      actions: `  tool.weather: { effect: read }
  tool.launch: { effect: irreversible, verify: [{ rule: { when: 'true', then: deny, code: 'test:never', message: 'Nothing is launched.' } }] }
`,
    }),
    provider,
  )
})
afterAll(async () => {
  await gateway.close()
  await provider.close()
})
beforeEach(async () => {
  agent = `agent-${number++}`
  key = await gateway.key(agent)
  clients = clientsOf(gateway.url, key, 2)
  before = provider.requests.length
})

const sent = () => provider.requests.slice(before)

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out = []
  for await (const item of items) out.push(item)
  return out
}

describe.each(ROUTES)('%s', (route) => {
  test.each([false, true])('text, stream: %s', async (stream) => {
    provider.script([{ text: 'Grüezi mitenand, 你好 👋' }])
    const got = await ask(clients, { route, stream, prompt: 'greet me' })
    expect(got).toEqual({ text: 'Grüezi mitenand, 你好 👋', error: null })
    expect(sent()).toHaveLength(1)
    const [action] = await settled(gateway, agent)
    expect(action).toMatchObject({ name: 'model.generate', state: { name: 'succeeded' } })
    expect(provider.sawBelayKey).toBe(false)
  })

  test.each([false, true])(
    'what the policy denies is refused once and for all, stream: %s',
    async (stream) => {
      const got = await ask(clients, { route, stream, prompt: 'eat the forbidden fruit' })
      expect(got.error?.status).toBe(403)
      const official = { chat: OpenAI, responses: OpenAI, messages: Anthropic }
      if (route === 'gemini') expect(got.error).toBeInstanceOf(ApiError)
      else expect(got.error).toBeInstanceOf(official[route].PermissionDeniedError)
      expect(sent()).toHaveLength(0)
      // Tried again, there would be more than one action.
      const actions = await settled(gateway, agent)
      expect(actions.map(({ state }) => state.name)).toEqual(['denied'])
    },
  )

  test('a key that nobody has', async () => {
    const wrong = clientsOf(gateway.url, 'blk_0000000000000000000000000000000000000000000', 2)
    const got = await ask(wrong, { route, stream: false, prompt: 'hi' })
    expect(got.error?.status).toBe(401)
    if (route === 'messages') expect(got.error).toBeInstanceOf(Anthropic.AuthenticationError)
    if (route === 'chat') expect(got.error).toBeInstanceOf(OpenAI.AuthenticationError)
    expect(sent()).toHaveLength(0)
  })

  test('a model whose price nobody knows is refused and named', async () => {
    const got = await ask(clients, { route, stream: false, prompt: 'hi', model: 'unheard-of-9000' })
    expect(got.error?.status).toBe(400)
    expect(got.error?.message).toContain('unheard-of-9000')
    expect(sent()).toHaveLength(0)
  })

  test('an agent without its provider key never learns it', async () => {
    provider.script([{ text: 'hello' }])
    const got = await ask(clients, { route, stream: false, prompt: 'hi' })
    const keys = Object.values(PROVIDER_KEYS)
    expect(keys.some((secret) => JSON.stringify(got).includes(secret))).toBe(false)
    const records = await gateway.harness.store.records(
      (await gateway.harness.store.chains())[0]!.chain,
      0,
      10_000,
    )
    expect(records.some(({ text }) => keys.some((secret) => text.includes(secret)))).toBe(false)
  })
})

describe('tool calls there and back', () => {
  test('chat', async () => {
    provider.script([{ toolCalls: [{ ...WEATHER, id: 'call_w' }] }, { text: 'It is sunny.' }])
    const tools = [{ type: 'function' as const, function: { name: 'weather', parameters: SCHEMA } }]
    const question = { role: 'user' as const, content: 'weather?' }
    const first = await clients.openai.chat.completions
      .stream({ model: 'gpt-4o', tools, messages: [question] })
      .finalChatCompletion()
    const message = first.choices[0]!.message
    expect(first.choices[0]?.finish_reason).toBe('tool_calls')
    expect(message.tool_calls).toMatchObject([
      { id: 'call_w', function: { name: 'weather', arguments: '{"city":"Zürich"}' } },
    ])
    const second = await clients.openai.chat.completions.create({
      model: 'gpt-4o',
      tools,
      messages: [question, message, { role: 'tool', tool_call_id: 'call_w', content: 'sunny' }],
    })
    expect(second.choices[0]?.message.content).toBe('It is sunny.')
    expect(await names()).toEqual(['model.generate', 'tool.weather', 'model.generate'])
  })

  test('responses', async () => {
    provider.script([{ toolCalls: [{ ...WEATHER, id: 'call_w' }] }, { text: 'It is sunny.' }])
    const tools = [{ type: 'function' as const, name: 'weather', parameters: SCHEMA, strict: false }]
    const first = await clients.openai.responses
      .stream({ model: 'gpt-5', tools, input: 'weather?' })
      .finalResponse()
    expect(first.output).toMatchObject([{ type: 'function_call', call_id: 'call_w', name: 'weather' }])
    const second = await clients.openai.responses.create({
      model: 'gpt-5',
      tools,
      input: [
        { role: 'user', content: 'weather?' },
        { type: 'function_call', call_id: 'call_w', name: 'weather', arguments: '{"city":"Zürich"}' },
        { type: 'function_call_output', call_id: 'call_w', output: 'sunny' },
      ],
    })
    expect(second.output_text).toBe('It is sunny.')
    expect(await names()).toEqual(['model.generate', 'tool.weather', 'model.generate'])
  })

  test('messages', async () => {
    provider.script([
      { text: 'One moment.', toolCalls: [{ ...WEATHER, id: 'toolu_w' }] },
      { text: 'It is sunny.' },
    ])
    const tools = [{ name: 'weather', input_schema: SCHEMA }]
    const common = { model: 'claude-sonnet-5-5', max_tokens: 200, tools }
    const question = { role: 'user' as const, content: 'weather?' }
    const first = await clients.anthropic.messages.stream({ ...common, messages: [question] }).finalMessage()
    expect(first.stop_reason).toBe('tool_use')
    expect(first.content).toMatchObject([
      { type: 'text', text: 'One moment.' },
      { type: 'tool_use', id: 'toolu_w', name: 'weather', input: WEATHER.arguments },
    ])
    const second = await clients.anthropic.messages.create({
      ...common,
      messages: [
        question,
        { role: 'assistant', content: first.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_w', content: 'sunny' }] },
      ],
    })
    expect(second.content).toMatchObject([{ text: 'It is sunny.' }])
    expect(await names()).toEqual(['model.generate', 'tool.weather', 'model.generate'])
  })

  test('gemini', async () => {
    provider.script([{ toolCalls: [WEATHER] }, { text: 'It is sunny.' }])
    const parameters = { type: Type.OBJECT, properties: { city: { type: Type.STRING } } }
    const config = { tools: [{ functionDeclarations: [{ name: 'weather', parameters }] }] }
    const question = { role: 'user', parts: [{ text: 'weather?' }] }
    const events = await all(
      await clients.gemini.models.generateContentStream({
        model: 'gemini-2.5-flash',
        contents: [question],
        config,
      }),
    )
    expect(events.flatMap(({ functionCalls }) => functionCalls ?? [])).toMatchObject([
      { name: 'weather', args: WEATHER.arguments },
    ])
    const second = await clients.gemini.models.generateContent({
      model: 'gemini-2.5-flash',
      contents: [
        question,
        { role: 'model', parts: [{ functionCall: { name: 'weather', args: WEATHER.arguments } }] },
        { role: 'user', parts: [{ functionResponse: { name: 'weather', response: { output: 'sunny' } } }] },
      ],
      config,
    })
    expect(second.text).toBe('It is sunny.')
    expect(await names()).toEqual(['model.generate', 'tool.weather', 'model.generate'])
  })

  test.each([false, true])('a denied call becomes a text that says why, stream: %s', async (stream) => {
    provider.script([{ toolCalls: [{ name: 'launch', arguments: {} }] }])
    const body = {
      model: 'gpt-4o',
      messages: [{ role: 'user' as const, content: 'launch it' }],
      tools: [{ type: 'function' as const, function: { name: 'launch', parameters: SCHEMA } }],
    }
    const answer = stream
      ? await clients.openai.chat.completions.stream(body).finalChatCompletion()
      : await clients.openai.chat.completions.create(body)
    expect(answer.choices[0]?.message.tool_calls ?? []).toEqual([])
    expect(answer.choices[0]?.message.content).toContain('Nothing is launched.')
    expect(answer.choices[0]?.finish_reason).toBe('stop')
    const actions = await settled(gateway, agent)
    expect(actions.map(({ name, state }) => [name, state.name])).toEqual([
      ['model.generate', 'succeeded'],
      ['tool.launch', 'denied'],
    ])
  })

  async function names(): Promise<string[]> {
    return (await settled(gateway, agent)).map(({ name }) => name)
  }
})

describe('everything else that the clients do', () => {
  test('images arrive as they were sent', async () => {
    const url = `data:image/png;base64,${PIXEL}`
    await clients.openai.chat.completions.create({
      model: 'gpt-4o',
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
    })
    await clients.anthropic.messages.create({
      model: 'claude-haiku-4-5',
      max_tokens: 50,
      messages: [
        {
          role: 'user',
          content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } }],
        },
      ],
    })
    await clients.gemini.models.generateContent({
      model: 'gemini-2.5-pro',
      contents: [{ role: 'user', parts: [{ inlineData: { mimeType: 'image/png', data: PIXEL } }] }],
    })
    expect(sent().map(({ raw }) => raw.toString().includes(PIXEL))).toEqual([true, true, true])
  })

  test('embeddings are metered', async () => {
    provider.script([{ usage: { input: 7 } }, { usage: { input: 9 } }])
    const { data } = await clients.openai.embeddings.create({
      model: 'text-embedding-3-small',
      input: ['a', 'b'],
    })
    expect(data.map(({ embedding }) => embedding.length)).toEqual([3, 3])
    const { embeddings } = await clients.gemini.models.embedContent({
      model: 'gemini-embedding-001',
      contents: ['a', 'b'],
    })
    expect(embeddings).toHaveLength(2)
    const actions = await settled(gateway, agent)
    expect(actions.map(({ name }) => name)).toEqual(['model.embed', 'model.embed'])
    expect(actions[0]?.cost).toBe(7 * 2000)
  })

  test('lists of models and counts of tokens are actions without a price', async () => {
    expect((await all(clients.openai.models.list())).map(({ id }) => id)).toContain('gpt-4o')
    expect((await clients.openai.models.retrieve('gpt-4o')).id).toBe('gpt-4o')
    expect((await all(clients.anthropic.models.list())).map(({ id }) => id)).toContain('claude-haiku-4-5')
    expect((await all(await clients.gemini.models.list())).map(({ name }) => name)).toContain(
      'models/gemini-2.5-flash',
    )
    const messages = [{ role: 'user' as const, content: 'hi' }]
    const count = await clients.anthropic.messages.countTokens({ model: 'claude-haiku-4-5', messages })
    expect(count.input_tokens).toBeGreaterThan(0)
    const { totalTokens } = await clients.gemini.models.countTokens({
      model: 'gemini-2.5-flash',
      contents: 'hi',
    })
    expect(totalTokens).toBeGreaterThan(0)
    const actions = await settled(gateway, agent)
    expect(actions.map(({ name, cost }) => `${name} ${cost}`)).toEqual([
      ...Array.from({ length: 4 }, () => 'model.list 0'),
      'model.count 0',
      'model.count 0',
    ])
  })

  test("Google's client with the version that it takes by itself", async () => {
    provider.script([{ text: 'hello' }])
    const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: `${gateway.url}/gemini` } })
    const answer = await client.models.generateContent({ model: 'gemini-2.5-flash', contents: 'hi' })
    expect(answer.text).toBe('hello')
  })

  test.each(['openai', 'openai-chat', 'anthropic'])('the AI SDK runs a tool: %s', async (name) => {
    const openai = createOpenAI({ baseURL: `${gateway.url}/openai/v1`, apiKey: key })
    const anthropic = createAnthropic({ baseURL: `${gateway.url}/anthropic/v1`, apiKey: key })
    const model =
      name === 'anthropic'
        ? anthropic('claude-sonnet-5-5')
        : name === 'openai'
          ? openai('gpt-5')
          : openai.chat('gpt-4o')
    const tools = {
      weather: tool({
        inputSchema: z.object({ city: z.string() }),
        execute: ({ city }) => `sunny in ${city}`,
      }),
    }
    provider.script([{ toolCalls: [WEATHER] }, { text: 'It is sunny.' }])
    const whole = await generateText({ model, tools, stopWhen: stepCountIs(3), prompt: 'weather?' })
    expect(whole.text).toBe('It is sunny.')
    expect(sent()[1]?.raw.toString()).toContain('sunny in Zürich')
    provider.script([{ text: 'It is sunny.', usage: { input: 11, output: 4 } }])
    const streamed = streamText({ model, prompt: 'weather?' })
    expect(await streamed.text).toBe('It is sunny.')
    expect(await streamed.usage).toMatchObject({ inputTokens: 11, outputTokens: 4 })
  })

  test('a stream that asks for no usage gets none, and is charged for it all the same', async () => {
    provider.script([{ text: 'hello', usage: { input: 10, output: 3 } }])
    const chunks = await all(
      await clients.openai.chat.completions.create({
        model: 'gpt-4o',
        stream: true,
        messages: [{ role: 'user', content: 'hi' }],
      }),
    )
    expect(chunks.every(({ choices, usage }) => choices.length > 0 && usage == null)).toBe(true)
    expect(sent()[0]?.usageAsked).toBe(true)
    const [action] = await settled(gateway, agent)
    expect(action?.cost).toBe(10 * 2000 + 3 * 8000)
    const [outcome] = await recordsOf(gateway, action!, 'outcome')
    expect(outcome?.['facts']).toMatchObject({
      usage_source: 'reported',
      usage: { input_tokens: 10, output_tokens: 3 },
    })
  })

  test('headers of the provider come back, headers between agent and gateway stay there', async () => {
    provider.script([{ text: 'hello' }])
    const { response } = await clients.openai.chat.completions
      .create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'hi' }] })
      .withResponse()
    expect(response.headers.get('x-request-id')).toMatch(/^req_/)
    expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('99')
    const { headers } = sent()[0]!
    expect(headers['authorization']).toBe(`Bearer ${PROVIDER_KEYS.openai}`)
    expect(headers['accept-encoding']).toBe('identity')
  })
})
