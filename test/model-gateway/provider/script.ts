import type { JsonObject, JsonValue } from '../../../src/action/json.ts'
import { NO_USAGE, type TokenUsage } from '../../../src/entry/model-gateway/model-call.ts'
import type { Protocol } from '../../../src/entry/model-gateway/wire-formats/wire-format.ts'

/** What can go wrong at a provider or on the way to it. Toxiproxy's names where it has one. */
export const FAULTS = [
  'rate_limit',
  'server_error',
  'overloaded',
  'bad_request',
  'redirect',
  'timeout',
  'reset_peer',
  'reset_mid_stream',
  'truncated_stream',
  'limit_data',
  'half_closed',
  'broken_chunking',
  'malformed_json',
  'empty',
  'endless',
  'slow_sse',
  'error_event',
  'wrong_finish_reason',
  'model_swap',
  'schema_drift',
  'field_removed',
  'slicer',
  'bandwidth',
  'gzip',
  'no_usage',
  'zero_usage',
  'ignores_max_tokens',
] as const

export type FaultName = (typeof FAULTS)[number]

export interface Fault {
  readonly name: FaultName
  /** Deltas that a stream sends before it goes wrong. Default 1. */
  readonly after?: number
  /** Of `limit_data`: bytes of the body that still arrive. Default: half of them. */
  readonly bytes?: number
  /** Of `rate_limit`: seconds. Default 1. */
  readonly retryAfter?: number
  /** Of `timeout` and `slow_sse`: what they wait for. Default: until the client leaves. */
  readonly gate?: Gate
}

/** What the provider says to one request. Everything has a default. */
export interface Answer {
  readonly text?: string
  /** A summary of its reasoning, in the place where the protocol has one. */
  readonly thinking?: string
  readonly toolCalls?: readonly ScriptedToolCall[]
  /** The text as a stream cuts it; word by word unless said. */
  readonly chunks?: readonly string[]
  /** In the gateway's neutral counts; what is absent is counted at four characters a token. */
  readonly usage?: Partial<TokenUsage>
  /** The model that it says it ran; the requested one unless said. */
  readonly model?: string
  readonly finish?: Finish
  readonly headers?: Readonly<Record<string, string>>
  /** Opened by the test: before the head of the answer, before the delta of that number, before the end. */
  readonly head?: Gate
  readonly gates?: Readonly<Record<number, Gate>>
  readonly end?: Gate
  /** Bills the whole answer although the client left in the middle of it. */
  readonly billsAbandoned?: boolean
  readonly fault?: FaultName | Fault
}

/** What the provider waits for; a function is called when it gets there. */
export type Gate = Promise<unknown> | (() => Promise<unknown>)

export interface ScriptedToolCall {
  readonly id?: string
  readonly name: string
  /** A string is sent as it is, also when it is no JSON. */
  readonly arguments: JsonObject | string
}

export type Finish = 'stop' | 'length' | 'tool' | 'filter'

export type Script = readonly Answer[] | ((request: Arrived) => Answer | undefined)

export type RouteKind = 'generate' | 'embed' | 'count' | 'list'

/** What the provider understood of a request: what its answer depends on. */
export interface Heard {
  readonly route: string
  readonly kind: RouteKind
  readonly model: string
  readonly stream: boolean
  readonly maxTokens: number | null
  readonly answers: number
  /** The client asked for the usage in the stream (OpenAI chat). */
  readonly usageAsked: boolean
  /** Texts to embed. */
  readonly inputs: number
}

/** A request as it came in. */
export interface Arrived extends Heard {
  readonly number: number
  readonly protocol: Protocol
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly raw: Buffer
  readonly body: JsonObject
  /** What it costs so far; final when `ended` has settled. `null`: nothing. */
  readonly billed: TokenUsage | null
  /** Deltas that were sent. */
  readonly deltas: number
  /** `abandoned`: the client left before the end. Never rejects. */
  readonly ended: Promise<'answered' | 'abandoned' | 'broken'>
}

