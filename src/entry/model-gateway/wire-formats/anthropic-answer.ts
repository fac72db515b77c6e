import type { JsonObject, JsonValue } from '../../../action/json.ts'
import type { ModelAnswer, ToolCall } from '../model-call.ts'
import { AnthropicUsage } from './anthropic-usage.ts'
import {
  asObject,
  invalid,
  listIn,
  mapItems,
  requiredString,
  stringIn,
  typeOf,
  withMember,
} from './members.ts'
import type { AnswerChanges } from './wire-format.ts'

/** Which member of a block is text that the agent reads; the same in a whole answer and in a stream. */
export function textMember(block: JsonObject): 'text' | 'thinking' | 'content' | null {
  switch (typeOf(block)) {
    case 'text':
      return 'text'
    case 'thinking':
      return 'thinking'
    case 'compaction':
      return 'content'
    default:
      return null
  }
}

/** A call that the agent runs; what the provider runs itself (`server_tool_use`) is none. */
export function isToolCall(block: JsonObject): boolean {
  return block['type'] === 'tool_use'
}

/** A tool of a toolset is named with it (`browser.click`): tools of the agent's own may have the bare name. */
export function toolCallName(block: JsonObject, where: string): string {
  const name = requiredString(block, 'name', where)
  const toolset = stringIn(block, 'toolset_name', where)
  return toolset === null ? name : `${toolset}.${name}`
}

/** Throws when the body is no message. */
export function readAnthropicAnswer(body: JsonObject): ModelAnswer {
  const texts: string[] = []
  const toolCalls: ToolCall[] = []
  contentOf(body).forEach((item, at) => {
    const where = `answer.content[${at}]`
    const block = asObject(item, where)
    const member = textMember(block)
    if (member !== null) texts.push(stringIn(block, member, where) ?? '')
    else if (isToolCall(block)) {
      toolCalls.push({
        id: requiredString(block, 'id', where),
        name: toolCallName(block, where),
        arguments: JSON.stringify(block['input'] ?? {}),
      })
    }
  })
  const usage = new AnthropicUsage()
  usage.take(body['usage'])
  const stopReason = stringIn(body, 'stop_reason', 'answer')
  return {
    id: stringIn(body, 'id', 'answer'),
    model: stringIn(body, 'model', 'answer'),
    systemFingerprint: null,
    texts,
    toolCalls,
    finishReasons: stopReason === null ? [] : [stopReason],
    usage: usage.read(),
  }
}

/** An edited thinking block keeps its signature, which then no longer fits: the provider rejects it if sent back. */
export function rewriteAnthropicAnswer(body: JsonObject, changes: AnswerChanges): JsonObject {
  let text = 0
  let call = 0
  let callsLeft = 0
  const content = mapItems(contentOf(body), (item, at) => {
    const block = asObject(item, `answer.content[${at}]`)
    const member = textMember(block)
    if (member !== null) {
      const edited = changes.texts?.[text++]
      return edited === undefined || edited === (block[member] ?? '') ? block : { ...block, [member]: edited }
    }
    if (!isToolCall(block)) return block
    const refusal = changes.refusals?.get(call++)
    if (refusal !== undefined) return { type: 'text', text: refusal }
    callsLeft++
    return block
  })
  const changed = withMember(body, 'content', content)
  return call > 0 && callsLeft === 0 && body['stop_reason'] === 'tool_use'
    ? { ...changed, stop_reason: 'end_turn' }
    : changed
}

function contentOf(body: JsonObject): readonly JsonValue[] {
  const content = listIn(body, 'content', 'answer')
  if (body['type'] !== 'message' || content === null) {
    throw invalid('answer.content', 'a message with an array of blocks', body['content'])
  }
  return content
}
