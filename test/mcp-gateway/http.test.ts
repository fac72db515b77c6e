import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { EVERYTHING, FILESYSTEM, openWorld, removeFolder, type World } from './gateway-world.ts'

let world: World
let first: string
let second: string

const node = process.execPath
const MODERN = join(import.meta.dirname, 'servers/modern.ts')
const SCRIPTED = join(import.meta.dirname, 'servers/scripted.ts')

beforeAll(async () => {
  world = await openWorld(`
version: 1
approvers: { ops: { members: [olga] } }
actions:
  mcp.everything.*: {}
  mcp.modern.*: { verify: [{ rule: { when: 'has(input.a) && input.a > 1000.0', then: deny, code: 'add:much', message: That is too much. } }] }
  mcp.modern.deploy: { approve: [{ by: [ops] }], approval_wait: 5s }
  mcp.scripted.*: {}
  mcp.scripted.counts: { approve: [{ by: [ops] }] }
mcp:
  elicit_approver: olga
  servers:
    everything: { command: ['${node}', '${EVERYTHING}', stdio] }
    files: { command: ['${node}', '${FILESYSTEM}', '${import.meta.dirname}'] }
    modern: { command: ['${node}', '${MODERN}'] }
    scripted: { command: ['${node}', '${SCRIPTED}'], env: { TOKEN: $BELAY_TEST_UNSET_TOKEN } }
    gone: { url: 'http://127.0.0.1:9/mcp' }
`)
  first = await world.key('first')
  second = await world.key('second')
})

afterAll(async () => {
  await world.close()
  removeFolder(world)
})

const at = (server: string): URL => new URL(`${world.url}/mcp/${server}`)
const withKey = (key: string) => ({ requestInit: { headers: { authorization: `Bearer ${key}` } } })

async function connect(server: string, key = first): Promise<Client> {
  const client = new Client(
    { name: 'test', version: '1' },
    { capabilities: { sampling: {}, elicitation: {}, roots: { listChanged: true } } },
  )
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { name: 'Ann' } }))
  client.setRequestHandler(ListRootsRequestSchema, () => ({
    roots: [{ uri: 'file:///somewhere', name: 'somewhere' }],
  }))
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    model: 'test',
    role: 'assistant',
    content: { type: 'text', text: 'sampled here' },
  }))
  await client.connect(new StreamableHTTPClientTransport(at(server), withKey(key)))
  return client
}

const textOf = (result: unknown): string => JSON.stringify((result as { content: unknown }).content)

it('the official client uses server-everything through it: tools, resources, prompts, completion, sampling, elicitation, roots, progress, logging', async () => {
  const client = await connect('everything')
  const messages: unknown[] = []
  client.setNotificationHandler(LoggingMessageNotificationSchema, (message) => void messages.push(message))
  const { tools } = await client.listTools()
  expect(tools.map(({ name }) => name)).toContain('echo')
  expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'hello' } }))).toContain(
    'Echo: hello',
  )
  const progress: number[] = []
  await client.callTool(
    { name: 'trigger-long-running-operation', arguments: { duration: 0.2, steps: 2 } },
    undefined,
    {
      onprogress: (step) => progress.push(step.progress),
    },
  )
  expect(progress).toEqual([1, 2])
  expect(
    textOf(await client.callTool({ name: 'trigger-sampling-request', arguments: { prompt: 'x' } })),
  ).toContain('sampled here')
  expect(textOf(await client.callTool({ name: 'trigger-elicitation-request', arguments: {} }))).toContain(
    'Ann',
  )
  expect(textOf(await client.callTool({ name: 'get-roots-list', arguments: {} }))).toContain('somewhere')
  const structured = await client.callTool({
    name: 'get-structured-content',
    arguments: { location: 'New York' },
  })
  expect(structured['structuredContent']).toMatchObject({ conditions: expect.any(String) as string })
  const { resources } = await client.listResources()
  expect((await client.readResource({ uri: resources[0]!.uri })).contents).not.toEqual([])
  await client.subscribeResource({ uri: resources[0]!.uri })
  const { prompts } = await client.listPrompts()
  expect((await client.getPrompt({ name: prompts[0]!.name })).messages).not.toEqual([])
  await client.setLoggingLevel('debug')
  await client.ping()
  await client.close()
})

it('a task is an action until its result is there', async () => {
  const client = await connect('everything')
  const stream = client.experimental.tasks.callToolStream(
    { name: 'simulate-research-query', arguments: { topic: 'tides' } },
    undefined,
    {
      task: { ttl: 60_000 },
    },
  )
  let last: unknown
  for await (const message of stream) last = message
  expect(JSON.stringify(last)).toContain('tides')
  const [action] = await world.actions('mcp.everything.simulate-research-query')
  expect(action).toMatchObject({ state: 'succeeded' })
  expect(JSON.stringify(action!['result'])).toContain('tides')
  await client.close()
}, 60_000)

it('denies what no entry allows, in a result that the model reads', async () => {
  const client = await connect('files')
  const { tools } = await client.listTools()
  expect(tools.map(({ name }) => name)).toContain('read_text_file')
  const result = await client.callTool({ name: 'read_text_file', arguments: { path: import.meta.filename } })
  expect(result.isError).toBe(true)
  expect(textOf(result)).toContain('No entry of the policy matches')
  await client.close()
})

