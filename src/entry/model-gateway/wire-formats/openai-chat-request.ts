import type { JsonObject, JsonValue } from '../../../action/json.ts'
import type { ModelRequest, RequestChanges } from '../model-call.ts'
import {
  arrayIn,
  copyOf,
  invalid,
  isGiven,
  type MutableObject,
  objectIn,
  optionalBoolean,
  optionalCount,
  modelOf,
  optionalString,
  pick,
  stringIn,
} from './openai-members.ts'
import { Prompt, ROLES } from './openai-prompt.ts'

/** `stream_options` is among them: the reader of the stream asks there whether the client wants the usage. */
const PARAMS = [
  'temperature',
  'top_p',
  'seed',
  'stop',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
  'logprobs',
  'top_logprobs',
  'reasoning_effort',
  'verbosity',
  'service_tier',
  'store',
  'modalities',
  'response_format',
  'tool_choice',
  'parallel_tool_calls',
  'stream_options',
]

export function readChatRequest(body: JsonObject): ModelRequest {
  const prompt = new Prompt()
  const toolResults = readPrompt(body, prompt)
  if (isGiven(body['stream_options'])) objectIn(body['stream_options'], 'stream_options')
  const toolSchemas: JsonValue = body['tools'] ?? body['functions'] ?? null
  return {
    model: modelOf(body),
    texts: prompt.texts(),
    tools: prompt.tools,
    toolSchemas,
    toolResults,
    stream: optionalBoolean(body, 'stream'),
    maxTokens: maxTokens(body),
    answers: optionalCount(body, 'n', 1) ?? 1,
    params: pick(body, PARAMS),
    media: prompt.media(),
    session: null,
  }
}

/** Providers differ in which of the two they heed: the greater is the bound. */
export function maxTokens(body: JsonObject): number | null {
  const older = optionalCount(body, 'max_tokens', 0)
  const newer = optionalCount(body, 'max_completion_tokens', 0)
  return older === null || newer === null ? (older ?? newer) : Math.max(older, newer)
}

export function rewriteChatRequest(body: JsonObject, changes: RequestChanges): JsonObject {
  const changed: MutableObject = changes.texts === undefined ? { ...body } : { ...copyOf(body) }
  if (changes.texts !== undefined) {
    const prompt = new Prompt()
    readPrompt(changed, prompt)
    prompt.replace(changes.texts)
  }
  if (changes.model !== undefined) changed['model'] = changes.model
  if (changes.maxTokens !== undefined) setMaxTokens(changed, changes.maxTokens, changes.maxTokensMember)
  if (changes.usageInStream === true && changed['stream'] === true) askForUsage(changed)
  if (changes.correction !== undefined) {
    const messages = arrayIn(changed['messages'], 'messages')
    changed['messages'] = [...messages, { role: 'user', content: changes.correction }]
  }
  return changed
}

export function askForUsage(body: MutableObject): void {
  const options = body['stream_options']
  const given = isGiven(options) ? objectIn(options, 'stream_options') : {}
  body['stream_options'] = { ...given, include_usage: true }
}

function setMaxTokens(
  body: MutableObject,
  value: number,
  absent: NonNullable<RequestChanges['maxTokensMember']> = 'max_completion_tokens',
): void {
  const older = isGiven(body['max_tokens'])
  const newer = isGiven(body['max_completion_tokens'])
  if (older) body['max_tokens'] = value
  if (newer) body['max_completion_tokens'] = value
  if (!older && !newer) {
    // A `null` under the other name must not stay beside it.
    delete body['max_tokens']
    delete body['max_completion_tokens']
    body[absent] = value
  }
}

/** Collects the prompt; answers the results of tools after the last turn of the model. */
function readPrompt(body: JsonObject, prompt: Prompt): ModelRequest['toolResults'] {
  let toolResults: { callId: string; text: string; failed: boolean }[] = []
  const messages = arrayIn(body['messages'], 'messages')
  for (let index = 0; index < messages.length; index++) {
    const at = `messages[${index}]`
    const message = objectIn(messages[index], at)
    const named = stringIn(message['role'], `${at}.role`)
    const role = Object.hasOwn(ROLES, named) ? ROLES[named] : undefined
    if (role === undefined)
      throw invalid(`${at}.role`, 'system, developer, user, assistant, tool or function', message['role'])
    const text = prompt.content(role, message, 'content', `${at}.content`)
    if (role === 'assistant') {
      readAssistant(message, prompt, at)
      toolResults = []
    } else if (role === 'tool') {
      const callId = optionalString(message, 'tool_call_id', `${at}.tool_call_id`)
      toolResults.push({
        callId: callId ?? optionalString(message, 'name', `${at}.name`) ?? '',
        text,
        failed: false,
      })
    }
  }
  if (isGiven(body['prediction']))
    prompt.content('assistant', objectIn(body['prediction'], 'prediction'), 'content', 'prediction.content')
  prompt.toolList(body['tools'], 'tools')
  prompt.toolList(body['functions'], 'functions')
  if (isGiven(body['web_search_options'])) prompt.hosted.push('web_search')
  if (isGiven(body['search_parameters'])) prompt.hosted.push('live_search')
  if (isGiven(body['plugins'])) {
    for (const [index, plugin] of arrayIn(body['plugins'], 'plugins').entries())
      prompt.hosted.push(stringIn(objectIn(plugin, `plugins[${index}]`)['id'], `plugins[${index}].id`))
  }
  return toolResults
}

function readAssistant(message: MutableObject, prompt: Prompt, at: string): void {
  for (const member of ['reasoning_content', 'reasoning', 'refusal'])
    prompt.text('assistant', message, member, `${at}.${member}`)
  // Only the id of an earlier spoken answer: its length is not known here.
  if (isGiven(message['audio'])) prompt.unbounded = true
  if (isGiven(message['function_call'])) {
    const call = objectIn(message['function_call'], `${at}.function_call`)
    prompt.text('assistant', call, 'arguments', `${at}.function_call.arguments`)
  }
  const calls = message['tool_calls']
  if (!isGiven(calls)) return
  for (const [index, value] of arrayIn(calls, `${at}.tool_calls`).entries()) {
    const where = `${at}.tool_calls[${index}]`
    const call = objectIn(value, where)
    if (isGiven(call['function']))
      prompt.text('assistant', objectIn(call['function'], where), 'arguments', `${where}.function.arguments`)
    if (isGiven(call['custom']))
      prompt.text('assistant', objectIn(call['custom'], where), 'input', `${where}.custom.input`)
  }
}
