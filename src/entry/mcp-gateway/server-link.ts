import type { JsonObject } from '../../action/json.ts'
import type { Message, RequestId } from './message.ts'

/** What a connection to an MCP server tells its session. */
export interface LinkEvents {
  /** `relatedTo`: the request on whose stream it came, where the transport knows (streamable HTTP). */
  message(message: Message, relatedTo?: RequestId): void
  /** This request gets no answer any more. `reached`: the server may have begun with it. */
  lost(id: RequestId, cause: string, reached: boolean): void
  /** The server is gone, with everything in flight. With `again`, the link comes back by itself and tells `up`. */
  down(cause: string, again: boolean): void
  /** A server is there again after `down`; it knows nothing of the session yet. */
  up(): void
}

/** What a transport needs beside the message. */
export interface SendHints {
  /** Headers that mirror arguments of a tool (MCP 2026-07-28, `x-mcp-header`). */
  readonly headers?: Readonly<Record<string, string>>
}

/** A connection to one MCP server, whatever carries it. Requests have the gateway's own ids. */
export interface ServerLink {
  /** Whether what is sent now reaches a server. */
  readonly alive: boolean
  send(message: JsonObject, hints?: SendHints): void
  /** The answer to this request is no longer wanted; a transport with a stream for each request closes it. */
  abandon(id: RequestId): void
  /** What the client and the server have agreed on; streamable HTTP repeats it with each request. */
  negotiated(version: string): void
  close(): Promise<void>
}

/** Opens a connection for one session. */
export type OpenLink = (events: LinkEvents) => ServerLink
