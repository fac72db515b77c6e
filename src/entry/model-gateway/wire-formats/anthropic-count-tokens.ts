import { NO_USAGE } from '../model-call.ts'
import { readAnthropicRequest, rewriteAnthropicRequest } from './anthropic-messages.ts'
import { countIn, invalid } from './members.ts'
import type { WireFormat } from './wire-format.ts'

/** Anthropic: `POST /messages/count_tokens`. Counting is free: the usage is zero, not unreported. */
export const anthropicCountTokens: WireFormat = {
  name: 'anthropic-count-tokens',
  protocol: 'anthropic',
  operation: 'model.count',
  telemetryName: 'count_tokens',
  match: (method, path) => (method === 'POST' && path === '/messages/count_tokens' ? {} : undefined),
  readRequest: (body) => ({ ...readAnthropicRequest(body), stream: false, maxTokens: null }),
  rewriteRequest: rewriteAnthropicRequest,
  readAnswer: (body) => {
    if (countIn(body, 'input_tokens', 'answer') === null) {
      throw invalid('answer.input_tokens', 'a count of tokens', body['input_tokens'])
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
