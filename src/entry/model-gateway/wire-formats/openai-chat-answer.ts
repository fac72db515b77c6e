import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import type { ModelAnswer, ToolCall } from '../model-call.ts'
import type { AnswerChanges } from './wire-format.ts'
import {
  arrayIn,
  copyOf,
  isGiven,
  malformed,
  type MutableObject,
  objectIn,
  stringIn,
  stringOrNull,
} from './openai-members.ts'
import { readUsage } from './openai-usage.ts'

/** A text for the agent in a message, in a delta or in a choice of legacy completions. */
export interface AnswerText {
  readonly kind: string
  readonly text: string
  readonly holder: MutableObject
  readonly member: string
}

/** The texts of a message or delta in a fixed order; empty ones are none. */
export function textsOf(message: MutableObject): AnswerText[] {
  const texts: AnswerText[] = []
  for (const member of TEXT_MEMBERS) addText(texts, member, message, member)
  const content = message['content']
  if (Array.isArray(content)) {
    for (const part of content as JsonValue[]) {
      const given = objectIn(part, 'content', malformed)
      addText(texts, 'content', given, 'text')
      if (Array.isArray(given['thinking']))
        for (const inner of given['thinking'])
          if (isJsonObject(inner)) addText(texts, 'thinking', inner, 'text')
    }
  } else if (isGiven(content) && typeof content !== 'string') {
    throw malformed('content', 'a string', content)
  }
  // Repeats `reasoning` where both are there.
  const details = message['reasoning_details']
  if (Array.isArray(details) && (message['reasoning'] ?? '') === '') {
    for (const detail of details as JsonValue[]) {
      if (!isJsonObject(detail)) continue
      addText(texts, 'reasoning', detail, 'text')
      addText(texts, 'reasoning', detail, 'summary')
    }
  }
  if (isJsonObject(message['audio'])) addText(texts, 'audio', message['audio'], 'transcript')
  return texts
}

const TEXT_MEMBERS = ['reasoning_content', 'reasoning', 'content', 'refusal', 'text'] as const

function addText(texts: AnswerText[], kind: string, holder: JsonObject, member: string): void {
  const text = holder[member]
  if (typeof text === 'string') {
    if (text !== '') texts.push({ kind, text, holder: holder, member })
  } else if (isGiven(text) && member !== 'content') {
    throw malformed(member, 'a string', text)
  }
}

/** Replaces a text, and takes away what would still tell the old one. */
export function replaceText(
  choice: MutableObject,
  message: MutableObject,
  place: AnswerText,
  text: string,
): void {
  if (place.text === text) return
  place.holder[place.member] = text
  if (isGiven(choice['logprobs'])) choice['logprobs'] = null
  if (place.member === 'reasoning') delete message['reasoning_details']
  if (place.kind === 'audio' && typeof place.holder['data'] === 'string') place.holder['data'] = ''
}

export function readChatAnswer(body: JsonObject): ModelAnswer {
  const texts: string[] = []
  const toolCalls: ToolCall[] = []
  const finishReasons: string[] = []
  forEachChoice(body, (choice, message) => {
    for (const place of textsOf(message)) texts.push(place.text)
    toolCalls.push(...callsOf(message).map(({ call }) => call))
    const reason = stringOrNull(choice['finish_reason'])
    if (reason !== null) finishReasons.push(reason)
  })
  return { ...answerHead(body), texts, toolCalls, finishReasons, usage: readUsage(body['usage']) }
}

export function answerHead(body: JsonObject): Pick<ModelAnswer, 'id' | 'model' | 'systemFingerprint'> {
  return {
    id: stringOrNull(body['id']),
    model: stringOrNull(body['model']),
    systemFingerprint: stringOrNull(body['system_fingerprint']),
  }
}

