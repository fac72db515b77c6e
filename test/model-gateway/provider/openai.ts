import type { JsonObject } from '../../../src/action/json.ts'
import type { TokenUsage } from '../../../src/entry/model-gateway/model-call.ts'
import {
  cut,
  isRecord,
  numberOr,
  type Finish,
  type Heard,
  type Piece,
  type Said,
  type Speech,
} from './script.ts'

const MODELS = ['gpt-4o', 'gpt-4o-mini', 'gpt-5']
const FINISH: Record<Finish, string> = {
  stop: 'stop',
  length: 'length',
  tool: 'tool_calls',
  filter: 'content_filter',
}

/** OpenAI: chat completions, responses, embeddings, models. */
export const openai: Speech = {
  overloaded: 503,
  hear(method, path, _query, body) {
    const kind = ROUTES[`${method} ${path}`]
    if (method === 'GET' && (path === '/models' || path.startsWith('/models/')))
      return { ...plain(body), route: path, kind: 'list' }
    if (kind === undefined) return undefined
    const options = body['stream_options']
    return {
      ...plain(body),
      route: path,
      kind,
      stream: body['stream'] === true,
      maxTokens: numberOr(
        body['max_completion_tokens'] ?? body['max_tokens'] ?? body['max_output_tokens'],
        null,
      ),
      answers: numberOr(body['n'], 1),
      usageAsked: isRecord(options) && options['include_usage'] === true,
      inputs: Array.isArray(body['input']) ? body['input'].length : 1,
    }
  },
  key: (headers) => /^Bearer (.+)$/.exec(String(headers['authorization']))?.[1],
  whole(said, heard) {
    if (heard.kind === 'list') return models(heard.route)
    if (heard.kind === 'embed') return embeddings(said, heard)
    return heard.route === '/responses' ? response(said, heard, statusOf(said)) : completion(said, heard)
  },
  pieces: (said, heard) => (heard.route === '/responses' ? responsePieces(said, heard) : chunks(said, heard)),
  failure: (status, message) => ({
    error: { message, type: FAILURES[status] ?? 'server_error', param: null, code: CODES[status] ?? null },
  }),
  failurePiece: ({ route }) =>
    route === '/responses'
      ? {
          event: 'error',
          data: {
            type: 'error',
            code: 'server_error',
            message: 'The server had an error.',
            param: null,
            sequence_number: 99,
          },
        }
      : {
          event: null,
          data: {
            error: { message: 'The server had an error.', type: 'server_error', param: null, code: null },
          },
        },
  headers: (id) => ({
    'x-request-id': id,
    'openai-version': '2020-10-01',
    'x-ratelimit-remaining-requests': '99',
  }),
}

const ROUTES: Readonly<Record<string, Heard['kind']>> = {
  'POST /chat/completions': 'generate',
  'POST /responses': 'generate',
  'POST /embeddings': 'embed',
}
const FAILURES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'invalid_request_error',
  404: 'invalid_request_error',
  429: 'requests',
}
const CODES: Readonly<Record<number, string>> = {
  401: 'invalid_api_key',
  404: 'unknown_url',
  429: 'rate_limit_exceeded',
}

function plain(body: JsonObject): Heard {
  const model = typeof body['model'] === 'string' ? body['model'] : ''
  return {
    route: '',
    kind: 'generate',
    model,
    stream: false,
    maxTokens: null,
    answers: 1,
    usageAsked: false,
    inputs: 1,
  }
}

function models(path: string): JsonObject {
  const one = (id: string) => ({ id, object: 'model', created: 1_700_000_000, owned_by: 'system' })
  if (path !== '/models') return one(decodeURIComponent(path.slice('/models/'.length)))
  return { object: 'list', data: MODELS.map(one) }
}

function embeddings({ model, usage }: Said, { inputs }: Heard): JsonObject {
  // The official client asks for base64 and decodes it itself.
  const embedding = Buffer.from(new Float32Array([0.5, -0.25, 0.125]).buffer).toString('base64')
  return {
    object: 'list',
    model,
    data: Array.from({ length: inputs }, (_, index) => ({ object: 'embedding', index, embedding })),
    usage: { prompt_tokens: usage.input, total_tokens: usage.input },
  }
}

function chatUsage(usage: TokenUsage): JsonObject {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cacheRead, audio_tokens: usage.inputAudio },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      audio_tokens: usage.outputAudio,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  }
}

function completion(said: Said, heard: Heard): JsonObject {
  const tool_calls = said.toolCalls.map(({ id, name, arguments: text }) => ({
    id,
    type: 'function',
    function: { name, arguments: text },
  }))
  return {
    id: `chatcmpl-${said.id}`,
    object: 'chat.completion',
    created: said.created,
    model: said.model,
    choices: Array.from({ length: heard.answers }, (_, index) => ({
      index,
      message: {
        role: 'assistant',
        content: said.text === '' && tool_calls.length > 0 ? null : said.text,
        refusal: null,
        annotations: [],
        ...(tool_calls.length > 0 && { tool_calls }),
      },
      logprobs: null,
      finish_reason: FINISH[said.finish],
    })),
    usage: chatUsage(said.usage),
    service_tier: 'default',
    system_fingerprint: 'fp_scripted',
  }
}

