import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/action/json.ts'
import { startGateway, type TestGateway } from '../setup/gateway.ts'
import { ask, clientsOf, MODELS, policyFor, recordsOf, ROUTES, settled, type Route } from './drive.ts'
import { startProvider, type Provider } from './provider/provider.ts'

let provider: Provider
let gateway: TestGateway
let observing: TestGateway
let number = 0

const SECRET = `ghp_${'a1B2c3D4e5F6'.repeat(3)}`

beforeAll(async () => {
  provider = await startProvider()
  const policy = policyFor(provider, {
    agent: '{ budget: [{ limit_usd: 5, per: day }] }',
    generate: 'verify: [{ pii: { then: redact } }, { secrets: { field: text } }]',
  })
  gateway = await startGateway(policy, provider, { limits: { body: 200_000, jsonDepth: 40 } })
  observing = await startGateway(policy.replace('mode: enforce', 'mode: observe'), provider)
})
afterAll(async () => {
  await gateway.close()
  await observing.close()
  await provider.close()
})

interface Sent {
  readonly status: number
  readonly body: JsonObject
  /** What the provider got. */
  readonly arrived: string | null
}

const PATHS: Readonly<Record<Route, string>> = {
  chat: '/openai/v1/chat/completions',
  responses: '/openai/v1/responses',
  messages: '/anthropic/v1/messages',
  gemini: `/gemini/v1beta/models/${MODELS.gemini}:generateContent`,
}

async function send(
  path: string,
  body: string | Buffer,
  {
    agent = `agent-${number++}`,
    door = gateway,
    headers = {},
  }: { agent?: string; door?: TestGateway; headers?: Record<string, string> } = {},
): Promise<Sent> {
  const key = await door.key(agent)
  const from = provider.requests.length
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
  const { hostname, port } = new URL(door.url)
  const call = httpRequest(
    {
      hostname,
      port,
      path,
      method: 'POST',
      agent: false,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    },
    (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    },
  )
  call.on('error', reject)
  call.end(body)
  const { status, text } = await promise
  return {
    status,
    body: JSON.parse(text) as JsonObject,
    arrived: provider.requests[from]?.raw.toString() ?? null,
  }
}

const IMAGE = 'aVZCT1J3MEtHZ29BQUFBTlNVaEVVZw=='

/** A prompt with a system text, a picture and the result of a tool. */
function promptOf(route: Route, said: string, result: string): JsonObject {
  switch (route) {
    case 'chat':
      return {
        model: MODELS.chat,
        messages: [
          { role: 'system', content: 'be kind' },
          {
            role: 'user',
            content: [
              { type: 'text', text: said },
              { type: 'image_url', image_url: { url: `data:image/png;base64,${IMAGE}` } },
            ],
          },
          {
            role: 'assistant',
            tool_calls: [{ id: 'c1', type: 'function', function: { name: 'look', arguments: '{}' } }],
          },
          { role: 'tool', tool_call_id: 'c1', content: result },
        ],
      }
    case 'responses':
      return {
        model: MODELS.responses,
        instructions: 'be kind',
        input: [
          {
            role: 'user',
            content: [
              { type: 'input_text', text: said },
              { type: 'input_image', image_url: `data:image/png;base64,${IMAGE}`, detail: 'auto' },
            ],
          },
          { type: 'function_call', call_id: 'c1', name: 'look', arguments: '{}' },
          { type: 'function_call_output', call_id: 'c1', output: result },
        ],
      }
    case 'messages':
      return {
        model: MODELS.messages,
        max_tokens: 100,
        system: 'be kind',
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: said },
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: IMAGE } },
            ],
          },
          { role: 'assistant', content: [{ type: 'tool_use', id: 'c1', name: 'look', input: {} }] },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', content: result }] },
        ],
      }
    case 'gemini':
      return {
        systemInstruction: { parts: [{ text: 'be kind' }] },
        contents: [
          {
            role: 'user',
            parts: [{ text: said }, { inlineData: { mimeType: 'image/png', data: IMAGE } }],
          },
          { role: 'model', parts: [{ functionCall: { name: 'look', args: {} } }] },
          {
            role: 'user',
            parts: [{ functionResponse: { name: 'look', response: { output: result } } }],
          },
        ],
      }
  }
}

describe.each(ROUTES)('%s', (route) => {
  test('personal data in a prompt and in the result of a tool is redacted before the provider has it', async () => {
    const agent = `agent-${number++}`
    const body = JSON.stringify(promptOf(route, 'write to jo@shop.example', 'amy@shop.example said so'))
    const { status, arrived } = await send(PATHS[route], body, { agent })
    expect(status).toBe(200)
    expect(arrived).not.toContain('@shop')
    expect(arrived).toContain('write to [email]')
    expect(arrived).toContain('[email] said so')
    expect(arrived).toContain(IMAGE)
    const [action] = await settled(gateway, agent)
    expect(action).toMatchObject({ decision: 'transform', effective: 'transform' })
    expect((await gateway.harness.flow.input(action!))?.['text']).toContain('write to [email]')
    const [decision] = await recordsOf(gateway, action!, 'decision')
    expect(decision?.['input_identity']).not.toBe(decision?.['enforced_identity'])
    expect(JSON.stringify(decision)).not.toContain('@shop')
  })

  test('a secret anywhere in it is refused', async () => {
    const from = provider.requests.length
    for (const texts of [
      [SECRET, 'fine'],
      ['fine', `token: ${SECRET}`],
    ] as const) {
      const { status } = await send(PATHS[route], JSON.stringify(promptOf(route, texts[0], texts[1])))
      expect(status).toBe(403)
    }
    expect(provider.requests).toHaveLength(from)
  })

  test('a prompt without findings goes out as it came, but for a limit of the answer', async () => {
    const body = JSON.stringify(promptOf(route, 'hello', 'fine'))
    const { arrived } = await send(PATHS[route], body)
    if (route === 'messages') expect(arrived).toBe(body)
    else expect(JSON.parse(arrived!)).toMatchObject(promptOf(route, 'hello', 'fine'))
  })

  test('observing sends it byte for byte', async () => {
    const body = JSON.stringify(promptOf(route, `jo@shop.example ${SECRET}`, 'fine'))
    const { arrived, status } = await send(PATHS[route], body, { door: observing })
    expect(status).toBe(200)
    expect(arrived).toBe(body)
  })
})

