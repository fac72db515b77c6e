import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import type { TokenUsage } from '../model-call.ts'
import { isList } from './members.ts'

/**
 * The usage of one Gemini answer. It comes with every chunk and is cumulative: a member that comes again replaces
 * the earlier value, one that is absent keeps it (zeros are left out on the wire).
 */
export class GeminiUsage {
  #merged: JsonObject | null = null

  take(usage: JsonValue | undefined): void {
    if (isJsonObject(usage)) this.#merged = this.#merged === null ? usage : { ...this.#merged, ...usage }
  }

  /**
   * `null` when nothing was reported, or something that is no count. Output is what the total has beyond the input,
   * when that is more than the candidates and thoughts that are reported.
   */
  read(webSearches: number): TokenUsage | null {
    if (this.#merged === null) return null
    const counts = new Map<string, number>()
    for (const name of COUNTS) {
      const value = this.#merged[name]
      if (value === undefined || value === null) continue
      if (!isCount(value)) return null
      counts.set(name, value)
    }
    if (!counts.has('promptTokenCount')) return null
    const count = (name: string): number => counts.get(name) ?? 0
    const input = count('promptTokenCount') + count('toolUsePromptTokenCount')
    const reasoning = count('thoughtsTokenCount')
    const output = Math.max(count('candidatesTokenCount') + reasoning, count('totalTokenCount') - input)
    const inputAudio = this.#audio('promptTokensDetails') + this.#audio('toolUsePromptTokensDetails')
    return {
      input,
      output,
      cacheRead: Math.min(count('cachedContentTokenCount'), input),
      cacheWrite: 0,
      cacheWriteHour: 0,
      reasoning,
      inputAudio: Math.min(inputAudio, input),
      outputAudio: Math.min(this.#audio('candidatesTokensDetails'), output),
      webSearches,
    }
  }

  #audio(name: string): number {
    const details = this.#merged?.[name]
    let tokens = 0
    for (const detail of isList(details) ? details : []) {
      if (!isJsonObject(detail) || detail['modality'] !== 'AUDIO') continue
      const count = detail['tokenCount']
      if (isCount(count)) tokens += count
    }
    return tokens
  }
}

/** The hosted searches of a candidate; it tells them again, longer, in later chunks. */
export function webSearchesOf(candidate: JsonObject): number {
  const grounding = candidate['groundingMetadata']
  const queries = isJsonObject(grounding) ? grounding['webSearchQueries'] : null
  return isList(queries ?? undefined) ? (queries as readonly JsonValue[]).length : 0
}

const COUNTS = [
  'promptTokenCount',
  'toolUsePromptTokenCount',
  'candidatesTokenCount',
  'thoughtsTokenCount',
  'cachedContentTokenCount',
  'totalTokenCount',
]

function isCount(value: JsonValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
