import type { JsonObject } from '../../../action/json.ts'
import type { ModelRequest, RequestChanges } from '../model-call.ts'
import { readGeminiAnswer, rewriteGeminiAnswer } from './gemini-answer.ts'
import { nameOf, objectOf, objectsOf } from './gemini-members.ts'
import { readGeminiPath, resourceName, rewriteGeminiPath } from './gemini-path.ts'
import {
  expectModel,
  readGeminiLimits,
  readGeminiParams,
  readGeminiTools,
  walkGeminiPrompt,
} from './gemini-prompt.ts'
import { geminiStream } from './gemini-stream.ts'
import { stringIn } from './members.ts'
import { PromptWalk } from './prompt-walk.ts'
import type { RouteMatch, WireFormat } from './wire-format.ts'

/**
 * Gemini: `POST /models/{model}:generateContent` and `:streamGenerateContent`. The path says whether it streams; a
 * client that does not ask for server-sent events (`alt=sse`) gets the chunks as a JSON array, see `json-array.ts`.
 */
export const geminiGenerate: WireFormat = {
  name: 'gemini-generate',
  protocol: 'gemini',
  operation: 'model.generate',
  telemetryName: 'generate_content',
  match: (method, path) => {
    const read = method === 'POST' ? readGeminiPath(path) : undefined
    if (read?.method === 'generateContent') return { model: read.model, stream: false }
    return read?.method === 'streamGenerateContent' ? { model: read.model, stream: true } : undefined
  },
  readRequest: readGeminiRequest,
  rewriteRequest: rewriteGeminiRequest,
  rewritePath: rewriteGeminiPath,
  readAnswer: readGeminiAnswer,
  rewriteAnswer: rewriteGeminiAnswer,
  stream: geminiStream,
}

/** Also the request inside one that counts tokens. */
export function readGeminiRequest(body: JsonObject, route: RouteMatch): ModelRequest {
  expectModel(body, route.model, 'body')
  const walk = new PromptWalk()
  walkGeminiPrompt(body, walk)
  const { tools, toolSchemas } = readGeminiTools(body, walk)
  if (stringIn(body, nameOf(body, 'cachedContent', 'body'), 'body') !== null) walk.unbounded = true
  return {
    model: route.model ?? null,
    texts: walk.texts,
    tools,
    toolSchemas,
    toolResults: walk.toolResults,
    stream: route.stream ?? false,
    ...readGeminiLimits(body),
    params: readGeminiParams(body),
    media: walk.media(),
    session: null,
  }
}

export function rewriteGeminiRequest(body: JsonObject, changes: RequestChanges): JsonObject {
  let changed = body
  if (changes.texts !== undefined && changes.texts.size > 0) {
    changed = walkGeminiPrompt(changed, new PromptWalk(changes.texts))
  }
  if (changes.model !== undefined && changed['model'] !== undefined) {
    changed = { ...changed, model: resourceName(changes.model) }
  }
  if (changes.maxTokens !== undefined) changed = withMaxTokens(changed, changes.maxTokens)
  if (changes.correction !== undefined) changed = withCorrection(changed, changes.correction)
  return changed
}

function withMaxTokens(body: JsonObject, maxTokens: number): JsonObject {
  const name = nameOf(body, 'generationConfig', 'body')
  const config = objectOf(body, 'generationConfig', 'body') ?? {}
  const limit = nameOf(config, 'maxOutputTokens', `body.${name}`)
  return { ...body, [name]: { ...config, [limit]: maxTokens } }
}

/**
 * Joined to the user's turn where that is the last one; but the results of functions must be the only parts of
 * their turn, so after them it is a turn of its own.
 */
function withCorrection(body: JsonObject, correction: string): JsonObject {
  const contents = objectsOf(body, 'contents', 'body')
  const last = contents.at(-1)
  const parts = last === undefined ? [] : objectsOf(last, 'parts', 'body.contents')
  const joins =
    last !== undefined &&
    (last['role'] ?? 'user') === 'user' &&
    !parts.some((part) => 'functionResponse' in part || 'function_response' in part)
  if (!joins) return { ...body, contents: [...contents, { role: 'user', parts: [{ text: correction }] }] }
  return {
    ...body,
    contents: [...contents.slice(0, -1), { ...last, parts: [...parts, { text: correction }] }],
  }
}
