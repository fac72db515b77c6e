import type { JsonValue } from './json.ts'

/** What went to and fro between an agent and a door about one action, kept so that it can be replayed. Times are epoch ms. */
export interface Recording {
  readonly v: 1
  readonly door: RecordedDoor
  readonly method: string
  /** As the agent asked for it, without any key; with its query. */
  readonly path: string
  /** The body of the request; `null` where there was none. Secrets in it are masked. */
  readonly request: JsonValue
  readonly startedAt: number
  /** `null` when it is withheld. */
  readonly answer: RecordedAnswer | null
  /** Why the answer was not kept: it was too large, or a secret in it could not be masked. */
  readonly withheld: 'too_large' | 'secret' | null
  /** How many secrets were masked; an answer with masks is not byte for byte what the agent got. */
  readonly masked: { readonly request: number; readonly answer: number }
}

export type RecordedDoor = 'model' | 'http' | 'mcp'

export interface RecordedAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly encoding: 'utf8' | 'base64'
  readonly body: string
  /** Where it was cut into pieces: ms since the request, and bytes. */
  readonly cuts: readonly (readonly [number, number])[]
  /** Sent in one piece with its length. */
  readonly whole: boolean
  /** The connection was broken before its end. */
  readonly broken: boolean
}
