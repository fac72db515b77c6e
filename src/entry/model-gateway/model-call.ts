import type { JsonObject, JsonValue } from '../../action/json.ts'

/** The actions that the gateway proposes, each judged by the policy's entry of that name. */
export type ModelOperation = 'model.generate' | 'model.embed' | 'model.list' | 'model.count' | 'model.request'

/** A request of a known wire format in neutral words: what checks see, what prices need. */
export interface ModelRequest {
  /** As the agent named it; `null` when the request names none. */
  readonly model: string | null
  /**
   * Every text that the model will read, in the order of the request: system prompt, messages, results of
   * tools, texts of documents. `rewrite` puts changed ones back by their index here.
   */
  readonly texts: readonly RequestText[]
  /** Names of the tools that the model may call. */
  readonly tools: readonly string[]
  /** Digest input of the tool schemas: the `tools` member as it came; `null` without tools. */
  readonly toolSchemas: JsonValue
  /** Results of tools since the last turn of the model, by the id of the call. */
  readonly toolResults: readonly {
    readonly callId: string
    readonly text: string
    readonly failed: boolean
  }[]
  readonly stream: boolean
  /** The most tokens that one answer may have; `null` when the agent sets none. */
  readonly maxTokens: number | null
  /** How many answers were asked for, at least 1. */
  readonly answers: number
  /** Sampling parameters as they came: temperature, top_p, seed, reasoning effort, service tier … */
  readonly params: JsonObject
  readonly media: MediaCounts
  /** Conversation or session that the protocol itself names; the header has precedence. */
  readonly session: string | null
}

export interface RequestText {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  readonly text: string
}

/** What the prompt holds beside text, for the bound of what it can cost. */
export interface MediaCounts {
  readonly images: number
  /** Bytes of inline base64 in the body: they are no text. */
  readonly inlineBytes: number
  /**
   * The request names what the body does not hold (an earlier response, a file, a cached content, a document, audio,
   * video): the prompt can be as long as the model's context.
   */
  readonly unbounded: boolean
  /** Tools that the provider runs and bills by itself (web search, code interpreter …), by name. */
  readonly hosted: readonly string[]
}

/**
 * Token counts of one answer as the provider reports them, made comparable. An explicit zero is not missing.
 * `input` is all input, cache reads and writes included; `output` is all output, reasoning included.
 */
export interface TokenUsage {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite: number
  /** Of `cacheWrite`: written for an hour, which costs more (Anthropic). */
  readonly cacheWriteHour: number
  readonly reasoning: number
  /** Parts of `input` and `output` that are priced as audio. */
  readonly inputAudio: number
  readonly outputAudio: number
  /** Calls of a hosted web search. */
  readonly webSearches: number
}

export interface ToolCall {
  /** The provider's id of the call; made up from its place when the protocol has none (Gemini). */
  readonly id: string
  readonly name: string
  /** The arguments as text; valid JSON unless the model wrote nonsense. */
  readonly arguments: string
}

/** An answer in neutral words, whole or so far. */
export interface ModelAnswer {
  readonly id: string | null
  /** The model that the provider says it ran. */
  readonly model: string | null
  readonly systemFingerprint: string | null
  /** Every text that the agent will read, in order: content, refusals, reasoning summaries. */
  readonly texts: readonly string[]
  readonly toolCalls: readonly ToolCall[]
  readonly finishReasons: readonly string[]
  /** `null` until the provider has reported it. */
  readonly usage: TokenUsage | null
}

/** What the gateway changes in a request before it goes out. Absent members stay as they are. */
export interface RequestChanges {
  readonly model?: string
  /** New texts by their index in `ModelRequest.texts`. */
  readonly texts?: ReadonlyMap<number, string>
  readonly maxTokens?: number
  /**
   * OpenAI chat has two names for it: which to add where the request has neither. `max_completion_tokens` unless said
   * otherwise; a provider that ignores the name has no bound.
   */
  readonly maxTokensMember?: 'max_tokens' | 'max_completion_tokens'
  /** Ask for the usage in the stream where the protocol reports it only when asked. */
  readonly usageInStream?: boolean
  /** Why the last answer was rejected, added to the prompt as the protocol's last user turn. */
  readonly correction?: string
}

export const NO_MEDIA: MediaCounts = { images: 0, inlineBytes: 0, unbounded: false, hosted: [] }

export const NO_USAGE: TokenUsage = {
  input: 0,
  output: 0,
  cacheRead: 0,
  cacheWrite: 0,
  cacheWriteHour: 0,
  reasoning: 0,
  inputAudio: 0,
  outputAudio: 0,
  webSearches: 0,
}
