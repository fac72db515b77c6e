import { readChatAnswer, rewriteChatAnswer } from './openai-chat-answer.ts'
import { readChatRequest, rewriteChatRequest } from './openai-chat-request.ts'
import { chatStream } from './openai-chat-stream.ts'
import type { WireFormat } from './wire-format.ts'

/**
 * OpenAI Chat Completions, which most providers speak. Understands beside OpenAI's own members what compatible
 * providers add: `reasoning_content` and `reasoning` of answers, `plugins` and `search_parameters` of requests.
 */
export const openaiChat: WireFormat = {
  name: 'openai-chat',
  protocol: 'openai',
  operation: 'model.generate',
  telemetryName: 'chat',
  match: (method, path) => (method === 'POST' && path === '/chat/completions' ? {} : undefined),
  readRequest: readChatRequest,
  rewriteRequest: rewriteChatRequest,
  readAnswer: readChatAnswer,
  rewriteAnswer: rewriteChatAnswer,
  stream: chatStream,
}
