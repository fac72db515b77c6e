import type { JsonObject, JsonValue } from '../../../action/json.ts'
import type { ModelAnswer, ModelRequest, RequestChanges } from '../model-call.ts'
import { answerHead, replaceText, textsOf } from './openai-chat-answer.ts'
import { askForUsage } from './openai-chat-request.ts'
import { chatStream } from './openai-chat-stream.ts'
import { readTextList } from './openai-embeddings.ts'
import {
  arrayIn,
  copyOf,
  isGiven,
  malformed,
  type MutableObject,
  objectIn,
  optionalBoolean,
  optionalCount,
  modelOf,
  pick,
  stringOrNull,
} from './openai-members.ts'
import { Prompt } from './openai-prompt.ts'
import { readUsage } from './openai-usage.ts'
import type { WireFormat } from './wire-format.ts'

/** OpenAI's legacy completions: a text goes on. There are no turns, so a correction is added to each prompt. */
export const openaiCompletions: WireFormat = {
  name: 'openai-completions',
  protocol: 'openai',
  operation: 'model.generate',
  telemetryName: 'text_completion',
  match: (method, path) => (method === 'POST' && path === '/completions' ? {} : undefined),
  readRequest,
  rewriteRequest,
  readAnswer,
  rewriteAnswer: (body, changes) => {
    const changed: MutableObject = copyOf(body)
    let index = 0
    for (const choice of choicesOf(changed)) {
      for (const place of textsOf(choice)) {
        const text = changes.texts?.[index++]
        if (text !== undefined) replaceText(choice, choice, place, text)
      }
    }
    return changed
  },
  stream: chatStream,
}

function readPrompts(body: JsonObject, prompt: Prompt): number {
  const prompts = isGiven(body['prompt']) ? readTextList(body, 'prompt', prompt) : 1
  prompt.text('user', body, 'suffix', 'suffix')
  return prompts
}

function readRequest(body: JsonObject): ModelRequest {
  const prompt = new Prompt()
  const prompts = readPrompts(body, prompt)
  const each = Math.max(optionalCount(body, 'n', 1) ?? 1, optionalCount(body, 'best_of', 1) ?? 1)
  return {
    model: modelOf(body),
    texts: prompt.texts(),
    tools: [],
    toolSchemas: null,
    toolResults: [],
    stream: optionalBoolean(body, 'stream'),
    maxTokens: optionalCount(body, 'max_tokens', 0),
    answers: prompts * each,
    params: pick(body, ['temperature', 'top_p', 'seed', 'stop', 'echo', 'logprobs', 'stream_options']),
    media: prompt.media(),
    session: null,
  }
}

function rewriteRequest(body: JsonObject, changes: RequestChanges): JsonObject {
  const changed: MutableObject = copyOf(body)
  if (changes.texts !== undefined) {
    const prompt = new Prompt()
    readPrompts(changed, prompt)
    prompt.replace(changes.texts)
  }
  if (changes.model !== undefined) changed['model'] = changes.model
  if (changes.maxTokens !== undefined) changed['max_tokens'] = changes.maxTokens
  if (changes.usageInStream === true && changed['stream'] === true) askForUsage(changed)
  const { correction } = changes
  if (correction !== undefined) {
    const add = (prompt: JsonValue): JsonValue =>
      typeof prompt === 'string' ? `${prompt}\n\n${correction}\n\n` : prompt
    const prompt = changed['prompt'] ?? ''
    changed['prompt'] = Array.isArray(prompt) ? (prompt as JsonValue[]).map(add) : add(prompt)
  }
  return changed
}

function readAnswer(body: JsonObject): ModelAnswer {
  const choices = choicesOf(body)
  return {
    ...answerHead(body),
    texts: choices.flatMap((choice) => textsOf(choice).map(({ text }) => text)),
    toolCalls: [],
    finishReasons: choices.flatMap((choice) => stringOrNull(choice['finish_reason']) ?? []),
    usage: readUsage(body['usage']),
  }
}

function choicesOf(body: JsonObject): MutableObject[] {
  return arrayIn(body['choices'], 'choices', malformed).map((choice) =>
    objectIn(choice, 'choices', malformed),
  )
}
