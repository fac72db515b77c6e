import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import type { ModelRequest, RequestChanges, RequestText } from '../model-call.ts'
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

const PARAMS = [
  'temperature',
  'top_p',
  'reasoning',
  'text',
  'service_tier',
  'store',
  'truncation',
  'background',
  'tool_choice',
  'parallel_tool_calls',
  'max_tool_calls',
  'top_logprobs',
  'include',
]

type ToolResults = { callId: string; text: string; failed: boolean }[]

export function readResponsesRequest(body: JsonObject): ModelRequest {
  const prompt = new Prompt()
  const toolResults = readPrompt(body, prompt)
  return {
    model: modelOf(body),
    texts: prompt.texts(),
    tools: prompt.tools,
    toolSchemas: body['tools'] ?? null,
    toolResults,
    stream: optionalBoolean(body, 'stream'),
    maxTokens: optionalCount(body, 'max_output_tokens', 0),
    answers: 1,
    params: pick(body, PARAMS),
    media: prompt.media(),
    session: conversationOf(body),
  }
}

export function rewriteResponsesRequest(body: JsonObject, changes: RequestChanges): JsonObject {
  const changed: MutableObject = changes.texts === undefined ? { ...body } : { ...copyOf(body) }
  if (changes.texts !== undefined) {
    const prompt = new Prompt()
    readPrompt(changed, prompt)
    prompt.replace(changes.texts)
  }
  if (changes.model !== undefined) changed['model'] = changes.model
  if (changes.maxTokens !== undefined) changed['max_output_tokens'] = changes.maxTokens
  if (changes.correction !== undefined) {
    const input = changed['input']
    const turns: JsonValue[] = typeof input === 'string' ? [{ role: 'user', content: input }] : []
    if (isGiven(input) && typeof input !== 'string') turns.push(...arrayIn(input, 'input'))
    changed['input'] = [...turns, { role: 'user', content: changes.correction }]
  }
  return changed
}

function conversationOf(body: JsonObject): string | null {
  const conversation = body['conversation']
  if (!isGiven(conversation)) return null
  if (typeof conversation === 'string') return conversation
  return stringIn(objectIn(conversation, 'conversation')['id'], 'conversation.id')
}

/** Collects the prompt; answers the results of tools after the last turn of the model. */
function readPrompt(body: JsonObject, prompt: Prompt): ToolResults {
  let toolResults: ToolResults = []
  prompt.content('system', body, 'instructions', 'instructions')
  // What the provider keeps can be as long as the model's context.
  if (isGiven(body['previous_response_id']) || isGiven(body['conversation'])) prompt.unbounded = true
  if (isGiven(body['prompt'])) readTemplate(objectIn(body['prompt'], 'prompt'), prompt)
  const input = body['input']
  if (typeof input === 'string') prompt.text('user', body, 'input', 'input')
  else if (isGiven(input)) {
    const items = arrayIn(input, 'input')
    for (let index = 0; index < items.length; index++) {
      const at = `input[${index}]`
      const ofModel = readItem(objectIn(items[index], at), prompt, toolResults, at)
      if (ofModel) toolResults = []
    }
  }
  prompt.toolList(body['tools'], 'tools')
  return toolResults
}

/** A prompt that is stored at the provider: the request holds only its variables. */
function readTemplate(template: MutableObject, prompt: Prompt): void {
  prompt.unbounded = true
  const given = template['variables']
  if (!isGiven(given)) return
  const variables = objectIn(given, 'prompt.variables')
  for (const name of Object.keys(variables)) {
    const value = variables[name]
    if (isJsonObject(value)) prompt.parts('user', [value], `prompt.variables.${name}`)
    else prompt.text('user', variables, name, `prompt.variables.${name}`)
  }
}

