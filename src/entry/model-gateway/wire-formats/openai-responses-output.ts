import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import type { ToolCall } from '../model-call.ts'
import {
  arrayIn,
  isGiven,
  malformed,
  type MutableObject,
  objectIn,
  stringIn,
  stringOrNull,
} from './openai-members.ts'

/** A text in the output of a response: a part of a message or of the model's reasoning. */
export interface OutputText {
  /** The same in every event that names the part: place of the item, kind, place in it. */
  readonly key: string
  readonly text: string
  readonly holder: MutableObject
  readonly member: string
}

/**
 * The texts of an item. Those are the model's own words: messages, refusals, reasoning. What hosted tools found or
 * printed is read by the model at the provider, and is none.
 */
export function itemTexts(item: MutableObject, outputIndex: number): OutputText[] {
  const texts: OutputText[] = []
  const type = item['type']
  if (type !== 'message' && type !== 'reasoning') return texts
  partTexts(item['content'], outputIndex, 'content', texts)
  partTexts(item['summary'], outputIndex, 'summary', texts)
  return texts
}

export type TextKind = 'content' | 'summary'

function partTexts(
  value: JsonValue | undefined,
  outputIndex: number,
  kind: TextKind,
  texts: OutputText[],
): void {
  if (!isGiven(value)) return
  for (const [index, entry] of arrayIn(value, `output.${kind}`, malformed).entries()) {
    const part = objectIn(entry, `output.${kind}`, malformed)
    texts.push(...partText(part, textKey(outputIndex, kind, index)))
  }
}

export function partText(part: MutableObject, key: string): OutputText[] {
  const member = part['type'] === 'refusal' ? 'refusal' : 'text'
  if (!isGiven(part[member])) return []
  const text = stringIn(part[member], 'output.text', malformed)
  return text === '' ? [] : [{ key, text, holder: part, member }]
}

export function textKey(outputIndex: number, kind: TextKind, index: number): string {
  return `${outputIndex}/${kind}/${index}`
}

/** Replaces a text, and takes away what would still tell the old one. */
export function replaceOutputText(place: OutputText, text: string): void {
  place.holder[place.member] = text
  if (isGiven(place.holder['logprobs'])) place.holder['logprobs'] = []
}

/** The call that an item asks the agent to run; `null` when it asks nothing of the agent. */
export function callOf(item: JsonObject): ToolCall | null {
  const type = stringOrNull(item['type'])
  if (type === null || !isCall(type, item)) return null
  const id = stringOrNull(item['call_id']) ?? stringOrNull(item['id']) ?? ''
  if (type === 'function_call') return { id, name: nameOf(item), arguments: argumentText(item['arguments']) }
  if (type === 'custom_tool_call') return { id, name: nameOf(item), arguments: argumentText(item['input']) }
  const done = item['action'] ?? item['actions'] ?? item['operation'] ?? item['arguments'] ?? null
  return { id, name: type.slice(0, -'_call'.length), arguments: argumentText(done) }
}

function nameOf(item: JsonObject): string {
  return stringIn(item['name'], 'output.name', malformed)
}

function argumentText(value: JsonValue | undefined): string {
  if (!isGiven(value)) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** A kind of call that is not known to be run by the provider is taken as one that the agent runs. */
function isCall(type: string, item: JsonObject): boolean {
  if (!type.endsWith('_call')) return false
  if (type === 'tool_search_call') return item['execution'] === 'client'
  if (type === 'shell_call') {
    const environment = item['environment']
    return !(isJsonObject(environment) && environment['type'] === 'container_reference')
  }
  return !HOSTED_CALLS.has(type)
}

const HOSTED_CALLS: ReadonlySet<string> = new Set([
  'web_search_call',
  'file_search_call',
  'code_interpreter_call',
  'image_generation_call',
  'mcp_call',
])

/** The message that stands in a refused call's place. */
export function refusalItem(item: JsonObject, text: string): JsonObject {
  return {
    id: `msg_${stringOrNull(item['id']) ?? stringOrNull(item['call_id']) ?? 'refused'}`,
    type: 'message',
    status: 'completed',
    role: 'assistant',
    content: [refusalPart(text)],
  }
}

export function refusalPart(text: string): JsonObject {
  return { type: 'output_text', text, annotations: [], logprobs: [] }
}
