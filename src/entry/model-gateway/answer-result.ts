import type { JsonObject, JsonValue } from '../../action/json.ts'
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
    text: text.slice(0, most),
    ...(text.length > most && { text_length: text.length }),
    tool_calls: answer.toolCalls.slice(0, 100).map(callOf),
    finish_reason: answer.finishReasons[0] ?? null,
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
