import { isJsonObject, type JsonObject } from '../../../action/json.ts'
import type { ModelAnswer, TokenUsage, ToolCall } from '../model-call.ts'
import {
  arrayIn,
  copyOf,
  isGiven,
  malformed,
  type MutableObject,
  objectIn,
  stringOrNull,
} from './openai-members.ts'
import { callOf, itemTexts, refusalItem, replaceOutputText } from './openai-responses-output.ts'
import { count, readUsage } from './openai-usage.ts'
import type { AnswerChanges } from './wire-format.ts'

export function readResponsesAnswer(body: JsonObject): ModelAnswer {
  if (!isGiven(body['output']) && !isGiven(body['status']))
    throw malformed('output', 'an array', body['output'])
  const texts: string[] = []
  const toolCalls: ToolCall[] = []
  for (const [index, item] of outputOf(body).entries()) {
    for (const { text } of itemTexts(item, index)) texts.push(text)
    const call = callOf(item)
    if (call !== null) toolCalls.push(call)
  }
  return {
    ...responseHead(body),
    texts,
    toolCalls,
    finishReasons: finishReasons(body),
    usage: responseUsage(body),
  }
}

export function rewriteResponsesAnswer(body: JsonObject, changes: AnswerChanges): JsonObject {
  const changed: MutableObject = copyOf(body)
  let textIndex = 0
  let callIndex = 0
  if (!isGiven(changed['output'])) return changed
  // The joined text, which official clients add by themselves.
  delete changed['output_text']
  changed['output'] = outputOf(changed).map((item, index) => {
    for (const place of itemTexts(item, index)) {
      const text = changes.texts?.[textIndex++]
      if (text !== undefined && text !== place.text) replaceOutputText(place, text)
    }
    if (callOf(item) === null) return item
    const refusal = changes.refusals?.get(callIndex++)
    return refusal === undefined ? item : refusalItem(item, refusal)
  })
  return changed
}

export function outputOf(response: JsonObject): MutableObject[] {
  const output = response['output']
  if (!isGiven(output)) return []
  return arrayIn(output, 'output', malformed).map((item) => objectIn(item, 'output', malformed))
}

export function responseHead(response: JsonObject): Pick<ModelAnswer, 'id' | 'model' | 'systemFingerprint'> {
  return { id: stringOrNull(response['id']), model: stringOrNull(response['model']), systemFingerprint: null }
}

/** The reason why it is incomplete, or its status. */
export function finishReasons(response: JsonObject): string[] {
  const status = stringOrNull(response['status'])
  if (status === null) return []
  const details = response['incomplete_details']
  const reason = isJsonObject(details) ? stringOrNull(details['reason']) : null
  return [status === 'incomplete' && reason !== null ? reason : status]
}

export function responseUsage(response: JsonObject): TokenUsage | null {
  const usage = readUsage(response['usage'])
  if (usage === null) return null
  return { ...usage, webSearches: Math.max(usage.webSearches, webSearches(response)) }
}

function webSearches(response: JsonObject): number {
  const toolUsage = response['tool_usage']
  const reported =
    isJsonObject(toolUsage) && isJsonObject(toolUsage['web_search']) ? toolUsage['web_search'] : {}
  return (
    count(reported['num_requests']) ??
    outputOf(response).filter((item) => item['type'] === 'web_search_call').length
  )
}
