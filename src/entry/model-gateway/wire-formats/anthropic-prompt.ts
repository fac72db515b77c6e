import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import type { ModelRequest, RequestText } from '../model-call.ts'
import {
  asObject,
  booleanIn,
  invalid,
  isList,
  listIn,
  mapItems,
  objectIn,
  parameterIn,
  requiredString,
  stringIn,
  withMember,
} from './members.ts'
import type { PromptWalk } from './prompt-walk.ts'

type Role = RequestText['role']

/** Walks `system` and `messages` of a Messages request; the body with the edits of the walk. */
export function walkAnthropicPrompt(body: JsonObject, walk: PromptWalk): JsonObject {
  let changed = body
  const system = body['system']
  if (typeof system === 'string') changed = withMember(changed, 'system', walk.text('system', system))
  else if (isList(system)) {
    const blocks = mapItems(system, (block, at) => {
      const where = `body.system[${at}]`
      return textBlock(asObject(block, where), 'system', where, walk)
    })
    changed = withMember(changed, 'system', blocks)
  } else if (system !== undefined && system !== null) {
    throw invalid('body.system', 'a string or an array of text blocks', system)
  }
  const messages = listIn(body, 'messages', 'body')
  if (messages === null) throw invalid('body.messages', 'an array', body['messages'])
  const sinceModel = messages.findLastIndex(
    (message) => isJsonObject(message) && message['role'] === 'assistant',
  )
  return withMember(
    changed,
    'messages',
    mapItems(messages, (message, at) => {
      const where = `body.messages[${at}]`
      return walkMessage(asObject(message, where), where, walk, at > sinceModel)
    }),
  )
}

/** The members about tools, and what they add to the prompt. */
export function readAnthropicTools(
  body: JsonObject,
  walk: PromptWalk,
): Pick<ModelRequest, 'tools' | 'toolSchemas'> {
  const tools: string[] = []
  const list = listIn(body, 'tools', 'body')
  list?.forEach((item, at) => {
    const where = `body.tools[${at}]`
    const tool = asObject(item, where)
    const type = stringIn(tool, 'type', where) ?? 'custom'
    const family = familyOf(type)
    if (family.endsWith('_toolset') && CLIENT_TOOLS.has(family)) {
      // A toolset is one line here and some thirty described tools in the prompt.
      walk.unbounded = true
      tools.push(family.slice(0, -'_toolset'.length))
    } else if (CLIENT_TOOLS.has(family)) tools.push(requiredString(tool, 'name', where))
    else {
      // What the provider runs puts its results into the prompt.
      walk.unbounded = true
      walk.hosted.push(family)
    }
  })
  listIn(body, 'mcp_servers', 'body')?.forEach((item, at) => {
    const where = `body.mcp_servers[${at}]`
    walk.unbounded = true
    walk.hosted.push(`mcp:${requiredString(asObject(item, where), 'name', where)}`)
  })
  const container = body['container']
  if (isJsonObject(container)) {
    if (listIn(container, 'skills', 'body.container') !== null) walk.unbounded = true
  } else stringIn(body, 'container', 'body')
  return { tools, toolSchemas: list }
}

/** Sampling parameters. `metadata.user_id` is left out: it may name a person. */
export function readAnthropicParams(body: JsonObject): JsonObject {
  const params: Record<string, JsonValue> = {}
  for (const key of PARAMETERS) {
    const value = parameterIn(body, key, 'body')
    if (value !== null) params[key] = value
  }
  const thinking = objectIn(body, 'thinking', 'body')
  if (thinking !== null) {
    params['thinking'] = {
      type: parameterIn(thinking, 'type', 'body.thinking'),
      budget_tokens: parameterIn(thinking, 'budget_tokens', 'body.thinking'),
    }
  }
  const effort = parameterIn(objectIn(body, 'output_config', 'body') ?? {}, 'effort', 'body.output_config')
  if (effort !== null) params['effort'] = effort
  return params
}

const PARAMETERS = ['temperature', 'top_p', 'top_k', 'service_tier', 'speed', 'inference_geo']

/** Tools that the agent runs itself; every other type is taken for one that the provider runs and bills. */
const CLIENT_TOOLS = new Set([
  'custom',
  'bash',
  'text_editor',
  'computer',
  'memory',
  'computer_toolset',
  'browser_toolset',
])

/** `web_search_20250305` → `web_search`. */
function familyOf(type: string): string {
  return type.replace(/_\d{8}$/, '')
}

function walkMessage(message: JsonObject, where: string, walk: PromptWalk, sinceModel: boolean): JsonObject {
  const role = message['role']
  if (role !== 'user' && role !== 'assistant' && role !== 'system') {
    throw invalid(`${where}.role`, 'user, assistant or system', role)
  }
  return walkContent(message, where, role, walk, (block, place) => {
    const type = block['type']
    if (type === 'tool_result' || type === 'mcp_tool_result') {
      return walkToolResult(block, place, walk, sinceModel && type === 'tool_result')
    }
    return walkBlock(block, role, place, walk)
  })
}

