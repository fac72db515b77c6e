import type { JsonObject } from '../../../src/action/json.ts'
import type { TokenUsage } from '../../../src/entry/model-gateway/model-call.ts'
import {
  cut,
  numberOr,
  parsed,
  type Finish,
  type Heard,
  type Piece,
  type Said,
  type Speech,
} from './script.ts'

const MODELS = ['claude-sonnet-5-5', 'claude-haiku-4-5']
const FINISH: Record<Finish, string> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool: 'tool_use',
  filter: 'refusal',
}
const FAILURES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  529: 'overloaded_error',
}

/** Anthropic: messages, count_tokens, models. */
export const anthropic: Speech = {
  overloaded: 529,
  hear(method, path, _query, body) {
    const kind = kindOf(method, path)
    if (kind === undefined) return undefined
    return {
      route: path,
      kind,
      model: typeof body['model'] === 'string' ? body['model'] : '',
      stream: body['stream'] === true,
      maxTokens: numberOr(body['max_tokens'], null),
      answers: 1,
      usageAsked: true,
      inputs: 1,
    }
  },
  key: (headers) => {
    const key = headers['x-api-key']
    return typeof key === 'string' ? key : /^Bearer (.+)$/.exec(String(headers['authorization']))?.[1]
  },
  whole(said, heard) {
    if (heard.kind === 'list') return models(heard.route)
    if (heard.kind === 'count') return { input_tokens: said.usage.input }
    return message(said, content(said), FINISH[said.finish], usageOf(said.usage))
  },
  pieces,
  failure: (status, text, id) => ({
    type: 'error',
    error: { type: FAILURES[status] ?? 'api_error', message: text },
    request_id: id,
  }),
  failurePiece: (_heard: Heard) => ({
    event: 'error',
    data: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
  }),
  headers: (id) => ({ 'request-id': id, 'anthropic-ratelimit-requests-remaining': '99' }),
}

function kindOf(method: string, path: string): Heard['kind'] | undefined {
  if (method === 'POST' && path === '/messages') return 'generate'
  if (method === 'POST' && path === '/messages/count_tokens') return 'count'
  return method === 'GET' && /^\/models(\/[^/]+)?$/.test(path) ? 'list' : undefined
}

function models(path: string): JsonObject {
  const one = (id: string) => ({
    type: 'model',
    id,
    display_name: id,
    created_at: '2025-09-29T00:00:00Z',
    max_input_tokens: 200_000,
    max_tokens: 64_000,
  })
  if (path !== '/models') return one(decodeURIComponent(path.slice('/models/'.length)))
  const data = MODELS.map(one)
  return { data, has_more: false, first_id: MODELS[0] ?? null, last_id: MODELS.at(-1) ?? null }
}

function usageOf(usage: TokenUsage): JsonObject {
  return {
    input_tokens: usage.input - usage.cacheRead - usage.cacheWrite,
    cache_creation_input_tokens: usage.cacheWrite,
    cache_read_input_tokens: usage.cacheRead,
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheWrite - usage.cacheWriteHour,
      ephemeral_1h_input_tokens: usage.cacheWriteHour,
    },
    output_tokens: usage.output,
    output_tokens_details: { thinking_tokens: usage.reasoning },
    server_tool_use:
      usage.webSearches > 0 ? { web_search_requests: usage.webSearches, web_fetch_requests: 0 } : null,
    service_tier: 'standard',
  }
}

function message(
  said: Said,
  blocks: JsonObject[],
  stop_reason: string | null,
  usage: JsonObject,
): JsonObject {
  return {
    id: `msg_${said.id}`,
    type: 'message',
    role: 'assistant',
    model: said.model,
    content: blocks,
    stop_reason,
    stop_sequence: null,
    usage,
  }
}

function content(said: Said): JsonObject[] {
  const blocks: JsonObject[] = []
  if (said.thinking !== null)
    blocks.push({ type: 'thinking', thinking: said.thinking, signature: 'c2lnbmVk' })
  if (said.text !== '') blocks.push({ type: 'text', text: said.text })
  for (const { id, name, arguments: text } of said.toolCalls)
    blocks.push({ type: 'tool_use', id, name, input: parsed(text) })
  return blocks
}

function pieces(said: Said): Piece[] {
  const out: Piece[] = []
  const send = (type: string, data: JsonObject, marks: { delta?: true; last?: true } = {}): void =>
    void out.push({ event: type, data: { type, ...data }, ...marks })
  const usage = usageOf(said.usage)
  send('message_start', { message: message(said, [], null, { ...usage, output_tokens: 1 }) })
  send('ping', {})
  let index = 0
  const block = (content_block: JsonObject, deltas: JsonObject[]): void => {
    send('content_block_start', { index, content_block })
    for (const delta of deltas) send('content_block_delta', { index, delta }, { delta: true })
    send('content_block_stop', { index })
    index++
  }
  if (said.thinking !== null)
    block({ type: 'thinking', thinking: '', signature: '' }, [
      { type: 'thinking_delta', thinking: said.thinking },
      { type: 'signature_delta', signature: 'c2lnbmVk' },
    ])
  if (said.text !== '')
    block(
      { type: 'text', text: '' },
      said.chunks.map((text) => ({ type: 'text_delta', text })),
    )
  for (const { id, name, arguments: text } of said.toolCalls)
    block(
      { type: 'tool_use', id, name, input: {} },
      ['', ...cut(text, 12)].map((partial_json) => ({ type: 'input_json_delta', partial_json })),
    )
  const { cache_creation: _apart, service_tier: _tier, ...cumulative } = usage
  send(
    'message_delta',
    { delta: { stop_reason: FINISH[said.finish], stop_sequence: null }, usage: cumulative },
    { last: true },
  )
  send('message_stop', {}, { last: true })
  return out
}