/** The sentence and the code of an error, wherever its protocol has them. */
function errorOf(body: JsonObject): { message: unknown; code: unknown } {
  const error = body['error'] as JsonObject
  const details = error['details'] as JsonObject[] | undefined
  return { message: error['message'], code: details?.[0]?.['reason'] ?? error['code'] }
}

describe.each(ROUTES)('what %s refuses before any call, in its own shape', (route) => {
  const path = PATHS[route]
  const plain = promptOf(route, 'hello', 'fine')
  const model = (name: string): [string, JsonObject] =>
    route === 'gemini'
      ? [`/gemini/v1beta/models/${encodeURIComponent(name)}:generateContent`, plain]
      : [path, { ...plain, model: name }]

  test.each<[string, number, () => Promise<Sent>]>([
    ['too large a body', 413, () => send(path, JSON.stringify(promptOf(route, 'x'.repeat(200_001), '')))],
    [
      'JSON that is too deep',
      400,
      () => send(path, `{"a":${'['.repeat(100)}${']'.repeat(100)},${JSON.stringify(plain).slice(1)}`),
    ],
    ['no JSON', 400, () => send(path, '{"model":')],
    ['a list', 400, () => send(path, '[]')],
    ['a member that is there twice', 400, () => send(path, '{"model":"gpt-4o","model":"gpt-5"}')],
    ['a model that nobody can price', 400, () => send(...asSent(model('nobody-knows-it')))],
    ['a model of 10,000 characters', 413, () => send(...asSent(model('m'.repeat(10_000))))],
    ['a model with line breaks', 400, () => send(...asSent(model('gpt-4o\r\nx-evil: 1')))],
    ['a model in another script', 400, () => send(...asSent(model('модель😀')))],
    ['a model that leads elsewhere', 400, () => send(...asSent(model('../../../../etc')))],
    ['half a character', 400, () => send(path, JSON.stringify(promptOf(route, '\ud800', 'fine')))],
  ])('%s', async (_, status, sending) => {
    const from = provider.requests.length
    const sent = await sending()
    // Where the path names the model, what is none is another route: one that no entry matches.
    if (route === 'gemini') expect([status, 403]).toContain(sent.status)
    else expect(sent.status).toBe(status)
    const { message, code } = errorOf(sent.body)
    expect(code).toMatch(/^[a-z]+:[a-z_]+$/)
    expect(String(message).length).toBeLessThan(1200)
    expect(provider.requests).toHaveLength(from)
  })
})

function asSent([path, body]: [string, JsonObject]): [string, string] {
  return [path, JSON.stringify(body)]
}

test('headers of any content are refused or ignored, never passed into a record as they are', async () => {
  const agent = `agent-${number++}`
  const { status } = await send(PATHS.chat, JSON.stringify(promptOf('chat', 'hello', 'fine')), {
    agent,
    headers: {
      'belay-session': 's'.repeat(10_000),
      'belay-reason': 'caf\u00e9 \u00ff',
      'belay-prompt': 'greeting@3',
    },
  })
  expect(status).toBe(200)
  const [action] = await settled(gateway, agent)
  expect(action?.session).toBeNull()
  const [decision] = await recordsOf(gateway, action!, 'decision')
  expect(decision?.['facts']).toMatchObject({ prompt: { claimed: 'greeting@3', fault: 'prompt:unknown' } })
})

test('who has no key hears so in the provider’s shape, whatever they ask for', async () => {
  for (const route of ROUTES) {
    const got = await ask(clientsOf(gateway.url, 'blk_none'), { route, stream: false, prompt: 'go' })
    expect(got.error?.status).toBe(401)
  }
  const key = await gateway.key('lost')
  const unknown = await fetch(`${gateway.url}/groq/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: '{}',
  })
  expect(unknown.status).toBe(404)
  expect(await unknown.json()).toMatchObject({
    error: { code: 'provider:unknown', message: expect.stringContaining('There is no provider groq') },
  })
  const route = await fetch(`${gateway.url}/openai/v1/fine_tuning/jobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: '{}',
  })
  expect(route.status).toBe(403)
  expect(await route.json()).toMatchObject({ error: { code: 'policy:no_match' } })
})

test('nothing of all this was a fault', () => {
  expect(gateway.faults).toEqual([])
  expect(observing.faults).toEqual([])
  expect(provider.sawBelayKey).toBe(false)
})
