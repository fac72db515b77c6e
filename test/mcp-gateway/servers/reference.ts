import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  CreateMessageResultSchema,
  ElicitResultSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
  type JSONRPCMessage,
} from '@modelcontextprotocol/sdk/types.js'

/**
 * The server that the MCP conformance suite asks for: tools, resources and prompts with the names that it calls.
 * Over streamable HTTP; prints its port. Answers requests for this machine's own names alone.
 */
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='
const SOUND = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA='
const text = (value: string) => ({ type: 'text' as const, text: value })
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const empty = { type: 'object' as const, properties: {} }
const one = (name: string) => ({
  type: 'object' as const,
  properties: { [name]: { type: 'string' } },
  required: [name],
})

const TOOLS = [
  ...[
    'test_simple_text',
    'test_image_content',
    'test_audio_content',
    'test_embedded_resource',
    'test_multiple_content_types',
    'test_tool_with_logging',
    'test_tool_with_progress',
    'test_error_handling',
    'test_reconnection',
    'test_elicitation_sep1034_defaults',
    'test_elicitation_sep1330_enums',
  ].map((name) => ({ name, description: `Runs ${name}`, inputSchema: empty })),
  { name: 'test_sampling', description: 'Asks the client for a completion', inputSchema: one('prompt') },
  { name: 'test_elicitation', description: 'Asks the user', inputSchema: one('message') },
  {
    name: 'json_schema_2020_12_tool',
    description: 'Tool with JSON Schema 2020-12 features',
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object' as const,
      $defs: {
        address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } },
      },
      properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
      additionalProperties: false,
    },
  },
]

const RESOURCES: Record<string, Record<string, string>> = {
  'test://static-text': { mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
  'test://static-binary': { mimeType: 'image/png', blob: PIXEL },
  'test://watched-resource': { mimeType: 'text/plain', text: 'Watched' },
}

function enums() {
  const titled = (...names: string[]) => names.map((title, at) => ({ const: `value${at + 1}`, title }))
  return {
    type: 'object' as const,
    properties: {
      untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
      titledSingle: { type: 'string', oneOf: titled('First Option', 'Second Option', 'Third Option') },
      legacyEnum: {
        type: 'string',
        enum: ['opt1', 'opt2', 'opt3'],
        enumNames: ['Option One', 'Option Two', 'Option Three'],
      },
      untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
      titledMulti: {
        type: 'array',
        items: { anyOf: titled('First Choice', 'Second Choice', 'Third Choice') },
      },
    },
  }
}

const DEFAULTS = {
  type: 'object' as const,
  properties: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
}

function build(): Server {
  const server = new Server(
    { name: 'reference', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        prompts: { listChanged: true },
        logging: {},
        completions: {},
      },
    },
  )
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: TOOLS }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const input = params.arguments ?? {}
    const log = (data: string) =>
      extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } })
    const elicit = (message: string, requestedSchema: object) =>
      extra.sendRequest(
        { method: 'elicitation/create', params: { message, requestedSchema } },
        ElicitResultSchema,
      )
    switch (params.name) {
      case 'test_simple_text':
        return { content: [text('This is a simple text response for testing.')] }
      case 'test_image_content':
        return { content: [{ type: 'image', data: PIXEL, mimeType: 'image/png' }] }
      case 'test_audio_content':
        return { content: [{ type: 'audio', data: SOUND, mimeType: 'audio/wav' }] }
      case 'test_embedded_resource':
        return {
          content: [
            {
              type: 'resource',
              resource: {
                uri: 'test://embedded-resource',
                mimeType: 'text/plain',
                text: 'This is an embedded resource content.',
              },
            },
          ],
        }
      case 'test_multiple_content_types':
        return {
          content: [
            text('Multiple content types test:'),
            { type: 'image', data: PIXEL, mimeType: 'image/png' },
            {
              type: 'resource',
              resource: {
                uri: 'test://mixed-content-resource',
                mimeType: 'application/json',
                text: '{"test":"data","value":123}',
              },
            },
          ],
        }
      case 'test_tool_with_logging':
        await log('Tool execution started')
        await pause(50)
        await log('Tool processing data')
        await pause(50)
        await log('Tool execution completed')
        return { content: [text('Logged')] }
      case 'test_tool_with_progress': {
        const token = params._meta?.progressToken
        for (const progress of [0, 50, 100]) {
          if (token !== undefined)
            await extra.sendNotification({
              method: 'notifications/progress',
              params: { progressToken: token, progress, total: 100 },
            })
          await pause(50)
        }
        return { content: [text('Progressed')] }
      }
      case 'test_error_handling':
        return { content: [text('This tool intentionally returns an error for testing')], isError: true }
      case 'test_reconnection':
        extra.closeSSEStream?.()
        await pause(100)
        return { content: [text('Reconnected')] }
      case 'test_sampling': {
        const result = await extra.sendRequest(
          {
            method: 'sampling/createMessage',
            params: { messages: [{ role: 'user', content: text(String(input['prompt'])) }], maxTokens: 100 },
          },
          CreateMessageResultSchema,
        )
        return { content: [text(`LLM response: ${JSON.stringify(result.content)}`)] }
      }
      case 'test_elicitation': {
        const { action, content } = await elicit(String(input['message']), {
          type: 'object',
          properties: {
            username: { type: 'string', description: "User's response" },
            email: { type: 'string', description: "User's email address" },
          },
          required: ['username', 'email'],
        })
        return { content: [text(`User response: action=${action}, content=${JSON.stringify(content)}`)] }
      }
      case 'test_elicitation_sep1034_defaults':
      case 'test_elicitation_sep1330_enums': {
        const schema = params.name.includes('1034') ? DEFAULTS : enums()
        const { action, content } = await elicit('Please answer', schema)
        return {
          content: [text(`Elicitation completed: action=${action}, content=${JSON.stringify(content)}`)],
        }
      }
      case 'json_schema_2020_12_tool':
        return { content: [text(JSON.stringify(input))] }
      default:
        throw new Error(`Unknown tool: ${params.name}`)
    }
  })
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: Object.keys(RESOURCES).map((uri) => ({
      uri,
      name: uri.slice(7),
      description: `The resource ${uri}`,
      mimeType: RESOURCES[uri]!['mimeType']!,
    })),
  }))
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [
      {
        uriTemplate: 'test://template/{id}/data',
        name: 'template',
        description: 'A template',
        mimeType: 'application/json',
      },
    ],
  }))
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
    const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1]
    if (id !== undefined)
      return {
        contents: [
          {
            uri,
            mimeType: 'application/json',
            text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
          },
        ],
      }
    const found = RESOURCES[uri]
    if (found === undefined) throw new Error(`no resource ${uri}`)
    return { contents: [{ uri, ...found } as { uri: string; text: string }] }
  })
  server.setRequestHandler(SubscribeRequestSchema, () => ({}))
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}))
  server.setRequestHandler(SetLevelRequestSchema, () => ({}))
  server.setRequestHandler(CompleteRequestSchema, () => ({
    completion: { values: ['paris', 'park', 'party'], total: 3, hasMore: false },
  }))
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: [
      { name: 'test_simple_prompt', description: 'A simple prompt' },
      {
        name: 'test_prompt_with_arguments',
        description: 'With arguments',
        arguments: [
          { name: 'arg1', description: 'First', required: true },
          { name: 'arg2', description: 'Second', required: true },
        ],
      },
      {
        name: 'test_prompt_with_embedded_resource',
        description: 'With a resource',
        arguments: [{ name: 'resourceUri', description: 'Its address', required: true }],
      },
      { name: 'test_prompt_with_image', description: 'With an image' },
    ],
  }))
  server.setRequestHandler(GetPromptRequestSchema, ({ params: { name, arguments: input = {} } }) => {
    const user = <T>(content: T) => ({ role: 'user' as const, content })
    switch (name) {
      case 'test_prompt_with_arguments':
        return {
          messages: [user(text(`Prompt with arguments: arg1='${input['arg1']}', arg2='${input['arg2']}'`))],
        }
      case 'test_prompt_with_embedded_resource':
        return {
          messages: [
            user({
              type: 'resource' as const,
              resource: {
                uri: input['resourceUri']!,
                mimeType: 'text/plain',
                text: 'Embedded resource content for testing.',
              },
            }),
            user(text('Please process the embedded resource above.')),
          ],
        }
      case 'test_prompt_with_image':
        return {
          messages: [
            user({ type: 'image' as const, data: PIXEL, mimeType: 'image/png' }),
            user(text('Please analyze the image above.')),
          ],
        }
      default:
        return { messages: [user(text('This is a simple prompt for testing.'))] }
    }
  })
  return server
}

