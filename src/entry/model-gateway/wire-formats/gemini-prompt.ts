import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import type { ModelRequest, RequestText } from '../model-call.ts'
import { mapObjectsOf, memberOf, nameOf, objectOf, objectsOf, toSnakeCase } from './gemini-members.ts'
import { resourceName } from './gemini-path.ts'
import { countIn, invalid, parameterIn, requiredString, stringIn, withMember } from './members.ts'
import type { PromptWalk } from './prompt-walk.ts'

type Role = RequestText['role']

/** Walks the system instruction and the contents; the body with the edits of the walk. */
export function walkGeminiPrompt(body: JsonObject, walk: PromptWalk): JsonObject {
  let changed = body
  const system = objectOf(body, 'systemInstruction', 'body')
  if (system !== null) {
    const name = nameOf(body, 'systemInstruction', 'body')
    const place = `body.${name}`
    changed = withMember(changed, name, walkParts(system, place, 'system', walk, false))
  }
  const sinceModel = objectsOf(body, 'contents', 'body').findLastIndex(
    (content) => content['role'] === 'model',
  )
  return mapObjectsOf(changed, 'contents', 'body', (content, where, at) =>
    walkParts(content, where, roleOf(content, where), walk, at > sinceModel),
  )
}

/** One `Content`: also what is embedded. */
export function walkParts(
  content: JsonObject,
  where: string,
  role: Role,
  walk: PromptWalk,
  sinceModel: boolean,
): JsonObject {
  return mapObjectsOf(content, 'parts', where, (part, place) => walkPart(part, place, role, walk, sinceModel))
}

/** The members about tools, and what they add to the prompt. */
export function readGeminiTools(
  body: JsonObject,
  walk: PromptWalk,
): Pick<ModelRequest, 'tools' | 'toolSchemas'> {
  const tools: string[] = []
  const list = objectsOf(body, 'tools', 'body')
  list.forEach((tool, at) => {
    const where = `body.tools[${at}]`
    objectsOf(tool, 'functionDeclarations', where).forEach((declaration, number) => {
      tools.push(requiredString(declaration, 'name', `${where}.functionDeclarations[${number}]`))
    })
    for (const [key, value] of Object.entries(tool)) {
      const name = toSnakeCase(key)
      if (name === 'function_declarations' || value === null) continue
      // What a tool of the provider's finds, and what computer use is explained with, is no part of the body.
      walk.unbounded = true
      if (name === 'computer_use') tools.push(name)
      else walk.hosted.push(name)
    }
  })
  const config = objectOf(body, 'toolConfig', 'body')
  const calling = config === null ? null : objectOf(config, 'functionCallingConfig', 'body.toolConfig')
  if (calling !== null && memberOf(calling, 'streamFunctionCallArguments', 'body.toolConfig') === true) {
    throw invalid('body.toolConfig.functionCallingConfig.streamFunctionCallArguments', 'false', true)
  }
  return { tools, toolSchemas: list.length === 0 ? null : (body['tools'] ?? null) }
}

/** Sampling parameters, named in camelCase whichever way they came. */
export function readGeminiParams(body: JsonObject): JsonObject {
  const params: Record<string, JsonValue> = {}
  const where = 'body.generationConfig'
  const config = objectOf(body, 'generationConfig', 'body') ?? {}
  for (const key of PARAMETERS) take(params, config, key, where)
  const thinking = objectOf(config, 'thinkingConfig', where)
  if (thinking !== null) {
    const read: Record<string, JsonValue> = {}
    for (const key of THINKING) take(read, thinking, key, `${where}.thinkingConfig`)
    params['thinkingConfig'] = read
  }
  take(params, body, 'serviceTier', 'body')
  return params
}

export function readGeminiLimits(body: JsonObject): { maxTokens: number | null; answers: number } {
  const where = 'body.generationConfig'
  const config = objectOf(body, 'generationConfig', 'body') ?? {}
  return {
    maxTokens: countIn(config, nameOf(config, 'maxOutputTokens', where), where),
    answers: Math.max(1, countIn(config, nameOf(config, 'candidateCount', where), where) ?? 1),
  }
}

/** A body may name the model that its path names, not another one. */
export function expectModel(body: JsonObject, model: string | undefined, where: string): void {
  const named = stringIn(body, 'model', where)
  if (named === null || model === undefined) return
  if (named !== model && named !== resourceName(model))
    throw invalid(`${where}.model`, 'the model of the path', named)
}

const PARAMETERS = [
  'temperature',
  'topP',
  'topK',
  'seed',
  'frequencyPenalty',
  'presencePenalty',
  'mediaResolution',
]
const THINKING = ['thinkingBudget', 'thinkingLevel', 'includeThoughts']

