import type { JsonObject } from '../../action/json.ts'
import type { Tags } from '../../action/tags.ts'
import type { Request, Response } from './message.ts'

/** A request of the client that waits for its answer. */
export interface ClientRequest {
  readonly message: Request
  /** Tells clients apart that share this session (MCP 2026-07-28 over HTTP); empty where one client has it alone. */
  readonly scope: string
  /** What the client calls its session, where it says so; all that an agent does under one name is one session. */
  readonly session: string | null
  /** What its calls are for, as it says. */
  readonly tags?: Tags | undefined
  /** Aborts when the client no longer wants the answer. */
  readonly left: AbortSignal
  /** `null`: cancelled, no answer follows. */
  readonly answer: (response: Response | null) => void
  /** Where a transport has a stream for each request. */
  readonly channel: unknown
}

/** How messages reach the client that answer nothing. */
export interface ClientSide {
  /** `about`: the request that it belongs to, where that is known or likely. `false`: nobody can be reached. */
  deliver(message: JsonObject, about: ClientRequest | null, certain: boolean): boolean
}
