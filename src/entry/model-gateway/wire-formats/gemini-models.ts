import { NO_USAGE } from '../model-call.ts'
import { modelIn } from './gemini-path.ts'
import { invalid, isList } from './members.ts'
import { promptless } from './prompt-walk.ts'
import type { WireFormat } from './wire-format.ts'

/** Gemini: `GET /models`, `/models/{id}` and the same of tuned models. Free. */
export const geminiModels: WireFormat = {
  name: 'gemini-models',
  protocol: 'gemini',
  operation: 'model.list',
  telemetryName: 'list_models',
  match: (method, path) => {
    if (method !== 'GET') return undefined
    if (path === '/models' || path === '/tunedModels') return {}
    const slash = path.lastIndexOf('/')
    const name = path.slice(slash + 1)
    const model = name.includes(':') ? undefined : modelIn(path.slice(0, slash), name)
    return model === undefined ? undefined : { model }
  },
  readRequest: (_, route) => promptless(route.model ?? null),
  rewriteRequest: (body) => body,
  readAnswer: (body) => {
    // An empty listing is an empty object on the wire.
    const models = body['models'] ?? body['tunedModels'] ?? null
    if ((models !== null && !isList(models)) || (body['error'] ?? null) !== null) {
      throw invalid('answer.models', 'an array of models', models)
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