it('a client of 2026-07-28 and a server of it speak without sessions', async () => {
  const client = new ModernClient(
    { name: 'test', version: '1' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  await client.connect(new ModernTransport(at('modern'), withKey(first)))
  expect(client.getProtocolEra()).toBe('modern')
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['add', 'deploy'])
  expect(textOf(await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } }))).toContain('"5"')
  const refused = await client.callTool({ name: 'add', arguments: { a: 2000, b: 3 } })
  expect(refused.isError).toBe(true)
  expect(textOf(refused)).toContain('That is too much.')
  await client.close()
})

it('without sessions the person at the client is asked for the approval by the result, and the server for its own', async () => {
  const client = new ModernClient(
    { name: 'test', version: '1' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  const questions: string[] = []
  client.setRequestHandler('elicitation/create', ({ params }) => {
    questions.push(params.message)
    return {
      action: 'accept',
      content: params.message.startsWith('May the tool') ? { decision: 'approve' } : { confirm: true },
    }
  })
  await client.connect(new ModernTransport(at('modern'), withKey(first)))
  expect(textOf(await client.callTool({ name: 'deploy', arguments: { to: 'prod' } }))).toContain(
    'deployed to prod',
  )
  expect(questions.map((question) => question.slice(0, 12))).toEqual([
    'May the tool',
    'Really prod?',
    'May the tool',
  ])
  const actions = await world.actions('mcp.modern.deploy')
  expect(actions.map(({ state }) => state)).toEqual(['succeeded', 'succeeded'])
  await client.close()
})

it('a client of both finds out which the server speaks', async () => {
  for (const [server, era] of [
    ['everything', 'legacy'],
    ['modern', 'modern'],
  ] as const) {
    const client = new ModernClient({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } })
    await client.connect(new ModernTransport(at(server), withKey(second)))
    expect(client.getProtocolEra()).toBe(era)
    expect((await client.listTools()).tools.length).toBeGreaterThan(0)
    await client.close()
  }
})

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

async function post(
  server: string,
  message: object,
  headers: Record<string, string> = {},
  key = first,
): Promise<Response> {
  return fetch(at(server), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify(message),
  })
}

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 't', version: '1' } },
}

it('an agent never sees the session of another', async () => {
  const opened = await post('everything', initialize)
  const session = opened.headers.get('mcp-session-id')!
  await opened.text()
  expect(session).toMatch(/^[A-Za-z0-9_-]{32}$/)
  const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' }
  expect((await post('everything', list, { 'mcp-session-id': session }, second)).status).toBe(404)
  expect((await post('files', list, { 'mcp-session-id': session })).status).toBe(404)
  const listening = await fetch(at('everything'), {
    headers: { authorization: `Bearer ${second}`, accept: 'text/event-stream', 'mcp-session-id': session },
  })
  expect(listening.status).toBe(404)
  const ended = await fetch(at('everything'), {
    method: 'DELETE',
    headers: { authorization: `Bearer ${second}`, 'mcp-session-id': session },
  })
  expect(ended.status).toBe(404)
  expect((await post('everything', list, { 'mcp-session-id': session })).status).toBe(200)
  const own = await fetch(at('everything'), {
    method: 'DELETE',
    headers: { authorization: `Bearer ${first}`, 'mcp-session-id': session },
  })
  expect(own.status).toBe(204)
  expect((await post('everything', list, { 'mcp-session-id': session })).status).toBe(404)
})

it.each([
  ['no key', () => fetch(at('everything'), { method: 'POST', body: '{}' }), 401],
  ['the admin token', () => post('everything', initialize, {}, 'an-admin-token-for-tests'), 401],
  ['a page from elsewhere', () => post('everything', initialize, { origin: 'https://evil.example' }), 403],
  ['an unknown server', () => post('nothing', initialize), 404],
  ['no JSON', () => post('everything', initialize, { 'content-type': 'text/plain' }), 415],
  ['no session', () => post('everything', { jsonrpc: '2.0', id: 1, method: 'tools/list' }), 400],
  ['an unknown version', () => post('everything', initialize, { 'mcp-protocol-version': '1999-01-01' }), 400],
  ['no message', () => post('everything', { hello: 1 }), 400],
  ['a batch', () => post('everything', [initialize]), 400],
  [
    'another method',
    () => fetch(at('everything'), { method: 'PUT', headers: { authorization: `Bearer ${first}` } }),
    405,
  ],
  ['a variable that is not set', () => post('scripted', initialize), 424],
  [
    'headers that differ from the message',
    () =>
      post(
        'modern',
        { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'add', _meta: META } },
        { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'other' },
      ),
    400,
  ],
  [
    'a method that the server does not know',
    () =>
      post(
        'modern',
        { jsonrpc: '2.0', id: 1, method: 'x/y', params: { _meta: META } },
        { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'x/y' },
      ),
    404,
  ],
])('answers %s with its status', async (_what, ask, status) => {
  const response = await ask()
  expect(response.status).toBe(status)
  await response.body?.cancel()
})

it('a server that cannot be reached is an error, and no call is made', async () => {
  const response = await post('gone', initialize)
  expect(await response.text()).toContain('cannot be reached')
})
