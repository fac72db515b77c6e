import { isJsonObject, type JsonObject } from '../../../action/json.ts'
import type { StreamEvent } from './wire-format.ts'

/** Splitting, reading and editing look at the same event one after the other: its data is parsed once. */
let last: StreamEvent | null = null
let lastData: JsonObject = {}

/** The data of an event as a JSON object; not to be modified. Throws when it is not one: the stream is broken then. */
export function eventData(event: StreamEvent): JsonObject {
  if (event === last) return lastData
  let data: unknown
  try {
    data = JSON.parse(event.data)
  } catch {
    throw new Error('An event of the stream is not JSON.')
  }
  if (!isJsonObject(data)) throw new Error('An event of the stream is not a JSON object.')
  last = event
  lastData = data
  return data
}

/** An event of the same name with other data. */
export function eventWith(name: string | null, data: JsonObject): StreamEvent {
  return { event: name, data: JSON.stringify(data) }
}