function take(params: Record<string, JsonValue>, from: JsonObject, camel: string, where: string): void {
  const value = parameterIn(from, nameOf(from, camel, where), where)
  if (value !== null) params[camel] = value
}

function roleOf(content: JsonObject, where: string): Role {
  switch (stringIn(content, 'role', where) ?? 'user') {
    case 'user':
      return 'user'
    case 'model':
      return 'assistant'
    case 'function':
    case 'tool':
      return 'tool'
    case 'system':
      return 'system'
    default:
      throw invalid(`${where}.role`, 'user or model', content['role'])
  }
}

function walkPart(
  part: JsonObject,
  where: string,
  role: Role,
  walk: PromptWalk,
  sinceModel: boolean,
): JsonObject {
  let changed = part
  for (const [key, value] of Object.entries(part)) {
    if (value === null) continue
    changed = withMember(changed, key, walkMember(key, value, where, role, walk, sinceModel))
  }
  return changed
}

/** One member of a part; those that Belay does not know are read as their JSON: the model may read them too. */
function walkMember(
  key: string,
  value: JsonValue,
  where: string,
  role: Role,
  walk: PromptWalk,
  sinceModel: boolean,
): JsonValue {
  const place = `${where}.${key}`
  switch (key) {
    case 'text':
      if (typeof value !== 'string') throw invalid(place, 'a string', value)
      return walk.text(role, value)
    case 'inlineData':
    case 'inline_data':
      return walkInlineData(member(value, place), place, role, walk)
    case 'fileData':
    case 'file_data':
      member(value, place)
      walk.unbounded = true
      return value
    case 'functionCall':
    case 'function_call': {
      const call = member(value, place)
      return withMember(call, 'args', walk.json('assistant', call['args'] ?? null))
    }
    case 'functionResponse':
    case 'function_response':
      return walkFunctionResponse(member(value, place), place, walk, sinceModel)
    case 'executableCode':
    case 'executable_code':
      return walk.member('assistant', member(value, place), 'code')
    case 'codeExecutionResult':
    case 'code_execution_result':
      return walk.member('tool', member(value, place), 'output')
    case 'thoughtSignature':
    case 'thought_signature':
      if (typeof value !== 'string') throw invalid(place, 'a string', value)
      return value
    default:
      return typeof value === 'object' || typeof value === 'string' ? walkUnknown(value, role, walk) : value
  }
}

function walkUnknown(value: JsonValue, role: Role, walk: PromptWalk): JsonValue {
  return typeof value === 'string' ? walk.text(role, value) : walk.json(role, value)
}

/** Text may come as base64 too: it is read as the text that the model reads. */
function walkInlineData(data: JsonObject, where: string, role: Role, walk: PromptWalk): JsonObject {
  const type = requiredString(data, nameOf(data, 'mimeType', where), where).toLowerCase()
  const bytes = requiredString(data, 'data', where)
  if (isText(type)) {
    const text = Buffer.from(bytes, 'base64').toString()
    const edited = walk.text(role, text)
    return edited === text ? data : { ...data, data: Buffer.from(edited).toString('base64') }
  }
  walk.inlineBytes += bytes.length
  if (type.startsWith('image/')) walk.images++
  else walk.unbounded = true
  return data
}

function isText(type: string): boolean {
  return type.startsWith('text/') || TEXT_TYPES.has(type.split(';', 1)[0] as string)
}

const TEXT_TYPES = new Set([
  'application/json',
  'application/xml',
  'application/javascript',
  'application/x-javascript',
  'application/x-python',
  'application/rtf',
])

/**
 * The response of a function: an object of any shape. Where it is one string, that is the text; otherwise the text
 * is its JSON. A response with an `error` and without an `output` failed, as the API's reference has it.
 */
function walkFunctionResponse(
  response: JsonObject,
  where: string,
  walk: PromptWalk,
  sinceModel: boolean,
): JsonObject {
  stringIn(response, 'name', where)
  const id = stringIn(response, 'id', where)
  const content = objectOf(response, 'response', where) ?? {}
  const first = walk.texts.length
  const [key, ...others] = Object.keys(content)
  const only = key === undefined || others.length > 0 ? undefined : content[key]
  const edited =
    key !== undefined && typeof only === 'string'
      ? withMember(content, key, walk.text('tool', only))
      : walk.json('tool', content)
  if (sinceModel) {
    const place = `call_${walk.toolResults.length}`
    const failed = content['error'] !== undefined && content['output'] === undefined
    walk.toolResults.push({ callId: id ?? place, text: walk.texts[first]?.text ?? '', failed })
  }
  const changed = edited === content ? response : { ...response, response: edited }
  return mapObjectsOf(changed, 'parts', where, (part, place) => walkPart(part, place, 'tool', walk, false))
}

function member(value: JsonValue, where: string): JsonObject {
  if (!isJsonObject(value)) throw invalid(where, 'an object', value)
  return value
}
