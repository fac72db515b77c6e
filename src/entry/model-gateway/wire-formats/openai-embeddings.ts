import type { JsonObject, JsonValue } from '../../../action/json.ts'
import type { ModelAnswer, ModelRequest, RequestChanges } from '../model-call.ts'
import { arrayIn, copyOf, invalid, malformed, type MutableObject, modelOf, pick } from './openai-members.ts'
import { Prompt } from './openai-prompt.ts'
import { readUsage } from './openai-usage.ts'
import type { WireFormat } from './wire-format.ts'

/** OpenAI embeddings. An embedding has no output tokens: `maxTokens` is 0, and there is nothing to rewrite in it. */
export const openaiEmbeddings: WireFormat = {
  name: 'openai-embeddings',
  protocol: 'openai',
  operation: 'model.embed',
  telemetryName: 'embeddings',
  match: (method, path) => (method === 'POST' && path === '/embeddings' ? {} : undefined),
  readRequest,
  rewriteRequest,
  readAnswer,
  rewriteAnswer: (body) => body,
  stream: null,
}

function readRequest(body: JsonObject): ModelRequest {
  const prompt = new Prompt()
  readTextList(body, 'input', prompt)
  return {
    model: modelOf(body),
    texts: prompt.texts(),
    tools: [],
    toolSchemas: null,
    toolResults: [],
    stream: false,
    maxTokens: 0,
    answers: 1,
    params: pick(body, ['dimensions', 'encoding_format']),
    media: prompt.media(),
    session: null,
  }
}

/**
 * A text, a list of texts, a list of token ids, or a list of such lists. Token ids are no text that a check could
 * read. Answers how many prompts it holds.
 */
export function readTextList(body: JsonObject, member: string, prompt: Prompt): number {
  const value = body[member]
  if (typeof value === 'string') {
    prompt.text('user', body, member, member)
    return 1
  }
  if (!Array.isArray(value)) throw invalid(member, 'a text or a list of texts', value)
  const list = value as JsonValue[]
  for (let index = 0; index < list.length; index++) {
    const entry = list[index] ?? null
    if (typeof entry === 'string') {
      if (entry !== '') prompt.places.push({ role: 'user', text: entry, holder: list, member: index })
    } else if (typeof entry !== 'number' && !isTokenList(entry))
      throw invalid(`${member}[${index}]`, 'a text or token ids', entry)
  }
  return typeof list[0] === 'number' ? 1 : Math.max(1, list.length)
}

function isTokenList(value: JsonValue): boolean {
  return Array.isArray(value) && value.every((token) => typeof token === 'number')
}

function rewriteRequest(body: JsonObject, changes: RequestChanges): JsonObject {
  const changed: MutableObject = changes.texts === undefined ? { ...body } : { ...copyOf(body) }
  if (changes.texts !== undefined) {
    const prompt = new Prompt()
    readTextList(changed, 'input', prompt)
    prompt.replace(changes.texts)
  }
  if (changes.model !== undefined) changed['model'] = changes.model
  return changed
}

function readAnswer(body: JsonObject): ModelAnswer {
  arrayIn(body['data'], 'data', malformed)
  return {
    id: null,
    model: typeof body['model'] === 'string' ? body['model'] : null,
    systemFingerprint: null,
    texts: [],
    toolCalls: [],
    finishReasons: [],
    usage: readUsage(body['usage']),
  }
}
