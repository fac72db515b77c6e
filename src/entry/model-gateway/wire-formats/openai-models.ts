import { NO_MEDIA, NO_USAGE } from '../model-call.ts'
import { malformed } from './openai-members.ts'
import type { RouteMatch, WireFormat } from './wire-format.ts'

/** The list of models, or one of them: free of charge, without a body. */
export const openaiModels: WireFormat = {
  name: 'openai-models',
  protocol: 'openai',
  operation: 'model.list',
  telemetryName: 'list_models',
  match: (method, path) => (method === 'GET' ? matchPath(path) : undefined),
  readRequest: (_body, route) => ({
    model: route.model ?? null,
    texts: [],
    tools: [],
    toolSchemas: null,
    toolResults: [],
    stream: false,
    maxTokens: 0,
    answers: 1,
    params: {},
    media: NO_MEDIA,
    session: null,
  }),
  rewriteRequest: (body) => body,
  readAnswer: (body) => {
    if (!Array.isArray(body['data']) && typeof body['id'] !== 'string')
      throw malformed('data', 'an array', body['data'])
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

function matchPath(path: string): RouteMatch | undefined {
  if (path === '/models') return {}
  if (!path.startsWith('/models/')) return undefined
  try {
    const model = decodeURIComponent(path.slice('/models/'.length))
    return model === '' ? undefined : { model }
  } catch {
    return undefined
  }
}
