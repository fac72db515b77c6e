import type { JsonObject } from '../../../action/json.ts'
import { NO_USAGE } from '../model-call.ts'
import { readGeminiRequest, rewriteGeminiRequest } from './gemini-generate.ts'
import { nameOf, objectOf } from './gemini-members.ts'
import { matchGemini, rewriteGeminiPath } from './gemini-path.ts'
import { countIn, invalid } from './members.ts'
import type { WireFormat } from './wire-format.ts'

/**
 * Gemini: `POST /models/{model}:countTokens`, of contents or of a whole `generateContentRequest`. Counting is free:
 * the usage is zero, not unreported.
 */
export const geminiCountTokens: WireFormat = {
  name: 'gemini-count-tokens',
  protocol: 'gemini',
  operation: 'model.count',
  telemetryName: 'count_tokens',
  match: (method, path) => matchGemini(method, path, 'countTokens'),
  readRequest: (body, route) => ({
    ...readGeminiRequest(countedIn(body), route),
    stream: false,
    maxTokens: null,
    answers: 1,
  }),
  rewriteRequest: (body, changes) => {
    const counted = countedIn(body)
    const changed = rewriteGeminiRequest(counted, changes)
    if (counted === body) return changed
    return { ...body, [nameOf(body, 'generateContentRequest', 'body')]: changed }
  },
  rewritePath: rewriteGeminiPath,
  readAnswer: (body) => {
    if (countIn(body, 'totalTokens', 'answer') === null) {
      throw invalid('answer.totalTokens', 'a count of tokens', body['totalTokens'])
    }
    return {
      id: null,
      model: null,
      systemFingerprint: null,
      texts: [],
      toolCalls: [],
      finishReasons: [],
      usage: NO_USAGE,
    }
  },
  rewriteAnswer: (body) => body,
  stream: null,
}

function countedIn(body: JsonObject): JsonObject {
  const whole = objectOf(body, 'generateContentRequest', 'body')
  if (whole === null) return body
  const contents = body[nameOf(body, 'contents', 'body')]
  if (contents !== undefined && contents !== null) {
    throw invalid('body.contents', 'nothing beside generateContentRequest', contents)
  }
  return whole
}
