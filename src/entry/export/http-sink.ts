import type { JsonObject } from '../../action/json.ts'
import { post } from './post.ts'
import { TooLarge, type ExportedRecord, type Sink } from './sink.ts'

const MAX_BODY = 1_000_000

/** Records as events in a JSON array: CloudEvents' batched mode (HTTP binding §3.3), or OCSF. */
export function httpSink(options: {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly contentType: string
  readonly events: (record: ExportedRecord) => readonly JsonObject[]
  readonly wantsDecision: boolean
}): Sink {
  const { url, headers, contentType, events, wantsDecision } = options
  return {
    batch: 100,
    wantsDecision,
    async send(records, signal) {
      const body = JSON.stringify(records.flatMap(events))
      if (Buffer.byteLength(body) > MAX_BODY && records.length > 1)
        throw new TooLarge('more than a request holds')
      await post(url, { ...headers, 'content-type': contentType }, body, signal)
    },
    close: () => Promise.resolve(),
  }
}
