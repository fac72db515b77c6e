import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import type { TokenUsage } from '../model-call.ts'

/**
 * The usage of one Messages answer as it is reported, in one piece or in several that are cumulative: a member
 * that comes again replaces the earlier value, zero included; one that is absent keeps it.
 */
export class AnthropicUsage {
  readonly #counts = new Map<string, number>()
  #malformed = false

  take(usage: JsonValue | undefined): void {
    if (!isJsonObject(usage)) {
      if (usage !== undefined && usage !== null) this.#malformed = true
      return
    }
    for (const name of COUNTS) this.#set(name, usage)
    this.#below(usage, 'cache_creation', ['ephemeral_1h_input_tokens'])
    this.#below(usage, 'server_tool_use', ['web_search_requests'])
    this.#below(usage, 'output_tokens_details', ['thinking_tokens'])
  }

  /** `null` when nothing was reported, or something that is no count: nobody knows then what it cost. */
  read(): TokenUsage | null {
    if (this.#malformed || !this.#counts.has('input_tokens') || !this.#counts.has('output_tokens'))
      return null
    const cacheRead = this.#count('cache_read_input_tokens')
    const cacheWrite = this.#count('cache_creation_input_tokens')
    const output = this.#count('output_tokens')
    return {
      input: this.#count('input_tokens') + cacheRead + cacheWrite,
      output,
      cacheRead,
      cacheWrite,
      cacheWriteHour: Math.min(this.#count('ephemeral_1h_input_tokens'), cacheWrite),
      reasoning: Math.min(this.#count('thinking_tokens'), output),
      inputAudio: 0,
      outputAudio: 0,
      webSearches: this.#count('web_search_requests'),
    }
  }

  #below(usage: JsonObject, name: string, members: readonly string[]): void {
    const value = usage[name]
    if (isJsonObject(value)) for (const member of members) this.#set(member, value)
    else if (value !== undefined && value !== null) this.#malformed = true
  }

  #set(name: string, from: JsonObject): void {
    const value = from[name]
    if (value === undefined || value === null) return
    if (Number.isSafeInteger(value) && (value as number) >= 0) this.#counts.set(name, value as number)
    else this.#malformed = true
  }

  #count(name: string): number {
    return this.#counts.get(name) ?? 0
  }
}

const COUNTS = ['input_tokens', 'output_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens']