/** Answers whether the item is a turn of the model. */
function readItem(item: MutableObject, prompt: Prompt, results: ToolResults, at: string): boolean {
  const type = optionalString(item, 'type', `${at}.type`) ?? ('role' in item ? 'message' : 'item_reference')
  if (type === 'message') return readMessage(item, prompt, at)
  if (type === 'item_reference') {
    prompt.unbounded = true
    return false
  }
  if (type === 'additional_tools') {
    prompt.toolList(item['tools'], `${at}.tools`)
    return false
  }
  if (type.endsWith('_output')) {
    const text = readToolOutput(item, prompt, at)
    const callId =
      optionalString(item, 'call_id', `${at}.call_id`) ?? optionalString(item, 'id', `${at}.id`) ?? ''
    results.push({ callId, text, failed: item['status'] === 'failed' || item['status'] === 'incomplete' })
    return false
  }
  readOtherItem(item, prompt, type, at)
  return OF_MODEL.has(type) || type.endsWith('_call')
}

function readMessage(item: MutableObject, prompt: Prompt, at: string): boolean {
  const named = stringIn(item['role'], `${at}.role`)
  const role = Object.hasOwn(ROLES, named) ? ROLES[named] : undefined
  if (role === undefined) throw invalid(`${at}.role`, 'system, developer, user or assistant', item['role'])
  prompt.content(role, item, 'content', `${at}.content`)
  return role === 'assistant'
}

/** `output` is a text, an array of parts, an array of what a shell wrote, or a screenshot. */
function readToolOutput(item: MutableObject, prompt: Prompt, at: string): string {
  const result = prompt.text('tool', item, 'result', `${at}.result`)
  if (Array.isArray(item['tools'])) prompt.toolList(item['tools'], `${at}.tools`)
  const output = item['output']
  if (isJsonObject(output)) return prompt.parts('tool', [output], `${at}.output`)
  if (!Array.isArray(output)) return prompt.content('tool', item, 'output', `${at}.output`) || result
  let text = ''
  for (const [index, value] of (output as JsonValue[]).entries()) {
    const where = `${at}.output[${index}]`
    const part = objectIn(value, where)
    const said =
      'stdout' in part || 'stderr' in part
        ? [
            prompt.text('tool', part, 'stdout', `${where}.stdout`),
            prompt.text('tool', part, 'stderr', `${where}.stderr`),
          ]
        : [prompt.parts('tool', [part], where)]
    for (const line of said) if (line !== '') text = text === '' ? line : `${text}\n${line}`
  }
  return text
}

const OF_MODEL: ReadonlySet<string> = new Set(['reasoning', 'compaction', 'program', 'mcp_approval_request'])

/** Earlier turns of the model other than messages, hosted tools among them. */
function readOtherItem(item: MutableObject, prompt: Prompt, type: string, at: string): void {
  const role: RequestText['role'] = 'assistant'
  if (type === 'compaction') prompt.unbounded = true
  if (type === 'image_generation_call') {
    prompt.images++
    if (isGiven(item['result'])) prompt.inline(item['result'], `${at}.result`)
    prompt.text(role, item, 'revised_prompt', `${at}.revised_prompt`)
    return
  }
  for (const member of ['summary', 'content', 'results', 'outputs'])
    if (Array.isArray(item[member])) readEntries(item[member] as JsonValue[], prompt, `${at}.${member}`)
    else if (typeof item[member] === 'string') prompt.text(role, item, member, at)
  for (const member of ['arguments', 'input', 'output', 'code', 'reason'])
    if (typeof item[member] === 'string') prompt.text(member === 'output' ? 'tool' : role, item, member, at)
  const done = item['action'] ?? item['operation']
  if (!isJsonObject(done)) return
  for (const member of ['command', 'commands', 'query', 'diff', 'text', 'url']) {
    const value = done[member]
    const holder = done
    if (typeof value === 'string') prompt.text(role, holder, member, at)
    else if (Array.isArray(value))
      for (const [index, word] of value.entries())
        if (typeof word === 'string' && word !== '')
          prompt.places.push({ role, text: word, holder: value as JsonValue[], member: index })
  }
}

function readEntries(entries: JsonValue[], prompt: Prompt, at: string): void {
  for (const [index, value] of entries.entries()) {
    const where = `${at}[${index}]`
    const entry = objectIn(value, where)
    prompt.text('assistant', entry, 'text', `${where}.text`)
    prompt.text('tool', entry, 'logs', `${where}.logs`)
  }
}