function chunks(said: Said, heard: Heard): Piece[] {
  const chunk = (choices: JsonObject[], usage: JsonObject | null = null): JsonObject => ({
    id: `chatcmpl-${said.id}`,
    object: 'chat.completion.chunk',
    created: said.created,
    model: said.model,
    service_tier: 'default',
    system_fingerprint: 'fp_scripted',
    choices,
    ...(heard.usageAsked && { usage }),
  })
  const choice = (index: number, delta: JsonObject, finish_reason: string | null = null): JsonObject =>
    chunk([{ index, delta, logprobs: null, finish_reason }])
  const pieces: Piece[] = []
  for (let index = 0; index < heard.answers; index++) {
    const send = (delta: JsonObject): void =>
      void pieces.push({ event: null, data: choice(index, delta), delta: true })
    pieces.push({
      event: null,
      data: choice(index, {
        role: 'assistant',
        content: said.toolCalls.length > 0 && said.text === '' ? null : '',
        refusal: null,
      }),
    })
    for (const content of said.chunks) send({ content })
    for (const [at, { id, name, arguments: text }] of said.toolCalls.entries()) {
      send({ tool_calls: [{ index: at, id, type: 'function', function: { name, arguments: '' } }] })
      for (const part of cut(text, 12)) send({ tool_calls: [{ index: at, function: { arguments: part } }] })
    }
    pieces.push({ event: null, data: choice(index, {}, FINISH[said.finish]), last: true })
  }
  if (heard.usageAsked) pieces.push({ event: null, data: chunk([], chatUsage(said.usage)), last: true })
  pieces.push({ event: null, data: '[DONE]', last: true })
  return pieces
}

function statusOf({ finish }: Said): string {
  return finish === 'length' || finish === 'filter' ? 'incomplete' : 'completed'
}

function response(said: Said, heard: Heard, status: string, output = outputItems(said)): JsonObject {
  const done = status !== 'in_progress'
  const reason = said.finish === 'filter' ? 'content_filter' : 'max_output_tokens'
  return {
    id: `resp_${said.id}`,
    object: 'response',
    created_at: said.created,
    status,
    background: false,
    error: null,
    incomplete_details: status === 'incomplete' ? { reason } : null,
    instructions: null,
    max_output_tokens: heard.maxTokens,
    model: said.model,
    output,
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    service_tier: 'default',
    store: true,
    temperature: 1,
    text: { format: { type: 'text' } },
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    truncation: 'disabled',
    usage: done ? responseUsage(said.usage) : null,
    user: null,
    metadata: {},
  }
}

function responseUsage(usage: TokenUsage): JsonObject {
  return {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: usage.cacheRead, cache_write_tokens: usage.cacheWrite },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: usage.input + usage.output,
  }
}

function outputItems(said: Said): JsonObject[] {
  const items: JsonObject[] = []
  if (said.thinking !== null)
    items.push({
      id: `rs_${said.id}`,
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: said.thinking }],
    })
  if (said.text !== '' || said.toolCalls.length === 0)
    items.push({
      id: `msg_${said.id}`,
      type: 'message',
      status: statusOf(said),
      role: 'assistant',
      content: [{ type: 'output_text', text: said.text, annotations: [], logprobs: [] }],
    })
  for (const [at, { id, name, arguments: text }] of said.toolCalls.entries())
    items.push({
      id: `fc_${said.id}_${at}`,
      type: 'function_call',
      status: 'completed',
      call_id: id,
      name,
      arguments: text,
    })
  return items
}

function responsePieces(said: Said, heard: Heard): Piece[] {
  const pieces: Piece[] = []
  const send = (type: string, data: JsonObject, marks: { delta?: true; last?: true } = {}): void =>
    void pieces.push({ event: type, data: { type, sequence_number: pieces.length, ...data }, ...marks })
  send('response.created', { response: response(said, heard, 'in_progress', []) })
  send('response.in_progress', { response: response(said, heard, 'in_progress', []) })
  for (const [output_index, item] of outputItems(said).entries()) {
    const at = { item_id: item['id'] as string, output_index }
    send('response.output_item.added', { output_index, item: emptied(item) })
    if (item['type'] === 'message') {
      const place = { ...at, content_index: 0 }
      const part = { type: 'output_text', text: '', annotations: [], logprobs: [] }
      send('response.content_part.added', { ...place, part })
      for (const delta of said.chunks)
        send('response.output_text.delta', { ...place, delta, logprobs: [] }, { delta: true })
      send('response.output_text.done', { ...place, text: said.text, logprobs: [] })
      send('response.content_part.done', { ...place, part: { ...part, text: said.text } })
    } else if (item['type'] === 'function_call') {
      const text = item['arguments'] as string
      for (const delta of cut(text, 12))
        send('response.function_call_arguments.delta', { ...at, delta }, { delta: true })
      send('response.function_call_arguments.done', { ...at, arguments: text, name: item['name'] as string })
    } else {
      const place = { ...at, summary_index: 0 }
      const text = said.thinking ?? ''
      send('response.reasoning_summary_part.added', { ...place, part: { type: 'summary_text', text: '' } })
      send('response.reasoning_summary_text.delta', { ...place, delta: text }, { delta: true })
      send('response.reasoning_summary_text.done', { ...place, text })
      send('response.reasoning_summary_part.done', { ...place, part: { type: 'summary_text', text } })
    }
    send('response.output_item.done', { output_index, item })
  }
  const status = statusOf(said)
  send(`response.${status}`, { response: response(said, heard, status) }, { last: true })
  return pieces
}

function emptied(item: JsonObject): JsonObject {
  if (item['type'] === 'message') return { ...item, status: 'in_progress', content: [] }
  if (item['type'] === 'function_call') return { ...item, status: 'in_progress', arguments: '' }
  return { ...item, summary: [] }
}
