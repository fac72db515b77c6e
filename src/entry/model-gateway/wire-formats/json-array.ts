import type { StreamEvent } from './wire-format.ts'

/** Content type of an answer that is framed as a JSON array. */
export const JSON_ARRAY_TYPE = 'application/json; charset=UTF-8'

/**
 * The next piece of a JSON array in which the data of every event is an element: what Gemini streams to clients that
 * do not ask for server-sent events. `first`: nothing was sent yet.
 */
export function jsonArrayPiece(event: StreamEvent, first: boolean): string {
  return (first ? '[' : ',\r\n') + event.data
}

/** The end of the array; after a failure too, whose error is its last element. `empty`: nothing was sent. */
export function jsonArrayEnd(empty: boolean): string {
  return empty ? '[]' : '\n]\n'
}
