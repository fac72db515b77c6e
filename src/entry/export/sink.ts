import type { JsonObject, JsonValue } from '../../action/json.ts'
import type { StoredRecord } from '../../storage/store.ts'

/** A record on its way out. */
export interface ExportedRecord extends StoredRecord {
  /** The record as parsed. */
  readonly said: JsonObject
  /** What belongs to it, only where content was opted in; secrets masked. */
  readonly payload: { readonly kind: string; readonly body: JsonValue } | null
  /** The record of the decision on the same action, and when it was started, where the sink asks for them. */
  readonly decision: JsonObject | null
  readonly startedAt: number | null
}

/** Where records go. */
export interface Sink {
  /** Most records that `send` takes at once. */
  readonly batch: number
  /** Whether records of an outcome come with the decision on their action. */
  readonly wantsDecision: boolean
  /**
   * Resolves when the receiver has them. Throws `Later` when it cannot take them now, `TooLarge` and `Unacceptable`
   * when it will never take these together; whatever else it throws is taken as `Later`.
   */
  send(records: readonly ExportedRecord[], signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** It cannot be sent now. */
export class Later extends Error {
  override readonly name = 'Later'
  /** ms that the receiver asked for; `undefined`: it did not say. */
  readonly after: number | undefined
  /** Nothing will help but somebody who changes the configuration: not asked again so soon. */
  readonly configuration: boolean

  constructor(
    message: string,
    options: { readonly after?: number | undefined; readonly configuration?: boolean } = {},
  ) {
    super(message)
    this.after = options.after
    this.configuration = options.configuration ?? false
  }
}

/** Together they are more than the receiver takes. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge'
}

/** The receiver says that something in it is malformed. */
export class Unacceptable extends Error {
  override readonly name = 'Unacceptable'
}

/** The same for each attempt, also after a crash: receivers drop repeats by it. */
export function eventId({ chain, seq }: Pick<StoredRecord, 'chain' | 'seq'>): string {
  return `${chain}/${seq}`
}
