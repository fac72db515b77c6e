import type { JsonObject } from '../../../src/action/json.ts'
import type { TokenUsage } from '../../../src/entry/model-gateway/model-call.ts'
import {
  isRecord,
  numberOr,
  parsed,
  type Finish,
  type Heard,
  type Piece,
  type Said,
  type Speech,
} from './script.ts'

const MODELS = ['gemini-2.5-flash', 'gemini-2.5-pro']
const FINISH: Record<Finish, string> = {
  stop: 'STOP',
  length: 'MAX_TOKENS',
  // Gemini has no reason of its own for tool calls.
  tool: 'STOP',
  filter: 'SAFETY',
}
const STATUS: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
}
const KINDS: Readonly<Record<string, Heard['kind']>> = {
  generateContent: 'generate',
  streamGenerateContent: 'generate',
  countTokens: 'count',
  embedContent: 'embed',
  batchEmbedContents: 'embed',
}

/** Gemini: generateContent, streamGenerateContent, countTokens, embedContent, batchEmbedContents, models. */
export const gemini: Speech = {
  overloaded: 503,
  hear(method, path, query, body) {
    const config = isRecord(body['generationConfig']) ? body['generationConfig'] : {}
    const common = {
      stream: false,
      maxTokens: numberOr(config['maxOutputTokens'], null),
      answers: numberOr(config['candidateCount'], 1),
      usageAsked: true,
      inputs: Array.isArray(body['requests']) ? body['requests'].length : 1,
    }
    if (method === 'GET' && /^\/models(\/[^/:]+)?$/.test(path))
      return { ...common, route: path, kind: 'list', model: '' }
    const [, model, verb = ''] = /^\/models\/([^/:]+):(\w+)$/.exec(path) ?? []
    const kind = KINDS[verb]
    if (method !== 'POST' || model === undefined || kind === undefined) return undefined
    const streams = verb === 'streamGenerateContent'
    // Without alt=sse the real one streams a JSON array, which no client of ours uses.
    if (streams && query.get('alt') !== 'sse') return undefined
    return { ...common, route: verb, kind, model: decodeURIComponent(model), stream: streams }
  },
  key: (headers, query) => {
    const key = headers['x-goog-api-key']
    return typeof key === 'string' ? key : (query.get('key') ?? undefined)
  },
  whole(said, heard) {
    if (heard.kind === 'list') return models(heard.route)
    if (heard.kind === 'count')
      return {
        totalTokens: said.usage.input,
        promptTokensDetails: [{ modality: 'TEXT', tokenCount: said.usage.input }],
      }
    if (heard.kind === 'embed') return embeddings(said, heard)
    return part(said, heard, partsOf(said), FINISH[said.finish], usageOf(said.usage, 1))
  },
  pieces(said, heard) {
    const spoken = partsOf(said, true)
    return spoken.map((one, index): Piece => {
      const last = index === spoken.length - 1
      const data = part(
        said,
        heard,
        [one],
        last ? FINISH[said.finish] : null,
        usageOf(said.usage, (index + 1) / spoken.length),
      )
      return { event: null, data, delta: true, ...(last && { last }) }
    })
  },
  failure,
  failurePiece: () => ({ event: null, data: failure(503, 'The model is overloaded.') }),
  headers: (id) => ({ 'x-goog-request-id': id }),
}

function failure(status: number, message: string): JsonObject {
  return { error: { code: status, message, status: STATUS[status] ?? 'UNKNOWN' } }
}

function models(path: string): JsonObject {
  const one = (id: string) => ({
    name: `models/${id}`,
    version: '001',
    displayName: id,
    inputTokenLimit: 1_048_576,
    outputTokenLimit: 65_536,
    supportedGenerationMethods: ['generateContent', 'countTokens'],
  })
  return path === '/models' ? { models: MODELS.map(one) } : one(path.slice('/models/'.length))
}

function embeddings({ usage }: Said, { route, inputs }: Heard): JsonObject {
  const embedding = { values: [0.5, -0.25, 0.125] }
  const usageMetadata = { promptTokenCount: usage.input }
  return route === 'embedContent'
    ? { embedding, usageMetadata }
    : { embeddings: Array.from({ length: inputs }, () => embedding), usageMetadata }
}

/** Counts so far: Gemini reports them with every event of a stream, each replacing the one before. */
function usageOf(usage: TokenUsage, share: number): JsonObject {
  const candidates = Math.floor((usage.output - usage.reasoning) * share)
  return {
    promptTokenCount: usage.input,
    candidatesTokenCount: candidates,
    totalTokenCount: usage.input + candidates + usage.reasoning,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: usage.input }],
    ...(usage.cacheRead > 0 && {
      cachedContentTokenCount: usage.cacheRead,
      cacheTokensDetails: [{ modality: 'TEXT', tokenCount: usage.cacheRead }],
    }),
    ...(usage.reasoning > 0 && { thoughtsTokenCount: usage.reasoning }),
  }
}

function partsOf(said: Said, streamed = false): JsonObject[] {
  const parts: JsonObject[] = []
  if (said.thinking !== null) parts.push({ text: said.thinking, thought: true })
  if (said.text !== '') parts.push(...(streamed ? said.chunks : [said.text]).map((text) => ({ text })))
  for (const { name, arguments: text } of said.toolCalls)
    parts.push({ functionCall: { name, args: parsed(text) } })
  return parts.length === 0 ? [{ text: '' }] : parts
}

function part(
  said: Said,
  { answers }: Heard,
  parts: JsonObject[],
  finishReason: string | null,
  usageMetadata: JsonObject,
): JsonObject {
  return {
    candidates: Array.from({ length: answers }, (_, index) => ({
      content: { parts, role: 'model' },
      ...(finishReason !== null && { finishReason }),
      index,
    })),
    usageMetadata,
    modelVersion: said.model,
    responseId: said.id,
  }
}
