import { isJsonObject, type JsonObject } from '../../../action/json.ts'
import type { ModelAnswer, ModelRequest, RequestChanges } from '../model-call.ts'
import { mapObjectsOf, memberOf, nameOf, objectOf } from './gemini-members.ts'
import { readGeminiPath, resourceName, rewriteGeminiPath } from './gemini-path.ts'
import { expectModel, walkParts } from './gemini-prompt.ts'
import { GeminiUsage } from './gemini-usage.ts'
import { countIn, invalid, isList, stringIn, withMember } from './members.ts'
import { promptless, PromptWalk } from './prompt-walk.ts'
import type { RouteMatch, WireFormat } from './wire-format.ts'

/** Gemini: `POST /models/{model}:embedContent` and `:batchEmbedContents`. */
export const geminiEmbed: WireFormat = {
  name: 'gemini-embed',
  protocol: 'gemini',
  operation: 'model.embed',
  telemetryName: 'embeddings',
  match: (method, path) => {
    const read = method === 'POST' ? readGeminiPath(path) : undefined
    return read?.method === 'embedContent' || read?.method === 'batchEmbedContents'
      ? { model: read.model }
      : undefined
  },
  readRequest: readEmbedRequest,
  rewriteRequest: rewriteEmbedRequest,
  rewritePath: rewriteGeminiPath,
  readAnswer: readEmbedAnswer,
  rewriteAnswer: (body) => body,
  stream: null,
}

function readEmbedRequest(body: JsonObject, route: RouteMatch): ModelRequest {
  const walk = new PromptWalk()
  walkEmbed(body, walk)
  eachRequest(body, (request, where) => {
    expectModel(request, route.model, where)
    countIn(request, nameOf(request, 'outputDimensionality', where), where)
    stringIn(request, nameOf(request, 'taskType', where), where)
    return request
  })
  return { ...promptless(route.model ?? null), texts: walk.texts, media: walk.media() }
}

/** Corrections and limits of tokens mean nothing to an embedding. */
function rewriteEmbedRequest(body: JsonObject, changes: RequestChanges): JsonObject {
  const { model } = changes
  let changed = body
  if (changes.texts !== undefined && changes.texts.size > 0) {
    changed = walkEmbed(changed, new PromptWalk(changes.texts))
  }
  if (model === undefined) return changed
  return eachRequest(changed, (request) =>
    request['model'] === undefined ? request : { ...request, model: resourceName(model) },
  )
}

function walkEmbed(body: JsonObject, walk: PromptWalk): JsonObject {
  return eachRequest(body, (request, where) => {
    const titled = walk.member('user', request, 'title')
    const content = objectOf(request, 'content', where)
    if (content === null) throw invalid(`${where}.content`, 'an object', request['content'])
    return withMember(titled, 'content', walkParts(content, `${where}.content`, 'user', walk, false))
  })
}

function eachRequest(
  body: JsonObject,
  change: (request: JsonObject, where: string) => JsonObject,
): JsonObject {
  const requests = memberOf(body, 'requests', 'body')
  if (requests === undefined || requests === null) return change(body, 'body')
  if ((body['content'] ?? null) !== null)
    throw invalid('body.content', 'nothing beside requests', body['content'])
  return mapObjectsOf(body, 'requests', 'body', change)
}

function readEmbedAnswer(body: JsonObject): ModelAnswer {
  if (!isJsonObject(body['embedding']) && !isList(body['embeddings'])) {
    throw invalid('answer.embedding', 'an embedding', body['embedding'] ?? body['embeddings'])
  }
  const usage = new GeminiUsage()
  usage.take(body['usageMetadata'])
  return {
    id: null,
    model: null,
    systemFingerprint: null,
    texts: [],
    toolCalls: [],
    finishReasons: [],
    usage: usage.read(0),
  }
}