function walkContent(
  owner: JsonObject,
  where: string,
  role: Role,
  walk: PromptWalk,
  each: (block: JsonObject, where: string) => JsonValue,
): JsonObject {
  const content = owner['content']
  if (typeof content === 'string') return withMember(owner, 'content', walk.text(role, content))
  if (!isList(content)) throw invalid(`${where}.content`, 'a string or an array of blocks', content)
  return withMember(
    owner,
    'content',
    mapItems(content, (block, at) => {
      const place = `${where}.content[${at}]`
      return each(asObject(block, place), place)
    }),
  )
}

function walkToolResult(block: JsonObject, where: string, walk: PromptWalk, sinceModel: boolean): JsonObject {
  const callId = requiredString(block, 'tool_use_id', where)
  const failed = booleanIn(block, 'is_error', where) ?? false
  const first = walk.texts.length
  const content = block['content']
  const changed =
    content === undefined || content === null
      ? block
      : walkContent(block, where, 'tool', walk, (inner, place) => walkBlock(inner, 'tool', place, walk))
  if (sinceModel) {
    const text = walk.texts
      .slice(first)
      .map((part) => part.text)
      .join('\n')
    walk.toolResults.push({ callId, text, failed })
  }
  return changed
}

function walkBlock(block: JsonObject, role: Role, where: string, walk: PromptWalk): JsonValue {
  const type = requiredString(block, 'type', where)
  switch (type) {
    case 'text':
      return textBlock(block, role, where, walk)
    case 'thinking': {
      const thinking = requiredString(block, 'thinking', where)
      const edited = walk.text(role, thinking)
      // The signature covers the text: an edited block would be rejected, a text block says the same without one.
      return edited === thinking ? block : { type: 'text', text: edited }
    }
    case 'redacted_thinking':
      return block
    case 'image':
      walkImage(block, where, walk)
      return block
    case 'document':
      return walkDocument(block, role, where, walk)
    case 'search_result': {
      const named = walk.member(role, walk.member(role, block, 'source'), 'title')
      return walkContent(named, where, role, walk, (inner, place) => textBlock(inner, role, place, walk))
    }
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use':
      return withMember(block, 'input', walk.json(role, block['input'] ?? null))
    case 'container_upload':
      walk.unbounded = true
      return block
    case 'tool_result':
    case 'mcp_tool_result':
      throw invalid(`${where}.type`, 'a block that a tool result may hold', type)
    default:
      if (type.endsWith('_tool_result')) return walkHostedResult(block, where, walk)
      return unknownBlock(block, role, walk)
  }
}

/** A block of a type that Belay does not know is read as its JSON: the model reads it too. */
function unknownBlock(block: JsonObject, role: Role, walk: PromptWalk): JsonValue {
  const text = JSON.stringify(block)
  const edited = walk.text(role, text)
  return edited === text ? block : { type: 'text', text: edited }
}

/** What a tool of the provider's answered in an earlier turn. Its encrypted parts are unreadable to anybody else. */
function walkHostedResult(block: JsonObject, where: string, walk: PromptWalk): JsonObject {
  const content = block['content']
  if (
    isJsonObject(content) &&
    isJsonObject(content['content']) &&
    content['content']['type'] === 'document'
  ) {
    const named = walk.member('tool', content, 'url')
    const document = walkDocument(content['content'], 'tool', `${where}.content.content`, walk)
    return withMember(block, 'content', withMember(named, 'content', document))
  }
  return withMember(block, 'content', walk.leaves('tool', content ?? null, isOpaque, where))
}

function isOpaque(key: string): boolean {
  return key === 'type' || key === 'file_id' || key.startsWith('encrypted_')
}

function textBlock(block: JsonObject, role: Role, where: string, walk: PromptWalk): JsonObject {
  if (block['type'] !== 'text') throw invalid(`${where}.type`, 'text', block['type'])
  return withMember(block, 'text', walk.text(role, requiredString(block, 'text', where)))
}

/** An image costs at most what the largest image costs, wherever it lies: the count is its bound. */
function walkImage(block: JsonObject, where: string, walk: PromptWalk): void {
  const source = asObject(block['source'], `${where}.source`)
  walk.images++
  if (requiredString(source, 'type', `${where}.source`) === 'base64') {
    walk.inlineBytes += requiredString(source, 'data', `${where}.source`).length
  }
}

function walkDocument(block: JsonObject, role: Role, where: string, walk: PromptWalk): JsonObject {
  const named = walk.member(role, walk.member(role, block, 'title'), 'context')
  const place = `${where}.source`
  const source = asObject(block['source'], place)
  switch (requiredString(source, 'type', place)) {
    case 'text':
      return withMember(
        named,
        'source',
        withMember(source, 'data', walk.text(role, requiredString(source, 'data', place))),
      )
    case 'content':
      return withMember(
        named,
        'source',
        walkContent(source, place, role, walk, (inner, at) => walkPassage(inner, role, at, walk)),
      )
    case 'base64':
      walk.inlineBytes += requiredString(source, 'data', place).length
      walk.unbounded = true
      return named
    default:
      walk.unbounded = true
      return named
  }
}

function walkPassage(block: JsonObject, role: Role, where: string, walk: PromptWalk): JsonObject {
  if (block['type'] !== 'image') return textBlock(block, role, where, walk)
  walkImage(block, where, walk)
  return block
}