export function rewriteChatAnswer(body: JsonObject, changes: AnswerChanges): JsonObject {
  const changed = copyOf(body)
  let textIndex = 0
  let callIndex = 0
  forEachChoice(changed, (choice, message) => {
    for (const place of textsOf(message)) {
      const text = changes.texts?.[textIndex++]
      if (text !== undefined) replaceText(choice, message, place, text)
    }
    const calls = callsOf(message)
    const refused = calls.filter((_, index) => changes.refusals?.has(callIndex + index) === true)
    if (refused.length > 0) {
      for (let index = 0; index < calls.length; index++) {
        const refusal = changes.refusals?.get(callIndex + index)
        if (refusal !== undefined) addContent(message, refusal)
      }
      dropCalls(message, new Set(refused.map(({ source }) => source)))
      if (refused.length === calls.length && CALL_REASONS.has(choice['finish_reason']))
        choice['finish_reason'] = 'stop'
    }
    callIndex += calls.length
  })
  return changed
}

export const CALL_REASONS: ReadonlySet<JsonValue | undefined> = new Set(['tool_calls', 'function_call'])

function addContent(message: MutableObject, text: string): void {
  const content = message['content']
  if (Array.isArray(content)) message['content'] = [...(content as JsonValue[]), { type: 'text', text }]
  else message['content'] = typeof content === 'string' && content !== '' ? `${content}\n\n${text}` : text
}

function dropCalls(message: MutableObject, refused: ReadonlySet<JsonObject>): void {
  const list = message['tool_calls']
  if (Array.isArray(list)) {
    const left = (list as JsonValue[]).filter((call) => !refused.has(call as JsonObject))
    if (left.length > 0) message['tool_calls'] = left
    else delete message['tool_calls']
  }
  const legacy = message['function_call']
  if (isJsonObject(legacy) && refused.has(legacy)) delete message['function_call']
}

/** The calls of a whole message, with the object that each was read from. */
function callsOf(message: MutableObject): { readonly call: ToolCall; readonly source: JsonObject }[] {
  const calls: { call: ToolCall; source: JsonObject }[] = []
  const list = message['tool_calls']
  if (isGiven(list)) {
    for (const value of arrayIn(list, 'tool_calls', malformed)) {
      const source = objectIn(value, 'tool_calls', malformed)
      const { name, text } = callParts(source)
      if (name === null) throw malformed('tool_calls', 'a name', undefined)
      calls.push({
        source,
        call: { id: stringOrNull(source['id']) ?? `call_${calls.length}`, name, arguments: text ?? '' },
      })
    }
  }
  if (isGiven(message['function_call'])) {
    const source = objectIn(message['function_call'], 'function_call', malformed)
    const name = stringIn(source['name'], 'function_call.name', malformed)
    calls.push({
      source,
      call: { id: 'function_call', name, arguments: argumentText(source['arguments']) ?? '' },
    })
  }
  return calls
}

/** Name and arguments of a call, or of a delta of one. A type that is not known stays a call, named after its type. */
export function callParts(call: JsonObject): { readonly name: string | null; readonly text: string | null } {
  const described = call['function'] ?? call['custom']
  if (isGiven(described)) {
    const given = objectIn(described, 'tool_calls', malformed)
    const name = given['name']
    return {
      name: isGiven(name) ? stringIn(name, 'tool_calls.name', malformed) : null,
      text: argumentText(given['arguments'] ?? given['input']),
    }
  }
  const type = stringOrNull(call['type'])
  if (type === null || type === 'function' || type === 'custom') return { name: null, text: null }
  return { name: type, text: JSON.stringify(Object.hasOwn(call, type) ? call[type] : null) }
}

function argumentText(value: JsonValue | undefined): string | null {
  if (!isGiven(value)) return null
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function forEachChoice(
  body: JsonObject,
  each: (choice: MutableObject, message: MutableObject) => void,
): void {
  for (const value of arrayIn(body['choices'], 'choices', malformed)) {
    const choice = objectIn(value, 'choices', malformed)
    each(choice, objectIn(choice['message'], 'choices.message', malformed))
  }
}