/** An answer with everything decided. */
export interface Said {
  readonly id: string
  readonly created: number
  readonly model: string
  readonly text: string
  readonly chunks: readonly string[]
  readonly thinking: string | null
  readonly toolCalls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[]
  readonly finish: Finish
  readonly usage: TokenUsage
}

/** One server-sent event. `delta`: it carries a part of the answer. */
export interface Piece {
  readonly event: string | null
  readonly data: JsonObject | '[DONE]'
  readonly delta?: true
  /** It belongs to the protocol's end: a truncated stream lacks it. */
  readonly last?: true
}

/** One vendor's way of saying things. */
export interface Speech {
  hear(method: string, path: string, query: URLSearchParams, body: JsonObject): Heard | undefined
  key(headers: Arrived['headers'], query: URLSearchParams): string | undefined
  whole(said: Said, heard: Heard): JsonObject
  pieces(said: Said, heard: Heard): Piece[]
  failure(status: number, message: string, requestId: string): JsonObject
  overloaded: number
  failurePiece(heard: Heard): Piece
  headers(requestId: string): Record<string, string>
}

export function decide(answer: Answer, heard: Heard, bytes: number, number: number): Said {
  const fault = faultOf(answer)?.name
  const limit = heard.maxTokens === null || fault === 'ignores_max_tokens' ? Infinity : heard.maxTokens
  const wanted =
    answer.text ?? answer.chunks?.join('') ?? (answer.toolCalls ? '' : 'Hello from the provider.')
  const text = wanted.length > limit * 4 ? wanted.slice(0, limit * 4) : wanted
  const toolCalls = (answer.toolCalls ?? []).map(({ id, name, arguments: given }, index) => ({
    id: id ?? `call_${number}_${index}`,
    name,
    arguments: typeof given === 'string' ? given : JSON.stringify(given),
  }))
  const spoken = toolCalls.reduce((sum, call) => sum + call.arguments.length + call.name.length, text.length)
  const thought = answer.usage?.reasoning ?? Math.ceil((answer.thinking?.length ?? 0) / 4)
  const reasoning = Math.min(thought, limit * heard.answers)
  const counted = Math.max(1, Math.ceil(spoken / 4)) * heard.answers + reasoning
  const finish = text === wanted ? (answer.finish ?? (toolCalls.length > 0 ? 'tool' : 'stop')) : 'length'
  return {
    id: `answer${number}`,
    created: 1_700_000_000 + number,
    model: fault === 'model_swap' ? 'another-model-2' : (answer.model ?? heard.model),
    text,
    chunks: text === wanted && answer.chunks ? answer.chunks : (text.match(/\S+\s*|\s+/g) ?? []),
    thinking: answer.thinking ?? null,
    toolCalls,
    finish: fault === 'wrong_finish_reason' ? (finish === 'tool' ? 'stop' : 'tool') : finish,
    usage: {
      ...NO_USAGE,
      input: Math.ceil(bytes / 4),
      ...answer.usage,
      reasoning,
      output: heard.kind === 'embed' ? 0 : Math.min(answer.usage?.output ?? counted, limit * heard.answers),
    },
  }
}

export function faultOf(answer: Answer): Fault | undefined {
  return typeof answer.fault === 'string' ? { name: answer.fault } : answer.fault
}

/** Cut in pieces of `size` characters, as providers cut the arguments of tool calls. */
export function cut(text: string, size: number): string[] {
  const pieces = []
  for (let at = 0; at < text.length; at += size) pieces.push(text.slice(at, at + size))
  return pieces
}

export function isRecord(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function numberOr<T>(value: unknown, otherwise: T): number | T {
  return typeof value === 'number' ? value : otherwise
}

/** The arguments of a tool call where a protocol wants them as JSON; nonsense stays what it is. */
export function parsed(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return text
  }
}
