import type { JsonObject } from '../../../action/json.ts'
import type { ModelAnswer, ModelOperation, ModelRequest, RequestChanges } from '../model-call.ts'

/** The protocols that agents speak. A provider speaks one of them; which routes it has is told by its formats. */
export type Protocol = 'openai' | 'anthropic' | 'gemini'

/**
 * One request format of one protocol: reads it into neutral words and writes changes back. Formats are pure;
 * they know nothing of policy, money or sockets. One file each.
 */
export interface WireFormat {
  /** For example `openai-chat`. */
  readonly name: string
  readonly protocol: Protocol
  readonly operation: ModelOperation
  /** `gen_ai.operation.name` of OpenTelemetry: `chat`, `embeddings`, `generate_content` … */
  readonly telemetryName: string
  /**
   * Whether the route is this format's; `path` is what follows the provider's base URL, without the query, for
   * example `/chat/completions`. The match carries what the path itself says (Gemini: model and streaming).
   */
  match(method: string, path: string): RouteMatch | undefined
  /** Reads a request. Throws `input:invalid` when a member that Belay must understand has another shape. */
  readRequest(body: JsonObject, route: RouteMatch): ModelRequest
  /** The body with changes; members that the gateway does not know stay. The body given is not modified. */
  rewriteRequest(body: JsonObject, changes: RequestChanges, route: RouteMatch): JsonObject
  /** The path to call with another model, where the path names it; otherwise the same path. */
  rewritePath?(path: string, changes: RequestChanges): string
  /** Reads a whole answer. Throws when it is not one. */
  readAnswer(body: JsonObject): ModelAnswer
  /**
   * A whole answer with other texts (same number as `ModelAnswer.texts`) and with refused tool calls (by index in
   * `ModelAnswer.toolCalls`) replaced by a text that the agent reads in their place. When no call is left the finish
   * reason is that of a plain answer.
   */
  rewriteAnswer(body: JsonObject, changes: AnswerChanges): JsonObject
  /** `null` where the format does not stream. */
  readonly stream: StreamFormat | null
}

export interface RouteMatch {
  readonly model?: string
  readonly stream?: boolean
}

export interface AnswerChanges {
  readonly texts?: readonly string[]
  readonly refusals?: ReadonlyMap<number, string>
}

/** One server-sent event: the fields as they came. `data` is undecoded. */
export interface StreamEvent {
  readonly event: string | null
  readonly data: string
}

export interface StreamFormat {
  open(request: ModelRequest): StreamReader
  /**
   * The same event as several, so that each has at most one text and none has a text together with a tool call. Called
   * before `read`, which throws for an event that holds several texts. Almost always answers the event itself.
   */
  split?(event: StreamEvent): readonly StreamEvent[]
  /**
   * The same event with its text replaced. Called only for events for which `text` was read. An empty text
   * keeps the event when it carries more than the text, and answers `null` when nothing of it is left.
   */
  withText(event: StreamEvent, text: string): StreamEvent | null
  /**
   * For an event whose reading says `repeats`, in place of `withText`: the event with what it repeats as it was
   * released to the agent, by part; the text that is new in this event included. The same event when nothing differs.
   * The event must be the object that was read.
   */
  finalText?(event: StreamEvent, released: readonly string[]): StreamEvent
  /**
   * The events that were held from the first tool call on (that one included, up to the end of the stream), with refused calls (by index in
   * `ModelAnswer.toolCalls`) replaced by a text that the agent reads, renumbered as the protocol demands.
   */
  refuse(held: readonly StreamEvent[], refusals: ReadonlyMap<number, string>): readonly StreamEvent[]
  /**
   * An error in the middle of a stream, in the protocol's own shape, so that official clients raise it; never a
   * clean end. `after`: the last event that was sent, for protocols that number their events.
   */
  failure(code: string, message: string, after?: StreamEvent): readonly StreamEvent[]
  /**
   * The query parameter by which a client asks for server-sent events, where the protocol streams a JSON array without
   * it (Gemini). The provider is always asked for events; a client that did not ask is answered by `json-array.ts`.
   */
  readonly sseQuery?: { readonly name: string; readonly value: string }
}

/** Reads one stream. Not shared between streams. */
export interface StreamReader {
  /** Throws when the event is malformed: the stream is broken then. */
  read(event: StreamEvent): StreamReading
  /**
   * Reads an event that says nothing but more of the text before, as those before it, without parsing it. `null`: it is
   * to be split and read like any other.
   */
  readMore?(event: StreamEvent): StreamReading | null
  /** What is known so far. `texts` is complete only for what was read. */
  answer(): ModelAnswer
  /** The protocol's end has been read: what follows is nothing. A stream that closes before is truncated. */
  readonly ended: boolean
}

export interface StreamReading {
  /** Text for the agent in this event that is new; `null`: none. */
  readonly text: string | null
  /** Which text of the answer it belongs to (index in `ModelAnswer.texts`). */
  readonly part: number
  /** The event belongs to a tool call, or comes after one began. */
  readonly tool: boolean
  /** The client did not ask for this event: it reports usage that only the gateway wanted. */
  readonly unasked: boolean
  /**
   * The event repeats texts of the answer whole: all that is held back of them is released first, and the event goes
   * through `StreamFormat.finalText`, or it would tell what was edited out of the deltas.
   */
  readonly repeats?: boolean
  /** Texts of which no more follows (indices in `ModelAnswer.texts`): what is held back of them need not wait for the end. */
  readonly closes?: readonly number[]
}
