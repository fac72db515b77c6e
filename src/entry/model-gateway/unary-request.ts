import type { JsonObject } from '../../action/json.ts'
import type { Provider } from './providers/provider.ts'
import type { Protocol } from './wire-formats/wire-format.ts'

/** A question without tools or streaming, in neutral words. */
export interface Unary {
  readonly model: string
  readonly system: string
  readonly user: string
  readonly maxTokens: number
  readonly params: JsonObject
}

interface UnaryRequest {
  /** Behind the provider's base URL. */
  readonly path: string
  readonly body: JsonObject
}

const REQUESTS: Readonly<Record<Protocol, (ask: Unary, provider: Provider) => UnaryRequest>> = {
  openai: ({ model, system, user, maxTokens, params }, { maxTokensMember = 'max_tokens' }) => ({
    path: '/chat/completions',
    body: {
      ...params,
      model,
      messages: [
        { role: 'system', content: system },
        { role: 'user', content: user },
      ],
      [maxTokensMember]: maxTokens,
    },
  }),
  anthropic: ({ model, system, user, maxTokens, params }) => ({
    path: '/messages',
    body: { ...params, model, system, messages: [{ role: 'user', content: user }], max_tokens: maxTokens },
  }),
  gemini: ({ model, system, user, maxTokens, params }) => ({
    path: `/models/${encodeURIComponent(model)}:generateContent`,
    body: {
      systemInstruction: { parts: [{ text: system }] },
      contents: [{ role: 'user', parts: [{ text: user }] }],
      generationConfig: { ...params, maxOutputTokens: maxTokens },
    },
  }),
}

/** The question as the provider's protocol has it. */
export function unaryRequest(provider: Provider, ask: Unary): UnaryRequest {
  return REQUESTS[provider.protocol](ask, provider)
}
