import { readResponsesAnswer, rewriteResponsesAnswer } from './openai-responses-answer.ts'
import { readResponsesRequest, rewriteResponsesRequest } from './openai-responses-request.ts'
import { responsesStream } from './openai-responses-stream.ts'
import type { WireFormat } from './wire-format.ts'

/** OpenAI Responses: creating one. Reading, cancelling and deleting stored ones are other routes. */
export const openaiResponses: WireFormat = {
  name: 'openai-responses',
  protocol: 'openai',
  operation: 'model.generate',
  telemetryName: 'chat',
  match: (method, path) => (method === 'POST' && path === '/responses' ? {} : undefined),
  readRequest: readResponsesRequest,
  rewriteRequest: rewriteResponsesRequest,
  readAnswer: readResponsesAnswer,
  rewriteAnswer: rewriteResponsesAnswer,
  stream: responsesStream,
}
