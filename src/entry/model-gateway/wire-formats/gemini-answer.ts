import { isJsonObject, type JsonObject } from '../../../action/json.ts'
import type { ModelAnswer, ToolCall } from '../model-call.ts'
import { GeminiUsage, webSearchesOf } from './gemini-usage.ts'
import {
  asObject,
  invalid,
  listIn,
  mapItems,
  objectIn,
  requiredString,
  stringIn,
  withMember,
} from './members.ts'
import type { AnswerChanges } from './wire-format.ts'

/** Throws when the body is no answer. A refusal of the prompt, without candidates, is one. */
export function readGeminiAnswer(body: JsonObject): ModelAnswer {
  const texts: string[] = []
  const toolCalls: ToolCall[] = []
  const finishReasons: string[] = []
  let webSearches = 0
  for (const { candidate, where, parts } of candidatesOf(body)) {
    for (const part of parts) {
      const text = textOf(part)
      if (text !== null) texts.push(text)
      const call = callOf(part, toolCalls.length)
      if (call !== null) toolCalls.push(call)
    }
    const finishReason = stringIn(candidate, 'finishReason', where)
    if (finishReason !== null) finishReasons.push(finishReason)
    webSearches += webSearchesOf(candidate)
  }
  const usage = new GeminiUsage()
  usage.take(body['usageMetadata'])
  const blocked = blockReasonOf(body)
  return {
    id: stringIn(body, 'responseId', 'answer'),
    model: stringIn(body, 'modelVersion', 'answer'),
    systemFingerprint: null,
    texts,
    toolCalls,
    finishReasons: finishReasons.length === 0 && blocked !== null ? [blocked] : finishReasons,
    usage: usage.read(webSearches),
  }
}

/** A refused call becomes a text part in its place. The finish reason is STOP with calls and without. */
export function rewriteGeminiAnswer(body: JsonObject, changes: AnswerChanges): JsonObject {
  let text = 0
  let call = 0
  return mapParts(body, (part) => {
    const edited = textOf(part) === null ? undefined : changes.texts?.[text++]
    const changed = edited === undefined ? part : withMember(part, 'text', edited)
    const refusal = callOf(part, call) === null ? undefined : changes.refusals?.get(call++)
    return refusal === undefined ? changed : { text: refusal }
  })
}

export interface CandidateParts {
  readonly candidate: JsonObject
  readonly where: string
  readonly index: number
  readonly parts: readonly JsonObject[]
}

/** The candidates of an answer or of a chunk of one. Throws when it is neither. */
export function candidatesOf(body: JsonObject): readonly CandidateParts[] {
  const candidates = listIn(body, 'candidates', 'answer')
  if (candidates === null) {
    if (isJsonObject(body['promptFeedback']) || isJsonObject(body['usageMetadata'])) return []
    throw invalid('answer.candidates', 'an array of candidates', body['candidates'])
  }
  return candidates.map((item, at) => {
    const where = `answer.candidates[${at}]`
    const candidate = asObject(item, where)
    const content = objectIn(candidate, 'content', where) ?? {}
    const parts = listIn(content, 'parts', `${where}.content`) ?? []
    const index = candidate['index'] ?? at
    if (!Number.isSafeInteger(index) || (index as number) < 0)
      throw invalid(`${where}.index`, 'an index', index)
    return {
      candidate,
      where,
      index: index as number,
      parts: parts.map((part) => (isJsonObject(part) ? part : asObject(part, `${where}.content.parts`))),
    }
  })
}

/** Changes the parts of all candidates in their order; `null` removes one. */
export function mapParts(
  body: JsonObject,
  change: (part: JsonObject, candidate: number) => JsonObject | null,
): JsonObject {
  const candidates = listIn(body, 'candidates', 'answer')
  if (candidates === null) return body
  const changed = mapItems(candidates, (item, at) => {
    const candidate = asObject(item, 'answer.candidates')
    const content = objectIn(candidate, 'content', 'answer.candidates')
    const parts = content === null ? null : listIn(content, 'parts', 'answer.candidates.content')
    if (content === null || parts === null) return candidate
    const kept = mapItems(parts, (part) => change(asObject(part, 'answer.candidates.content.parts'), at))
    const left = kept.includes(null) ? kept.filter((part) => part !== null) : kept
    return withMember(candidate, 'content', withMember(content, 'parts', left))
  })
  return withMember(body, 'candidates', changed)
}

/** Thoughts are text too: the agent reads them where it asked for them. */
export function textOf(part: JsonObject): string | null {
  return stringIn(part, 'text', 'answer.candidates.content.parts')
}

/**
 * The call in a part; without an id of the provider's it is named by its place, as `PromptWalk` names its result.
 * Calls whose arguments come in pieces are refused: they are asked for by a setting that `readRequest` refuses.
 */
export function callOf(part: JsonObject, place: number): ToolCall | null {
  const where = 'answer.candidates.content.parts'
  const call = objectIn(part, 'functionCall', where)
  if (call === null) return null
  if ((part['text'] ?? '') !== '') throw invalid(`${where}.text`, 'no text beside a call', part['text'])
  if (call['willContinue'] === true || (call['partialArgs'] ?? null) !== null) {
    throw invalid(`${where}.functionCall`, 'a whole call', call['partialArgs'])
  }
  return {
    id: stringIn(call, 'id', where) ?? `call_${place}`,
    name: requiredString(call, 'name', `${where}.functionCall`),
    arguments: JSON.stringify(call['args'] ?? {}),
  }
}

export function blockReasonOf(body: JsonObject): string | null {
  const feedback = objectIn(body, 'promptFeedback', 'answer')
  return feedback === null ? null : stringIn(feedback, 'blockReason', 'answer.promptFeedback')
}
