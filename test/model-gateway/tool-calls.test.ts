import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import type { JsonObject } from '../../src/action/json.ts'
import { startGateway, type TestGateway } from '../setup/gateway.ts'
import { clientsOf, MODELS, policyFor, ROUTES, type Clients, type Route } from './drive.ts'
import { startProvider, type Answer, type Provider } from './provider/provider.ts'

const CASES = ROUTES.flatMap((route) => [false, true].map((stream) => ({ route, stream })))

const TOOLS = `  tool.look: { effect: read, verify: [{ banned_phrases: { field: where, phrases: [forbidden] } }] }
  tool.mail: { effect: write, verify: [{ pii: { field: text, then: redact } }] }
  tool.pay: { effect: irreversible, approval_wait: 20s, approve: [{ by: [finance] }] }
  tool.slow: { effect: write, approval_wait: 50ms, approve: [{ by: [finance] }] }
approvers: { finance: { members: [ann@example.com], quorum: 1 } }
`

let provider: Provider
let gateway: TestGateway
let observing: TestGateway
let number = 0

beforeAll(async () => {
  provider = await startProvider()
  const policy = policyFor(provider, { actions: TOOLS })
  gateway = await startGateway(policy, provider)
  observing = await startGateway(policy.replace('mode: enforce', 'mode: observe'), provider)
})
afterAll(async () => {
  await gateway.close()
  await observing.close()
  await provider.close()
})

/** What an agent makes of an answer, in the same words for every protocol. */
interface Read {
  readonly text: string
  readonly calls: readonly { readonly id: string; readonly name: string; readonly input: unknown }[]
  readonly finish: string | null
}

const SCHEMA = { type: 'object' as const, properties: {} }
const NAMES = ['look', 'mail', 'pay', 'slow', 'unknown']

async function chat({ openai }: Clients, stream: boolean): Promise<Read> {
  const body = {
    model: MODELS.chat,
    messages: [{ role: 'user' as const, content: 'go' }],
    tools: NAMES.map((name) => ({
      type: 'function' as const,
      function: { name, parameters: SCHEMA },
    })),
  }
  const answer = stream
    ? await openai.chat.completions.stream(body).finalChatCompletion()
    : await openai.chat.completions.create(body)
  const [choice] = answer.choices
  return {
    text: choice?.message.content ?? '',
    calls: (choice?.message.tool_calls ?? []).flatMap((call) =>
      call.type === 'function'
        ? [{ id: call.id, name: call.function.name, input: parsed(call.function.arguments) }]
        : [],
    ),
    finish: choice?.finish_reason ?? null,
  }
}

async function responses({ openai }: Clients, stream: boolean): Promise<Read> {
  const body = {
    model: MODELS.responses,
    input: 'go',
    tools: NAMES.map((name) => ({
      type: 'function' as const,
      name,
      parameters: SCHEMA,
      strict: false,
    })),
  }
  const answer = stream
    ? await openai.responses.stream(body).finalResponse()
    : await openai.responses.create(body)
  return {
    text: answer.output_text,
    calls: answer.output.flatMap((item) =>
      item.type === 'function_call'
        ? [{ id: item.call_id, name: item.name, input: parsed(item.arguments) }]
        : [],
    ),
    finish: answer.status ?? null,
  }
}

async function messages({ anthropic }: Clients, stream: boolean): Promise<Read> {
  const body = {
    model: MODELS.messages,
    max_tokens: 1000,
    messages: [{ role: 'user' as const, content: 'go' }],
    tools: NAMES.map((name) => ({ name, input_schema: SCHEMA })),
  }
  const answer = stream
    ? await anthropic.messages.stream(body).finalMessage()
    : await anthropic.messages.create(body)
  return {
    text: answer.content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
    calls: answer.content.flatMap((block) =>
      block.type === 'tool_use' ? [{ id: block.id, name: block.name, input: block.input }] : [],
    ),
    finish: answer.stop_reason,
  }
}

