import type { JsonObject, JsonValue } from '../../action/json.ts'
import { canonicalJson } from '../../action/digest.ts'
import { joinTexts } from './joined-text.ts'
import type { ModelAnswer, ToolCall } from './model-call.ts'

/** An answer as the `result:` checks of the policy see it. */
export function resultOf({ texts, toolCalls, finishReasons }: ModelAnswer): JsonObject {
  return {
    text: joinTexts(texts),
    tool_calls: toolCalls.map(callOf),
    finish_reason: finishReasons[0] ?? null,
  }
}

/** What is kept of an answer, for audit and replay: as the agent got it, bounded. */
export function keptResult(answer: ModelAnswer, texts: readonly string[], most: number): JsonObject {
  const text = joinTexts(texts)
  return {
    text: text.slice(0, most).toWellFormed(),
    ...(text.length > most && { text_length: text.length }),
    tool_calls: answer.toolCalls.slice(0, 100).map(keptCall),
    finish_reason: answer.finishReasons[0] ?? null,
  }
}

/** As text where it is JSON that no record can hold. */
function keptCall(call: ToolCall): JsonObject {
  const kept = callOf(call)
  try {
    canonicalJson(kept)
    return kept
  } catch {
    const { id, name, arguments: text } = call
    return { id: id.toWellFormed(), name: name.toWellFormed(), arguments: text.toWellFormed() }
  }
}

function callOf({ id, name, arguments: text }: ToolCall): JsonObject {
  let parsed: JsonValue = text
  try {
    parsed = JSON.parse(text) as JsonValue
  } catch {
    // A model may write nonsense; it is kept and checked as the text that it is.
  }
  return { id, name, arguments: parsed }
}
