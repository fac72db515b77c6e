import type { JsonObject, JsonValue } from '../../../action/json.ts'
import type { ModelRequest, RequestChanges } from '../model-call.ts'
import { readAnthropicAnswer, rewriteAnthropicAnswer } from './anthropic-answer.ts'
import { readAnthropicParams, readAnthropicTools, walkAnthropicPrompt } from './anthropic-prompt.ts'
import { anthropicStream } from './anthropic-stream.ts'
import { asObject, booleanIn, countIn, isList, listIn, objectIn, stringIn, withMember } from './members.ts'
import { PromptWalk } from './prompt-walk.ts'
import type { WireFormat } from './wire-format.ts'

/** Anthropic Messages: `POST /messages`, whole and streamed. */
export const anthropicMessages: WireFormat = {
  name: 'anthropic-messages',
  protocol: 'anthropic',
  operation: 'model.generate',
  telemetryName: 'chat',
  match: (method, path) => (method === 'POST' && path === '/messages' ? {} : undefined),
  readRequest: readAnthropicRequest,
  rewriteRequest: rewriteAnthropicRequest,
  readAnswer: readAnthropicAnswer,
  rewriteAnswer: rewriteAnthropicAnswer,
  stream: anthropicStream,
}

/** Also the request that counts tokens, which has no `max_tokens` and no `stream`. */
export function readAnthropicRequest(body: JsonObject): ModelRequest {
  const walk = new PromptWalk()
  walkAnthropicPrompt(body, walk)
  const { tools, toolSchemas } = readAnthropicTools(body, walk)
  return {
    model: stringIn(body, 'model', 'body'),
    texts: walk.texts,
    tools,
    toolSchemas,
    toolResults: walk.toolResults,
    stream: booleanIn(body, 'stream', 'body') ?? false,
    maxTokens: countIn(body, 'max_tokens', 'body'),
    answers: 1,
    params: readAnthropicParams(body),
    media: walk.media(),
    session: null,
  }
}

export function rewriteAnthropicRequest(body: JsonObject, changes: RequestChanges): JsonObject {
  let changed = body
  if (changes.texts !== undefined && changes.texts.size > 0) {
    changed = walkAnthropicPrompt(changed, new PromptWalk(changes.texts))
  }
  if (changes.model !== undefined) changed = withMember(changed, 'model', changes.model)
  if (changes.maxTokens !== undefined) changed = withMaxTokens(changed, changes.maxTokens)
  if (changes.correction !== undefined) changed = withCorrection(changed, changes.correction)
  return changed
}

/** The least that the provider takes for `budget_tokens`. */
const LEAST_THINKING = 1024

/** Thinking counts against `max_tokens` and must have a smaller budget, or the provider rejects the request. */
function withMaxTokens(body: JsonObject, maxTokens: number): JsonObject {
  const changed = withMember(body, 'max_tokens', maxTokens)
  const thinking = objectIn(body, 'thinking', 'body')
  const budget = thinking?.['budget_tokens']
  if (thinking === null || typeof budget !== 'number' || budget < maxTokens) return changed
  return maxTokens > LEAST_THINKING
    ? { ...changed, thinking: { ...thinking, budget_tokens: maxTokens - 1 } }
    : { ...changed, thinking: { type: 'disabled' } }
}

/** Joined to the user's turn where that is the last one; behind the results of tools, which must come first. */
function withCorrection(body: JsonObject, correction: string): JsonObject {
  const messages = listIn(body, 'messages', 'body') ?? []
  const block = { type: 'text', text: correction }
  const last = messages.length === 0 ? null : asObject(messages.at(-1), 'body.messages')
  if (last === null || last['role'] !== 'user') {
    return { ...body, messages: [...messages, { role: 'user', content: [block] }] }
  }
  const turn = { ...last, content: [...blocksOf(last['content']), block] }
  return { ...body, messages: [...messages.slice(0, -1), turn] }
}

function blocksOf(content: JsonValue | undefined): readonly JsonValue[] {
  if (isList(content)) return content
  return typeof content === 'string' && content !== '' ? [{ type: 'text', text: content }] : []
}