async function gemini({ gemini: client }: Clients, stream: boolean): Promise<Read> {
  const body = {
    model: MODELS.gemini,
    contents: 'go',
    config: { tools: [{ functionDeclarations: NAMES.map((name) => ({ name })) }] },
  }
  const chunks = []
  if (stream) for await (const chunk of await client.models.generateContentStream(body)) chunks.push(chunk)
  else chunks.push(await client.models.generateContent(body))
  const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? [])
  return {
    text: parts.map(({ text }) => text ?? '').join(''),
    calls: parts.flatMap(({ functionCall: call }) =>
      call === undefined ? [] : [{ id: call.id ?? '', name: call.name ?? '', input: call.args }],
    ),
    finish: chunks.map((chunk) => chunk.candidates?.[0]?.finishReason).findLast(Boolean) ?? null,
  }
}

const READERS: Readonly<Record<Route, typeof chat>> = { chat, responses, messages, gemini }
const PLAIN: Readonly<Record<Route, string>> = {
  chat: 'stop',
  responses: 'completed',
  messages: 'end_turn',
  gemini: 'STOP',
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

interface Asked {
  readonly agent: string
  readonly read: Promise<Read>
}

async function asking(
  { route, stream }: { readonly route: Route; readonly stream: boolean },
  answer: Answer,
  door = gateway,
): Promise<Asked> {
  const agent = `agent-${number++}`
  provider.script(() => answer)
  const clients = clientsOf(door.url, await door.key(agent))
  return { agent, read: READERS[route](clients, stream) }
}

async function tools(agent: string, door = gateway): Promise<readonly Action[]> {
  const actions = await door.harness.store.actions({ agent, limit: 100 })
  return actions.filter(({ name }) => name.startsWith('tool.')).toReversed()
}

describe.each(CASES)('$route, stream: $stream', (how) => {
  const look = (where: string): { name: string; arguments: JsonObject } => ({
    name: 'look',
    arguments: { where },
  })

  test('an allowed call reaches the agent and is executing from then on', async () => {
    const { agent, read } = await asking(how, { text: 'Let me look.', toolCalls: [look('here')] })
    expect(await read).toMatchObject({
      text: 'Let me look.',
      calls: [{ name: 'look', input: { where: 'here' } }],
    })
    expect(await tools(agent)).toMatchObject([{ name: 'tool.look', state: { name: 'executing' } }])
  })

  test('a denied call is a text that the agent reads, and the answer ends as a plain one', async () => {
    const { agent, read } = await asking(how, { toolCalls: [look('a forbidden place')] })
    const { text, calls, finish } = await read
    expect(text).toContain('Belay refused the call of look')
    expect(text).toContain('banned phrase')
    expect(calls).toEqual([])
    expect(finish).toBe(PLAIN[how.route])
    expect(await tools(agent)).toMatchObject([{ name: 'tool.look', state: { name: 'denied' } }])
  })

  test('of several calls only the denied one is replaced', async () => {
    const { read } = await asking(how, {
      toolCalls: [look('one'), look('forbidden'), look('three')],
    })
    const { text, calls, finish } = await read
    expect(text).toContain('Belay refused')
    expect(calls.map(({ input }) => input)).toEqual([{ where: 'one' }, { where: 'three' }])
    if (how.route !== 'gemini' && how.route !== 'responses') expect(finish).not.toBe(PLAIN[how.route])
  })

  test('what no entry matches is denied', async () => {
    const { read } = await asking(how, { toolCalls: [{ name: 'unknown', arguments: {} }] })
    expect(await read).toMatchObject({ calls: [], text: expect.stringContaining('No entry of the policy') })
  })

  test('arguments that would have to be changed are refused', async () => {
    const { agent, read } = await asking(how, {
      toolCalls: [{ name: 'mail', arguments: { text: 'to jo@shop.example' } }],
    })
    expect(await read).toMatchObject({ calls: [], text: expect.stringContaining('Belay refused') })
    expect(await tools(agent)).toMatchObject([{ state: { name: 'cancelled' } }])
  })

  test('a held call waits for the person, who approves', async () => {
    const { agent, read } = await asking(how, { toolCalls: [{ name: 'pay', arguments: { usd: 5 } }] })
    await expect.poll(() => tools(agent)).toMatchObject([{ state: { name: 'held' } }])
    const [held] = await tools(agent)
    const { state } = held!
    if (state.name !== 'held') throw new Error('not held')
    await gateway.harness.flow.vote(state.approval.id, { by: 'ann@example.com', outcome: 'approve' })
    expect(await read).toMatchObject({ calls: [{ name: 'pay', input: { usd: 5 } }] })
    expect(await tools(agent)).toMatchObject([{ state: { name: 'executing' } }])
  })

  test('nobody decides in time: refused and withdrawn', async () => {
    const { agent, read } = await asking(how, { toolCalls: [{ name: 'slow', arguments: {} }] })
    expect(await read).toMatchObject({ calls: [], text: expect.stringContaining('not decided in time') })
    expect(await tools(agent)).toMatchObject([{ state: { name: 'cancelled' } }])
  })

  test('observing lets all of them through', async () => {
    const { agent, read } = await asking(
      how,
      { toolCalls: [look('forbidden'), { name: 'slow', arguments: {} }] },
      observing,
    )
    expect((await read).calls).toHaveLength(2)
    expect(await tools(agent, observing)).toMatchObject([
      { decision: 'deny', effective: 'allow', state: { name: 'executing' } },
      { decision: 'require_approval', effective: 'allow', state: { name: 'executing' } },
    ])
  })
})

describe.each(['chat', 'responses'] as const)('%s', (route) => {
  test.each([
    ['nonsense', '{"where": '],
    ['a list', '[1]'],
    ['a member that is there twice', '{"where":"here","where":"forbidden"}'],
    ['half a character', '{"where":"\\ud800"}'],
    ['too deep', `${'{"a":'.repeat(300)}1${'}'.repeat(300)}`],
  ])('arguments that are %s are refused', async (_, text) => {
    for (const stream of [false, true]) {
      const { read } = await asking({ route, stream }, { toolCalls: [{ name: 'look', arguments: text }] })
      expect(await read).toMatchObject({ calls: [], text: expect.stringContaining('Belay refused') })
    }
    expect(gateway.faults).toEqual([])
  })
})

test('the next request tells how a call went', async () => {
  const { agent, read } = await asking(
    { route: 'chat', stream: true },
    { toolCalls: [{ name: 'look', arguments: { where: 'here' } }] },
  )
  const { calls } = await read
  const [call] = calls
  provider.script([])
  const { openai } = clientsOf(gateway.url, await gateway.key(agent))
  await openai.chat.completions.create({
    model: MODELS.chat,
    messages: [
      { role: 'user', content: 'go' },
      {
        role: 'assistant',
        tool_calls: [{ id: call!.id, type: 'function', function: { name: 'look', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: call!.id, content: 'nothing there' },
    ],
  })
  await expect.poll(() => tools(agent)).toMatchObject([{ state: { name: 'succeeded' } }])
  const [action] = await tools(agent)
  expect(await gateway.harness.flow.result(action!)).toEqual({ text: 'nothing there' })
})

test('an agent that leaves while its call waits for a person: withdrawn, and nothing is left over', async () => {
  const agent = `agent-${number++}`
  provider.script(() => ({ toolCalls: [{ name: 'pay', arguments: {} }] }))
  const { openai } = clientsOf(gateway.url, await gateway.key(agent))
  const leaving = new AbortController()
  const asked = openai.chat.completions.create(
    { model: MODELS.chat, messages: [{ role: 'user', content: 'go' }], stream: true },
    { signal: leaving.signal },
  )
  const ended = asked.then(
    async (stream) => {
      for await (const _ of stream);
    },
    () => undefined,
  )
  await expect.poll(() => tools(agent)).toMatchObject([{ state: { name: 'held' } }])
  leaving.abort()
  await ended
  await expect.poll(() => tools(agent)).toMatchObject([{ state: { name: 'cancelled' } }])
  await expect
    .poll(async () => {
      const actions = await gateway.harness.store.actions({ agent, limit: 10 })
      return actions.find(({ name }) => name === 'model.generate')?.state.name
    })
    .toBe('succeeded')
})
