import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import type { TokenUsage } from '../model-call.ts'

/**
 * `usage` of chat, completions, embeddings (`prompt_tokens`, `completion_tokens`) and Responses (`input_tokens`,
 * `output_tokens`). `null` when it is missing or its counts are no counts: then nothing was reported.
 *
 * Some providers of this protocol count reasoning in `total_tokens` only; output is what the total has beyond
 * the input, when that is more.
 */
export function readUsage(value: JsonValue | undefined): TokenUsage | null {
  if (!isJsonObject(value)) return null
  const input = count(value['prompt_tokens']) ?? count(value['input_tokens'])
  if (input === null) return null
  const total = count(value['total_tokens'])
  const reported = count(value['completion_tokens']) ?? count(value['output_tokens'])
  if (reported === null && total === null) return null
  const output = Math.max(reported ?? 0, (total ?? 0) - input)
  const inputDetails = details(value['prompt_tokens_details'] ?? value['input_tokens_details'])
  const outputDetails = details(value['completion_tokens_details'] ?? value['output_tokens_details'])
  const cacheRead = Math.min(
    count(inputDetails['cached_tokens']) ?? count(value['prompt_cache_hit_tokens']) ?? 0,
    input,
  )
  return {
    input,
    output,
    cacheRead,
    cacheWrite: Math.min(count(inputDetails['cache_write_tokens']) ?? 0, input - cacheRead),
    cacheWriteHour: 0,
    reasoning: Math.min(count(outputDetails['reasoning_tokens']) ?? 0, output),
    inputAudio: Math.min(count(inputDetails['audio_tokens']) ?? 0, input),
    outputAudio: Math.min(count(outputDetails['audio_tokens']) ?? 0, output),
    webSearches:
      count(details(value['server_tool_use'])['web_search_requests']) ??
      count(value['num_search_queries']) ??
      0,
  }
}

/** The `error` object of this protocol; official clients raise it. */
export function errorObject(code: string, message: string): JsonObject {
  return { message, type: 'server_error', param: null, code }
}

export function count(value: JsonValue | undefined): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null
}

function details(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}
