import { NO_USAGE } from '../model-call.ts'
import { invalid, isList } from './members.ts'
import { promptless } from './prompt-walk.ts'
import type { WireFormat } from './wire-format.ts'

/** Anthropic: `GET /models` and `GET /models/{id}`. Free. */
export const anthropicModels: WireFormat = {
  name: 'anthropic-models',
  protocol: 'anthropic',
  operation: 'model.list',
  telemetryName: 'list_models',
  match: (method, path) => {
    if (method !== 'GET') return undefined
    if (path === '/models') return {}
    const model = path.startsWith('/models/') ? path.slice('/models/'.length) : ''
    return model === '' || model.includes('/') ? undefined : { model }
  },
  readRequest: (_, route) => promptless(route.model ?? null),
  rewriteRequest: (body) => body,
  readAnswer: (body) => {
    if (!isList(body['data']) && typeof body['id'] !== 'string') {
      throw invalid('answer.data', 'an array of models', body['data'])
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
