import type { JsonObject } from '../../action/json.ts'
import { eventId, type ExportedRecord } from './sink.ts'

/** CloudEvents 1.0 §5: what every receiver must be able to take. */
const MAX_EVENT = 65_536

/** A record of the ledger as a CloudEvent 1.0: `id` and `source` together are the same for each attempt. */
export function cloudEvent(record: ExportedRecord, origin: string): JsonObject {
  const { kind, at, action, agent, hash, said, payload } = record
  const event = {
    specversion: '1.0',
    id: eventId(record),
    source: `urn:belay:${origin}`,
    type: `dev.belay.${kind}`,
    ...(action !== null && { subject: action }),
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
    recordhash: hash,
    ...(agent !== null && { agent }),
  }
  const whole = { ...event, data: { ...said, ...(payload !== null && { content: payload }) } }
  if (payload === null || Buffer.byteLength(JSON.stringify(whole)) <= MAX_EVENT) return whole
  return { ...event, data: { ...said, content_omitted: 'too large for an event' } }
}