/** Events of all streams, so that they can be taken up again. */
function eventStore() {
  const events = new Map<string, { stream: string; message: JSONRPCMessage }>()
  let next = 0
  return {
    storeEvent(stream: string, message: JSONRPCMessage) {
      const id = `${String(next++).padStart(8, '0')}_${stream}`
      events.set(id, { stream, message })
      return Promise.resolve(id)
    },
    async replayEventsAfter(
      last: string,
      { send }: { send: (id: string, message: JSONRPCMessage) => Promise<void> },
    ) {
      const stream = last.slice(9)
      for (const [id, event] of events)
        if (event.stream === stream && id > last && Object.keys(event.message).length > 0)
          await send(id, event.message)
      return stream
    },
  }
}

const sessions = new Map<string, StreamableHTTPServerTransport>()
const http = createServer((request, response) => {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '')
  const origin = request.headers.origin
  const own = (name: string): boolean => ['localhost', '127.0.0.1', '[::1]'].includes(name)
  if (!own(host) || (origin !== undefined && !own(new URL(origin).hostname)))
    return void response.writeHead(403).end()
  void (async () => {
    const id = request.headers['mcp-session-id']
    let transport = typeof id === 'string' ? sessions.get(id) : undefined
    if (transport === undefined && id !== undefined) return void response.writeHead(404).end()
    if (transport === undefined) {
      const fresh = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        eventStore: eventStore(),
        retryInterval: 500,
        onsessioninitialized: (session) => void sessions.set(session, fresh),
      })
      transport = fresh
      await build().connect(fresh)
    }
    await transport.handleRequest(request, response)
  })()
})
http.listen(0, '127.0.0.1', () => console.log((http.address() as { port: number }).port))
